// Wires the page: the line to the server, what is known, what is shown, and where one is.

import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { fill, h } from "./dom.js";
import { Modals } from "./modal.js";
import { showSidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { Thread } from "./thread.js";
import { confirmed } from "./view.js";

const PERSON = "latchkey-person";
const LONGEST_ANSWER = 15_000;

const app = document.getElementById("app");
const offline = document.getElementById("offline");
const announcer = document.getElementById("announcer");
const store = new Store();
const waiting = new Map();
let requests = 0;

const address = new URL("socket", location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
address.hash = "";
const connection = new Connection(address.href, { onEvent: (event) => store.take(event), onLine: showLine });

/** Sends something and waits until the server has dealt with it; false when there is no line. */
function request(event) {
  requests += 1;
  const n = requests;
  if (!connection.send({ ...event, n })) {
    toast("Not connected: try again in a moment.");
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(n, false), LONGEST_ANSWER);
    waiting.set(n, { resolve, timer });
  });
}

function settle(n, answer) {
  const entry = waiting.get(n);
  if (!entry) return;
  clearTimeout(entry.timer);
  waiting.delete(n);
  entry.resolve(answer);
}

const actions = {
  onSend(text, thread, files = []) {
    const { channel } = store.place;
    const isCommand = text.startsWith("/") && (!files.length || /^\/byok(\s|$)/i.test(text));
    const event = isCommand ? { t: "command", channel, thread, text } : { t: "message", channel, thread, text, files: files.map((file) => file.id) };
    const sent = connection.send(event);
    if (!sent) toast("Not connected: your text is still here.");
    else if (isCommand && files.length) toast("Commands do not use files: the attached ones were left out.");
    else if (event.t === "message" && !thread) openOwnThread(text);
    return sent;
  },
  onAction: (message, action) => request({ t: "action", message: message.id, ...action }),
  onHomeAction: (action) => request({ t: "action", home: true, ...action }),
  onUpload: upload,
  onResend: (message) => request({ t: "resend", message: message.id }),
  onStop: (message) => request({ t: "stop", message: message.id }),
  onEdit: (message, text) => request({ t: "edit", message: message.id, text }),
  onDismiss: (message) => request({ t: "dismiss", message: message.id }),
  async onDelete(message) {
    const sure = await confirmed({ title: "Delete this message?", text: "If an agent is answering it, the answer stops.", yes: "Delete", no: "Keep it" }, true);
    if (sure) request({ t: "delete", message: message.id });
  },
};

const conversation = new Conversation(document.getElementById("conversation"), store, actions, go);
const thread = new Thread(document.getElementById("thread"), store, actions, go);
const modals = new Modals(store, request);

/** Leaves a file with the server; what is kept of it, or null. */
async function upload(file) {
  try {
    const answer = await fetch(`files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream" } });
    if (answer.ok) return await answer.json();
    toast(answer.status === 413 ? "That file is too large: 1 MB at most." : "That file could not be attached.");
  } catch {
    toast("That file could not be attached.");
  }
  return null;
}

let opensNext = null;

/** A question to the app opens its thread as soon as it is there: the answer will come in it. */
function openOwnThread(text) {
  const asks = store.channel()?.kind === "app" || text.toLowerCase().includes(`@${store.app.name.toLowerCase()}`);
  opensNext = asks ? { channel: store.place.channel, text } : null;
}

let staysWithApp = false;

/** Makes this window another person's. */
function become(person) {
  try {
    sessionStorage.setItem(PERSON, person);
  } catch {
    // Then this choice lasts until the page is loaded again.
  }
  modals.closeAll();
  store.unread.clear();
  // Who is in the chat with the app stays there: the other person has one too.
  staysWithApp = store.channel()?.kind === "app";
  store.place = { ...store.place, thread: null };
  connection.open(person);
}

/** Moves to another place; what is left out stays as it is. */
function go(change) {
  const before = store.place;
  const moved = change.channel && change.channel !== before.channel;
  store.place = { ...before, ...(moved ? { tab: startTab(change.channel), thread: null } : {}), ...change };
  if (change.tab === "home") store.place.thread = null;
  app.dataset.pane = change.pane ?? "conversation";
  delete store.place.pane;
  store.unread.delete(store.place.channel);
  showAll();
  remember();
  if (store.place.tab === "home" && (moved || change.tab === "home")) connection.send({ t: "home" });
  moveFocus(change, before, moved);
}

function moveFocus(change, before, moved) {
  if (change.pane === "sidebar") document.querySelector('.place[aria-current="page"]')?.focus();
  else if (change.thread) thread.composer.focus();
  else if (change.thread === null && before.thread) conversation.composer.focus();
  else if (moved && store.place.tab !== "home" && matchMedia("(pointer: fine)").matches) conversation.composer.focus();
}

function startTab(channel) {
  return store.channel(channel)?.kind === "app" && !store.roots(channel).length ? "home" : "messages";
}

function remember() {
  const { channel, tab, thread: open } = store.place;
  const hash = `#${[channel, tab === "home" ? "home" : null, open].filter(Boolean).join("/")}`;
  const state = { place: { ...store.place }, pane: app.dataset.pane };
  if (location.hash === hash && history.state?.pane === state.pane) history.replaceState(state, "", hash);
  else history.pushState(state, "", hash);
}

addEventListener("popstate", (event) => {
  if (!event.state?.place || !store.ready) return;
  store.place = event.state.place;
  app.dataset.pane = event.state.pane;
  showAll();
});

function showAll() {
  if (!store.ready) return;
  app.dataset.me = store.me.name;
  app.dataset.thread = store.place.thread ? "open" : "closed";
  showSidebar(document.getElementById("sidebar"), store, { go, become });
  conversation.show();
  thread.show();
  document.title = `${store.channel()?.kind === "app" ? "" : "#"}${store.channel()?.name ?? ""} · ${store.workspace.name}`;
}

const grown = new Set();

/** Shows with the next frame what was added to answers: nothing else is drawn for it, however long the channel is. */
function paintGrown() {
  for (const message of grown) {
    conversation.list.grow(message);
    thread.list.grow(message);
  }
  grown.clear();
}

let painting = false;

/** Shows what changed with the next frame. */
function paint() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    showSidebar(document.getElementById("sidebar"), store, { go, become });
    conversation.showMessages();
    thread.show();
  });
}

store.addEventListener("snapshot", () => {
  const [wanted, second, third] = location.hash.slice(1).split("/");
  if (!store.channel() && staysWithApp) {
    store.place = { ...store.place, channel: store.channels.find((one) => one.kind === "app").id };
  } else if (!store.channel()) {
    const channel = store.channel(wanted) ?? store.channels[0];
    const isHome = second === "home";
    store.place = { channel: channel.id, tab: isHome ? "home" : "messages", thread: (isHome ? third : second) ?? null };
    app.dataset.pane = "conversation";
  }
  if (!store.messages.has(store.place.thread)) store.place = { ...store.place, thread: null };
  showAll();
  remember();
  if (store.place.tab === "home") connection.send({ t: "home" });
});

store.addEventListener("message", ({ detail: { message, isNew } }) => {
  if (isNew && opensNext && message.author.id === store.me.id && message.channel === opensNext.channel && message.text === opensNext.text && !message.thread) {
    opensNext = null;
    go({ thread: message.id });
  }
  announce(message, isNew);
  paint();
});
store.addEventListener("grew", ({ detail: { message } }) => {
  if (!grown.size) requestAnimationFrame(paintGrown);
  grown.add(message);
});
store.addEventListener("removed", () => showAll());
store.addEventListener("home", () => store.place.tab === "home" && conversation.showHome());
store.addEventListener("gap", () => connection.send({ t: "resync" }));
store.addEventListener("done", ({ detail }) => settle(detail.n, detail.status === 200));
store.addEventListener("problem", ({ detail }) => toast(detail.text));
store.addEventListener("screen", ({ detail }) => {
  const { t, screen } = detail;
  if (t === "errors") modals.errors(screen, detail.errors);
  else if (t === "close") modals.close(screen);
  else modals.show(screen, detail.view);
});

const announced = new Map();

/** Tells screen readers when an answer begins and, once it is whole, what it says. */
function announce(message, isNew) {
  if (message.author.kind !== "app" && !isNew) return;
  if (message.author.id === store.me.id || announced.get(message.id) === message.state) return;
  announced.set(message.id, message.state);
  const text = message.state === "working" ? `${message.author.name} is answering` : `${message.author.name}: ${spoken(message)}`;
  announcer.append(h("p", {}, text));
  while (announcer.children.length > 20) announcer.firstElementChild.remove();
}

function spoken(message) {
  return message.text.replace(/```[\s\S]*?(```|$)/g, " code ").replace(/[*_`#>|~]+/g, "").slice(0, 2000) || "something only for you";
}

function toast(text) {
  const element = h("div", { class: "toast", role: "alert" }, text);
  document.body.append(element);
  setTimeout(() => element.remove(), 6000);
}

async function showLine(isUp) {
  offline.hidden = isUp;
  if (isUp) return;
  for (const n of [...waiting.keys()]) settle(n, false);
  const allowed = await mayEnter();
  if (!offline.hidden) fill(offline, allowed ? [h("span", { class: "spinner", "aria-hidden": "true" }), "Reconnecting…"] : "This page is no longer let in. Open the address that “latchkey demo” printed last.");
}

/** Whether the server, if it is there, still knows this browser. */
async function mayEnter() {
  try {
    const answer = await fetch("session", { cache: "no-store", redirect: "error" });
    return answer.status !== 403;
  } catch {
    return true;
  }
}

// Escape closes the thread when nothing nearer wants it; a dialog and the hints take it first.
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && store.place.thread && !document.querySelector("dialog[open]")) go({ thread: null });
});

let remembered = null;
try {
  remembered = sessionStorage.getItem(PERSON);
} catch {
  remembered = null;
}
connection.open(remembered);
