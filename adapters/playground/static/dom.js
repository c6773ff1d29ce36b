// Building elements. Text always goes in as text nodes: nothing in this page ever parses a string as HTML.

import { icon } from "./icons.js";

/** An element with properties and children; `on` holds listeners, `data` dataset entries, null and false are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else if (name === "class") {
      element.className = value;
    } else if (name === "value") {
      element.value = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...flatten(children));
  return element;
}

/** Replaces everything inside an element. */
export function fill(element, ...children) {
  element.replaceChildren(...flatten(children));
  return element;
}

function flatten(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** The mark of the product: a key in a rounded square. */
export function brandMark() {
  return h("span", { class: "brand-mark", "aria-hidden": "true" }, h("img", { src: "static/icon.svg", alt: "", width: 28, height: 28 }));
}

/** A button with an icon and a label that is read out and shown as a tooltip. */
export function iconButton(name, label, onClick, props = {}) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: onClick }, ...props },
    icon(name),
  );
}

/** Gives the focus back after a dialog has gone. Chromium leaves a field that it focused by itself without a caret: nothing could be typed. */
export function focusAgain(element) {
  if (!element?.isConnected) return;
  if (document.activeElement === element) element.blur();
  element.focus();
}

/** A rounded square with initials, or an emoji for an app. */
export function avatar(author, size = "") {
  const kind = author.kind === "app" ? "avatar-app" : `avatar-tint-${author.tint ?? 0}`;
  return h("span", { class: `avatar ${kind} ${size}`, "aria-hidden": "true" }, author.emoji || initials(author.name));
}

function initials(name) {
  const words = String(name).trim().split(/\s+/);
  return words.slice(0, 2).map((word) => [...word][0]?.toUpperCase() ?? "").join("");
}

/** "14:05" in the reader's own way of writing time. */
export function clock(at) {
  return new Date(at).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
}

/** "Today", "Yesterday" or a date. */
export function day(at) {
  const start = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const days = Math.round((start(new Date()) - start(new Date(at))) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return new Date(at).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}
