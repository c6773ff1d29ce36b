// Forms and private screens in a dialog; the browser's own <dialog> keeps the focus inside and the rest inert.

import { fill, focusAgain, h, iconButton } from "./dom.js";
import { showErrors } from "./fields.js";
import { readValues, showView } from "./view.js";

/** The dialogs that are open, the newest on top. `send` talks to the server and returns a promise that ends with its answer. */
export class Modals {
  constructor(store, request) {
    this.store = store;
    this.request = request;
    this.open = new Map();
  }

  /** Shows a view in a dialog, or in the place of what the dialog of this key shows. */
  show(key, view) {
    const known = this.open.get(key);
    if (known) {
      this.draw(known, key, view);
      return;
    }
    const before = document.activeElement;
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": `dialog-title-${key}` });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.dismiss(key);
    });
    dialog.addEventListener("mousedown", (event) => {
      if (event.target === dialog && !dialog.querySelector("form")) this.dismiss(key);
    });
    const entry = { dialog, before };
    this.open.set(key, entry);
    document.body.append(dialog);
    this.draw(entry, key, view);
    dialog.showModal();
    focusFirst(dialog);
  }

  /** Shows what is wrong with a form that stays open. */
  errors(key, errors) {
    const entry = this.open.get(key);
    if (!entry) return;
    const homeless = showErrors(entry.dialog, errors);
    entry.problem.textContent = homeless.join(" ");
    entry.problem.hidden = homeless.length === 0;
  }

  /** Takes a dialog away and gives the focus back to where it was. */
  close(key) {
    const entry = this.open.get(key);
    if (!entry) return;
    this.open.delete(key);
    entry.dialog.close();
    entry.dialog.remove();
    focusAgain(entry.before);
  }

  closeAll() {
    for (const key of [...this.open.keys()].reverse()) this.close(key);
  }

  dismiss(key) {
    this.request({ t: "dismiss_screen", screen: key });
    this.close(key);
  }

  draw(entry, key, view) {
    const onAction = (action) => this.request({ t: "action", screen: key, ...action });
    const body = showView(view, { onAction, channels: this.store.channels.filter((channel) => channel.kind === "channel") });
    const problem = h("p", { class: "dialog-problem", role: "alert", hidden: true });
    entry.problem = problem;
    const head = h("header", { class: "dialog-head" },
      h("h2", { id: `dialog-title-${key}` }, view.title || this.store.app.name),
      iconButton("close", "Close", () => this.dismiss(key), { class: "icon-button dialog-close" }));
    const closing = h("button", { type: "button", class: "button button-default", on: { click: () => this.dismiss(key) } }, view.submit ? view.close : view.close === "Cancel" ? "Done" : view.close);
    if (!view.submit) {
      fill(entry.dialog, head, h("div", { class: "dialog-body" }, body), h("footer", { class: "dialog-foot" }, closing));
      return;
    }
    const submit = h("button", { type: "submit", class: "button button-primary" }, view.submit);
    const form = h("form", { class: "dialog-form", novalidate: true, autocomplete: "off", on: { submit: (event) => this.submit(event, key, form, submit) } },
      h("div", { class: "dialog-body" }, body, problem),
      h("footer", { class: "dialog-foot" }, closing, submit));
    fill(entry.dialog, head, form);
  }

  async submit(event, key, form, button) {
    event.preventDefault();
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await this.request({ t: "submit", screen: key, values: readValues(form) });
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}

function focusFirst(dialog) {
  const inputs = [...dialog.querySelectorAll("input:not([type=hidden]), select, textarea")];
  // A choice that is made already is not what the person came to fill in.
  const first = inputs.find((input) => input.tagName !== "SELECT" || !input.value) ?? inputs[0];
  (first ?? dialog.querySelector(".dialog-foot button:last-child"))?.focus();
}
