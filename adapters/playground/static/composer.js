// The field where one writes: grows with its text, completes mentions and commands, sends with Enter.

import { fill, h, iconButton } from "./dom.js";
import { findHints, HintList } from "./hints.js";
import { icon } from "./icons.js";

const TALLEST = 200;
const LONGEST = 12_000;
let count = 0;

/** A composer; `onSend(text)` says whether the text was taken, `onUp()` is the up arrow in an empty field. */
export class Composer {
  constructor(store, { onSend, onUp, onStop, onUpload }) {
    this.store = store;
    this.onSend = onSend;
    this.onUp = onUp;
    this.onUpload = onUpload;
    this.attached = [];
    count += 1;
    this.hints = new HintList(`hints-${count}`, (item) => this.complete(item));
    this.field = h("textarea", {
      class: "composer-field", rows: 1, maxlength: LONGEST, spellcheck: "true", autocomplete: "off",
      "aria-autocomplete": "list", "aria-controls": `hints-${count}`, "aria-describedby": `keys-${count}`,
      on: { input: () => this.changed(), keydown: (event) => this.key(event), blur: () => this.hide(), click: () => this.changed() },
    });
    this.sendButton = iconButton("send", "Send", () => this.send(), { class: "icon-button send", data: { key: "send" } });
    this.stopButton = iconButton("stop", "Stop the answer", () => onStop?.(), { class: "icon-button send send-stop", hidden: true, data: { key: "stop-composer" } });
    this.files = h("ul", { class: "attached", "aria-label": "Attached files", hidden: true });
    this.picker = h("input", { type: "file", class: "visually-hidden", tabindex: -1, "aria-hidden": "true", on: { change: () => this.attach() } });
    this.element = h(
      "div",
      { class: "composer" },
      this.hints.element,
      h("div", { class: "composer-box" },
        this.field,
        this.files,
        h("div", { class: "composer-bar" },
          this.picker,
          iconButton("clip", "Attach a file", () => this.picker.click()),
          iconButton("at", "Mention someone", () => this.begin("@")),
          iconButton("slash", "Use a command", () => this.begin("/")),
          h("span", { id: `keys-${count}`, class: "composer-keys" }, h("kbd", {}, "Enter"), " to send", h("span", { class: "composer-keys-more" }, ", ", h("kbd", {}, "Shift"), "+", h("kbd", {}, "Enter"), " for a new line")),
          this.stopButton,
          this.sendButton)),
    );
    this.changed();
  }

  /** What the field is for, as its label and its placeholder. */
  label(text, placeholder = text) {
    this.field.setAttribute("aria-label", text);
    this.field.placeholder = placeholder;
  }

  /** Shows or hides the stop button, for a conversation in which an answer is being written. */
  working(isWorking) {
    this.stopButton.hidden = !isWorking;
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  set(text) {
    this.field.value = text;
    this.focus();
    this.field.setSelectionRange(text.length, text.length);
    this.changed();
  }

  begin(sign) {
    const { value, selectionStart } = this.field;
    if (sign === "/") {
      this.set(value.startsWith("/") ? value : "/");
      return;
    }
    const gap = selectionStart > 0 && !/\s/.test(value[selectionStart - 1]) ? " " : "";
    this.insert(selectionStart, selectionStart, `${gap}@`);
  }

  insert(from, to, text) {
    const { value } = this.field;
    this.field.value = value.slice(0, from) + text + value.slice(to);
    this.focus();
    this.field.setSelectionRange(from + text.length, from + text.length);
    this.changed();
  }

  complete(item) {
    const found = this.hints.found;
    this.insert(found.from, found.to, item.insert);
    if (item.insert.startsWith("/") && item.runs) this.hide();
  }

  changed() {
    const { field } = this;
    // Measured and set through the object model: the content policy forbids style attributes, not this.
    field.style.height = "auto";
    if (field.scrollHeight) field.style.height = `${Math.min(TALLEST, field.scrollHeight)}px`;
    this.sendButton.disabled = !field.value.trim() && !this.attached.length;
    if (document.activeElement === field) this.hints.show(findHints(this.store, field.value, field.selectionStart));
    this.point();
  }

  hide() {
    this.hints.hide();
    this.point();
  }

  point() {
    const id = this.hints.activeId;
    if (id) this.field.setAttribute("aria-activedescendant", id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.isComposing) return;
    if (this.hints.open && this.hintKey(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "ArrowUp" && !this.field.value) {
      event.preventDefault();
      this.onUp?.();
    }
  }

  hintKey(event) {
    const item = this.hints.current;
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp":
        this.hints.move(event.key === "ArrowDown" ? 1 : -1);
        this.point();
        return true;
      case "Escape":
        this.hide();
        return true;
      case "Tab":
        if (event.shiftKey) return false;
        this.complete(item);
        return true;
      case "Enter":
        // Enter completes first; once there is nothing to complete it sends.
        if (event.shiftKey || item.insert.trim() === this.field.value.trim()) return false;
        this.complete(item);
        return true;
      default:
        return false;
    }
  }

  async attach() {
    const [file] = this.picker.files;
    this.picker.value = "";
    const kept = file && (await this.onUpload(file));
    if (kept) this.attached.push(kept);
    this.showAttached();
    this.focus();
  }

  showAttached() {
    this.files.hidden = !this.attached.length;
    fill(this.files, this.attached.map((file) =>
      h("li", { class: "file" }, icon("file"), h("span", {}, file.name), iconButton("close", `Remove ${file.name}`, () => {
        this.attached = this.attached.filter((one) => one !== file);
        this.showAttached();
        this.focus();
      }))));
    this.changed();
  }

  /** Empties the field, for another conversation. */
  clear() {
    this.field.value = "";
    this.attached = [];
    this.hide();
    this.showAttached();
  }

  send() {
    const text = this.field.value.trim();
    if ((!text && !this.attached.length) || !this.onSend(text, this.attached)) return;
    this.clear();
    this.focus();
  }
}
