// The right column: one thread. On a narrow screen it takes the whole of it.

import { Composer } from "./composer.js";
import { fill, h, iconButton } from "./dom.js";
import { MessageList } from "./messages.js";

/** Owns the thread column; `go(place)` moves. */
export class Thread {
  constructor(element, store, actions, go) {
    this.element = element;
    this.store = store;
    this.title = h("p", { class: "pane-topic" });
    this.list = new MessageList("Thread", { store, ...actions, isThread: true, onThread: () => {}, onEditEnd: () => this.composer.focus() });
    this.composer = new Composer(store, {
      onSend: (text, files) => actions.onSend(text, store.place.thread, files),
      onUpload: actions.onUpload,
      onUp: () => this.editLast(),
      onStop: () => this.answer() && actions.onStop(this.answer()),
    });
    this.composer.label("Reply in thread", "Reply…");
    this.shown = null;
    fill(
      element,
      h("header", { class: "pane-head" },
        iconButton("back", "Back to the channel", () => go({ thread: null }), { class: "icon-button only-phone" }),
        h("h2", { class: "pane-title" }, "Thread"),
        this.title,
        iconButton("close", "Close thread", () => go({ thread: null }), { class: "icon-button not-phone", data: { key: "close-thread" } })),
      h("div", { class: "pane-body" }, this.list.element, this.composer.element),
    );
  }

  /** Shows the thread of the current place, or nothing. */
  show() {
    const { thread } = this.store.place;
    const channel = this.store.channel();
    this.element.hidden = !thread;
    if (!thread || !channel) {
      this.shown = null;
      return;
    }
    this.title.textContent = channel.kind === "app" ? channel.name : `#${channel.name}`;
    this.list.show(this.store.thread(thread));
    this.composer.working(Boolean(this.answer()));
    if (this.shown !== thread) {
      this.list.toEnd();
      this.composer.clear();
    }
    this.shown = thread;
  }

  /** The answer that is being written here, if there is one that can be stopped. */
  answer() {
    return this.store.thread(this.store.place.thread).find((message) => message.state === "working" && message.canStop) ?? null;
  }

  editLast() {
    const own = this.store.thread(this.store.place.thread).filter((message) => message.author.id === this.store.me.id).at(-1);
    if (own) this.list.items.get(own.id)?.edit();
  }
}
