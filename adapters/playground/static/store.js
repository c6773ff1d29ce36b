// What the page knows: the server's snapshot, kept current by its events. Whoever shows something subscribes.

/** The state of one window, and the only place where it changes. */
export class Store extends EventTarget {
  constructor() {
    super();
    this.ready = false;
    this.workspace = { name: "" };
    this.app = { id: "", name: "Latchkey" };
    this.me = null;
    this.people = [];
    this.channels = [];
    this.commands = [];
    this.prompts = [];
    this.messages = new Map();
    this.index = null;
    this.home = null;
    this.unread = new Set();
    this.place = { channel: null, tab: "messages", thread: null };
  }

  /** Takes one event of the server; the handlers are named after its types. */
  take(event) {
    const handler = HANDLERS[event.t];
    // The order of messages is kept until one comes, goes or changes; text that grows changes nothing of it.
    if (event.t !== "append") this.index = null;
    if (handler) handler(this, event);
  }

  /** Tells subscribers that something of this kind changed. */
  tell(kind, detail = null) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  channel(id = this.place.channel) {
    return this.channels.find((one) => one.id === id) ?? null;
  }

  /** Messages at the top of a channel, oldest first. */
  roots(channel) {
    return this.indexed().roots.get(channel) ?? [];
  }

  /** The message that began a thread, and its replies, oldest first. */
  thread(root) {
    const first = this.messages.get(root);
    return [...(first ? [first] : []), ...(this.indexed().replies.get(root) ?? [])];
  }

  /** Names that are shown as mentions. */
  names() {
    return [this.app.name, ...this.people.map((person) => person.name)];
  }

  indexed() {
    if (this.index) return this.index;
    const roots = new Map();
    const replies = new Map();
    for (const message of [...this.messages.values()].sort((a, b) => a.order - b.order)) {
      const [group, key] = message.thread ? [replies, message.thread] : [roots, message.channel];
      if (!group.has(key)) group.set(key, []);
      group.get(key).push(message);
    }
    this.index = { roots, replies };
    return this.index;
  }
}

const HANDLERS = {
  snapshot(store, event) {
    const { workspace, app, me, people, channels, commands, prompts, home } = event;
    Object.assign(store, { workspace, app, me, people, channels, commands, prompts, home, ready: true });
    store.messages = new Map(event.messages.map((message) => [message.id, message]));
    store.tell("snapshot");
  },

  message(store, { message }) {
    const known = store.messages.has(message.id);
    store.messages.set(message.id, message);
    if (!known && message.author.id !== store.me.id) markUnread(store, message);
    store.tell("message", { message, isNew: !known });
  },

  append(store, { id, rev, text }) {
    const message = store.messages.get(id);
    if (!message) return;
    // Each change of a message counts up: a window that missed one asks for all of it again.
    if (message.rev + 1 !== rev) {
      store.tell("gap");
      return;
    }
    message.rev = rev;
    message.text += text;
    store.tell("grew", { message });
  },

  removed(store, { id }) {
    store.messages.delete(id);
    if (store.place.thread === id) store.place = { ...store.place, thread: null };
    store.tell("removed", { id });
  },

  home(store, { view }) {
    store.home = view;
    store.tell("home");
  },

  open: (store, event) => store.tell("screen", event),
  replace: (store, event) => store.tell("screen", event),
  errors: (store, event) => store.tell("screen", event),
  close: (store, event) => store.tell("screen", event),
  done: (store, event) => store.tell("done", event),
  problem: (store, event) => store.tell("problem", event),
};

function markUnread(store, message) {
  if (message.channel === store.place.channel && store.place.tab === "messages" && !document.hidden) return;
  store.unread.add(message.channel);
}
