// What the composer offers while one types: people and the app after "@", commands after a leading "/".

import { avatar, fill, h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN = 10;

/** The hints that fit the text before the caret: `{ from, to, items }`, or null. */
export function findHints(store, text, caret) {
  const before = text.slice(0, caret);
  if (before.startsWith("/") && !before.includes("\n")) return commandHints(store, before, text.length);
  const word = /(?:^|[\s(])@([\w-]*)$/.exec(before);
  if (!word) return null;
  const from = caret - word[1].length - 1;
  const typed = word[1].toLowerCase();
  const everyone = [
    { name: store.app.name, about: "App · answers in the thread", face: { kind: "app", name: store.app.name, emoji: store.app.emoji } },
    ...store.people.filter((person) => person.id !== store.me.id).map((person) => ({ name: person.name, about: person.role, face: { kind: "person", ...person } })),
  ];
  const items = everyone
    .filter((one) => one.name.toLowerCase().startsWith(typed))
    .map((one) => ({ insert: `@${one.name} `, label: one.name, about: one.about, face: one.face, runs: false }));
  return items.length ? { title: "Mention", from, to: caret, items } : null;
}

function commandHints(store, before, end) {
  const typed = before.toLowerCase().replace(/\s+/g, " ");
  const items = store.commands
    .filter((command) => command.text.startsWith(typed) || (typed.startsWith(`${command.text} `) && command.usage))
    .slice(0, SHOWN)
    .map((command) => ({
      insert: typed.startsWith(`${command.text} `) ? before : command.usage ? `${command.text} ` : command.text,
      label: command.text,
      usage: command.usage,
      about: command.about,
      runs: !command.usage,
    }));
  return items.length ? { title: "Commands", from: 0, to: end, items } : null;
}

/** The list above a composer; `choose(item)` is called by a click, the composer itself drives it by key. */
export class HintList {
  constructor(id, choose) {
    this.choose = choose;
    this.found = null;
    this.index = 0;
    this.list = h("ul", { id, class: "hint-list", role: "listbox", tabindex: -1, "aria-label": "Suggestions" });
    this.title = h("div", { class: "hint-title" });
    this.element = h("div", { class: "hints", hidden: true }, this.title, this.list);
  }

  get open() {
    return this.found !== null;
  }

  get current() {
    return this.found?.items[this.index] ?? null;
  }

  get activeId() {
    return this.open ? `${this.list.id}-${this.index}` : null;
  }

  show(found) {
    const same = found && this.found && found.items.length === this.found.items.length && found.items.every((item, index) => item.label === this.found.items[index].label);
    if (!same) this.index = 0;
    this.found = found;
    this.element.hidden = !found;
    if (found) this.draw();
  }

  hide() {
    this.show(null);
  }

  move(step) {
    const count = this.found.items.length;
    this.index = (this.index + step + count) % count;
    this.draw();
    this.list.children[this.index]?.scrollIntoView({ block: "nearest" });
  }

  draw() {
    fill(this.title, h("span", {}, this.found.title), h("span", { class: "hint-keys" }, h("kbd", {}, "↑↓"), " choose ", h("kbd", {}, "Tab"), " complete"));
    fill(this.list, this.found.items.map((item, index) =>
      h("li", { id: `${this.list.id}-${index}`, class: "hint", role: "option", "aria-selected": String(index === this.index), on: { mousedown: (event) => { event.preventDefault(); this.choose(item); } } },
        item.face ? avatar(item.face, "avatar-tiny") : h("span", { class: "hint-sign" }, icon("slash")),
        h("span", { class: "hint-label" }, item.label, item.usage ? h("span", { class: "hint-usage" }, ` ${item.usage}`) : null),
        h("span", { class: "hint-about" }, item.about))));
  }
}
