// The middle column: the messages of a channel, or of the chat with the app and its home tab.

import { Composer } from "./composer.js";
import { avatar, fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { MessageList } from "./messages.js";
import { showView } from "./view.js";

/** Owns the middle column; `actions` are what a person can cause, `go(place)` moves. */
export class Conversation {
  constructor(element, store, actions, go) {
    this.element = element;
    this.store = store;
    this.go = go;
    this.head = h("header", { class: "pane-head" });
    this.tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Chat with the app" });
    this.list = new MessageList("Messages", { store, ...actions, isThread: false, onThread: (message) => go({ thread: message.id }), onEditEnd: () => this.composer.focus() });
    this.composer = new Composer(store, { onSend: (text, files) => actions.onSend(text, null, files), onUpload: actions.onUpload, onUp: () => this.editLast() });
    this.home = h("div", { class: "home", id: "panel-home", role: "tabpanel", "aria-label": "Home", tabindex: -1 });
    this.panel = h("div", { class: "pane-body", id: "panel-messages" }, this.list.element, this.composer.element);
    this.onAction = actions.onHomeAction;
    this.shownChannel = null;
    fill(element, this.head, this.tabs, this.panel, this.home);
  }

  show() {
    const { store } = this;
    const channel = store.channel();
    if (!channel) return;
    const isApp = channel.kind === "app";
    const atHome = isApp && store.place.tab === "home";
    const changed = this.shownChannel !== `${store.me.id}/${channel.id}`;
    this.shownChannel = `${store.me.id}/${channel.id}`;
    this.showHead(channel, isApp);
    this.showTabs(isApp, atHome);
    this.panel.hidden = atHome;
    this.home.hidden = !atHome;
    this.element.setAttribute("aria-label", isApp ? `Chat with ${channel.name}` : `Channel ${channel.name}`);
    this.composer.label(isApp ? `Message ${channel.name}` : `Message #${channel.name}`, isApp ? `Message ${channel.name}` : `Message #${channel.name}`);
    if (changed) {
      this.showIntro(channel, isApp);
      this.composer.clear();
    }
    this.showMessages(changed);
    if (atHome) this.showHome();
  }

  showMessages(toEnd = false) {
    const channel = this.store.channel();
    if (!channel || this.panel.hidden) return;
    this.list.show(this.store.roots(channel.id));
    if (toEnd) this.list.toEnd();
  }

  showHome() {
    const { home } = this.store;
    const key = this.home.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const { scrollTop } = this.home;
    const inner = home
      ? [home.title ? h("h2", { class: "home-title" }, home.title) : null, showView(home, { onAction: this.onAction, channels: this.store.channels.filter((one) => one.kind === "channel") })]
      : [h("div", { class: "skeleton", role: "status" }, h("span", { class: "visually-hidden" }, "Loading"), h("i"), h("i"), h("i"))];
    fill(this.home, h("div", { class: "home-inner" }, inner));
    this.home.scrollTop = scrollTop;
    if (key) this.home.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }

  showHead(channel, isApp) {
    const sign = isApp ? avatar({ kind: "app", name: channel.name, emoji: channel.emoji }, "avatar-small") : h("span", { class: "pane-sign" }, icon(channel.private ? "lock" : "hash"));
    fill(
      this.head,
      iconButton("back", "Back to all channels", () => this.go({ pane: "sidebar" }), { class: "icon-button only-phone" }),
      h("h2", { class: "pane-title" }, sign, h("span", {}, channel.name), isApp ? h("span", { class: "badge" }, "App") : null),
      h("p", { class: "pane-topic" }, channel.topic),
    );
  }

  showTabs(isApp, atHome) {
    this.tabs.hidden = !isApp;
    const tab = (name, label, sign, selected) =>
      h("button", {
        type: "button", role: "tab", class: "tab", id: `tab-${name}`, "aria-selected": String(selected), "aria-controls": `panel-${name}`,
        tabindex: selected ? 0 : -1, data: { key: `tab-${name}` },
        on: { click: () => this.go({ tab: name }), keydown: (event) => this.tabKey(event, name) },
      }, icon(sign), label);
    const focused = this.tabs.contains(document.activeElement);
    fill(this.tabs, tab("home", "Home", "home", atHome), tab("messages", "Messages", "reply", !atHome));
    if (focused) this.tabs.querySelector('[aria-selected="true"]').focus();
  }

  tabKey(event, name) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    this.go({ tab: name === "home" ? "messages" : "home" });
  }

  showIntro(channel, isApp) {
    const { store } = this;
    const prompts = store.prompts.map((prompt) =>
      h("button", { type: "button", class: "prompt", on: { click: () => this.composer.set(prompt.message) } }, h("strong", {}, prompt.title), h("span", {}, prompt.message)));
    fill(
      this.list.intro,
      isApp ? avatar({ kind: "app", name: channel.name, emoji: channel.emoji }, "avatar-large") : h("span", { class: "intro-sign" }, icon(channel.private ? "lock" : "hash")),
      h("h3", {}, isApp ? `Ask ${channel.name} anything` : `Welcome to #${channel.name}`),
      h("p", {}, isApp ? "This chat is between you and the app. Every message starts a thread; the answer comes there." : introOf(channel, store)),
      isApp && prompts.length ? h("div", { class: "prompts", role: "group", "aria-label": "Suggestions" }, prompts) : null,
    );
  }

  editLast() {
    const own = this.store.roots(this.store.place.channel).filter((message) => message.author.id === this.store.me.id).at(-1);
    if (own) this.list.items.get(own.id)?.edit();
  }
}

function introOf(channel, store) {
  return [h("span", {}, channel.topic ? `${channel.topic}. ` : ""), "Mention ", h("span", { class: "mention" }, `@${store.app.name}`), " and the agent answers in a thread. Type ", h("code", {}, "/byok"), " to manage keys."];
}
