// Messages on the screen: a list that keeps its elements, and what one message is made of.

import { avatar, clock, day, fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { showMarkdown } from "./markdown.js";
import { showSteps } from "./steps.js";
import { showView } from "./view.js";

const NEAR_THE_END = 80;

/** A scrolling list of messages that stays at its end while new text comes, unless the reader scrolled up. */
export class MessageList {
  constructor(label, options) {
    this.options = options;
    this.items = new Map();
    this.list = h("ol", { class: "messages", "aria-label": label });
    this.intro = h("div", { class: "messages-intro" });
    this.element = h("div", { class: "messages-scroll", tabindex: 0, role: "group", "aria-label": label }, h("div", { class: "messages-inner" }, this.intro, this.list));
    this.follows = true;
    this.reached = 0;
    this.element.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.element;
      if (scrollHeight - scrollTop - clientHeight < NEAR_THE_END) this.follows = true;
      else if (scrollTop < this.reached) this.follows = false; // else it is only that more came, such as a picture
      this.reached = scrollTop;
    });
    new ResizeObserver(() => this.settle()).observe(this.element);
    new ResizeObserver(() => this.settle()).observe(this.list);
  }

  /** Shows exactly these messages; unchanged ones keep their elements and with them focus and selection. */
  show(messages) {
    const wanted = [];
    let previous = null;
    const newest = messages.at(-1);
    if (newest?.onlyYou && !this.items.has(newest.id)) this.follows = true; // the answer to what was just typed
    for (const message of messages) {
      const item = this.items.get(message.id) ?? new MessageItem(this.options);
      this.items.set(message.id, item);
      if (!previous || day(previous.at) !== day(message.at)) wanted.push(daySeparator(message.at));
      item.show(message, continues(previous, message));
      wanted.push(item.element);
      if (this.options.isThread && message === messages[0] && messages.length > 1) wanted.push(replySeparator(messages.length - 1));
      previous = message;
    }
    this.forget(messages);
    place(this.list, wanted);
    this.settle();
  }

  /** Shows more text of a message that is here. */
  grow(message) {
    this.items.get(message.id)?.grow(message);
  }

  /** Goes to the newest message. */
  toEnd() {
    this.follows = true;
    this.settle();
  }

  settle() {
    if (this.follows) this.element.scrollTop = this.element.scrollHeight;
  }

  forget(messages) {
    const kept = new Set(messages.map((message) => message.id));
    for (const id of this.items.keys()) if (!kept.has(id)) this.items.delete(id);
  }
}

function place(list, wanted) {
  wanted.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
  while (list.children.length > wanted.length) list.lastElementChild.remove();
}

function continues(previous, message) {
  return Boolean(
    previous && previous.author.id === message.author.id && previous.author.name === message.author.name &&
      !message.onlyYou && !previous.onlyYou && message.at - previous.at < 300_000 && day(previous.at) === day(message.at) && message.author.kind === "person",
  );
}

function daySeparator(at) {
  return h("li", { class: "separator" }, h("span", {}, day(at)));
}

function replySeparator(count) {
  return h("li", { class: "separator separator-replies" }, h("span", {}, count === 1 ? "1 reply" : `${count} replies`));
}

function sizeOf(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function fileItem(file) {
  const address = `files/${encodeURIComponent(file.id)}`;
  if (file.picture) return h("li", { class: "file-picture" }, h("a", { href: address, target: "_blank", rel: "noopener" }, h("img", { src: address, alt: file.name, loading: "lazy" })));
  return h("li", { class: "file" }, icon("file"), h("a", { href: address, download: file.name }, file.name), h("span", { class: "file-size" }, sizeOf(file.size)));
}

class MessageItem {
  constructor(options) {
    this.options = options;
    this.body = h("div", { class: "md" });
    this.head = h("div", { class: "message-head" });
    this.foot = h("div", { class: "message-foot" });
    this.side = h("div", { class: "message-side" });
    this.tools = h("div", { class: "message-tools", role: "toolbar", "aria-label": "Message actions" });
    this.main = h("div", { class: "message-main" }, this.head, this.body, this.foot);
    this.element = h("li", { class: "message" }, this.side, this.main, this.tools);
    this.statusText = h("span", { class: "message-status-text" });
    this.shown = null;
    this.editing = false;
  }

  show(message, isContinued) {
    this.message = message;
    this.isContinued = isContinued;
    const store = this.options.store;
    const replies = this.options.isThread || message.thread ? [] : store.thread(message.id).slice(1);
    const signature = JSON.stringify([{ ...message, text: Boolean(message.text), rev: 0, status: "" }, isContinued, store.me.id, replies.map((reply) => [reply.id, reply.state, reply.author.id])]);
    if (signature !== this.shown) this.frame(message, isContinued, replies);
    this.shown = signature;
    this.statusText.textContent = message.status || "Working";
    if (!this.editing) this.text(message);
  }

  grow(message) {
    // The first text of an answer also changes what stands around it.
    if (message === this.message && this.hadText && !this.editing) this.text(message);
    else this.show(message, this.isContinued);
  }

  text(message) {
    this.hadText = Boolean(message.text);
    this.body.hidden = !message.text;
    showMarkdown(this.body, message.text, this.options.store.names());
  }

  frame(message, isContinued, replies) {
    const { element } = this;
    element.dataset.id = message.id;
    element.dataset.author = message.author.name;
    element.dataset.state = message.state;
    element.className = ["message", isContinued && "message-continued", message.onlyYou && "message-private", message.state === "working" && message.text && "message-streaming"].filter(Boolean).join(" ");
    element.setAttribute("aria-busy", String(message.state === "working"));
    fill(this.side, isContinued ? h("time", { class: "message-time-side" }, clock(message.at)) : avatar(message.author));
    fill(this.head, isContinued ? null : this.heading(message));
    this.keepFocus(() => {
      fill(this.foot, this.files(message), showSteps(message), this.status(message), this.unsent(message), this.views(message), this.replies(message, replies));
      fill(this.tools, this.toolButtons(message));
    });
  }

  heading(message) {
    return [
      message.onlyYou ? h("p", { class: "message-only-you" }, icon("eyeOff"), "Only visible to you") : null,
      h("span", { class: "message-author" }, message.author.name),
      message.author.kind === "app" ? h("span", { class: "badge" }, "App") : null,
      h("time", { class: "message-time", datetime: new Date(message.at).toISOString() }, clock(message.at)),
      message.edited ? h("span", { class: "message-edited" }, "edited") : null,
    ];
  }

  views(message) {
    const context = {
      onAction: (action) => this.options.onAction(message, action),
      feedback: message.feedback,
      copyText: message.state === "working" ? null : () => this.message.text,
    };
    return message.views.map((view) => showView(view, context));
  }

  files(message) {
    if (!message.files.length) return null;
    return h("ul", { class: "attached", "aria-label": "Files" }, message.files.map(fileItem));
  }

  unsent(message) {
    if (message.state !== "unsent" || message.author.id !== this.options.store.me.id) return null;
    return h("div", { class: "message-unsent", role: "alert" }, "Latchkey could not take this message.",
      h("button", { type: "button", class: "button button-small button-quiet", data: { key: "resend" }, on: { click: () => this.options.onResend(message) } }, "Send again"));
  }

  status(message) {
    if (message.state !== "working") return null;
    return h(
      "div",
      { class: "message-status" },
      h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      this.statusText,
      message.canStop ? h("button", { type: "button", class: "button button-small button-quiet", data: { key: "stop" }, on: { click: () => this.options.onStop(message) } }, icon("stop"), "Stop") : null,
    );
  }

  replies(message, replies) {
    if (!replies.length) return null;
    const authors = [...new Map(replies.map((reply) => [reply.author.name, reply.author])).values()].slice(0, 4);
    const working = replies.find((reply) => reply.state === "working");
    return h(
      "button",
      { type: "button", class: "replies", data: { key: "replies" }, on: { click: () => this.options.onThread(message) } },
      h("span", { class: "replies-faces" }, authors.map((author) => avatar(author, "avatar-tiny"))),
      h("span", { class: "replies-count" }, replies.length === 1 ? "1 reply" : `${replies.length} replies`),
      working ? h("span", { class: "replies-working" }, `${working.author.name} is answering`) : h("span", { class: "replies-last" }, `Last at ${clock(replies.at(-1).at)}`),
    );
  }

  toolButtons(message) {
    const own = message.author.id === this.options.store.me.id;
    return [
      !this.options.isThread && !message.onlyYou ? iconButton("reply", "Reply in thread", () => this.options.onThread(message), { data: { key: "reply" } }) : null,
      own ? iconButton("edit", "Edit message", () => this.edit(), { data: { key: "edit" } }) : null,
      own ? iconButton("trash", "Delete message", () => this.options.onDelete(message), { data: { key: "delete" } }) : null,
      message.onlyYou ? iconButton("close", "Dismiss", () => this.options.onDismiss(message), { data: { key: "dismiss" } }) : null,
    ];
  }

  /** Turns the text into a field; Enter saves, Escape leaves it as it was. */
  edit() {
    this.editing = true;
    const field = h("textarea", { class: "edit-field", "aria-label": "Edit message", rows: 2, value: this.message.text });
    const done = (save) => {
      this.editing = false;
      this.body.markdownBlocks = undefined;
      fill(this.body);
      if (save && field.value.trim() && field.value !== this.message.text) this.options.onEdit(this.message, field.value.trim());
      this.text(this.message);
      this.options.onEditEnd();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") done(false);
      else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) done(true);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.body.markdownBlocks = undefined;
    fill(this.body, field, h("div", { class: "edit-buttons" },
      h("button", { type: "button", class: "button button-small button-quiet", on: { click: () => done(false) } }, "Cancel"),
      h("button", { type: "button", class: "button button-small button-primary", on: { click: () => done(true) } }, "Save")));
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  keepFocus(work) {
    const key = this.element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    work();
    if (key) this.element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }
}
