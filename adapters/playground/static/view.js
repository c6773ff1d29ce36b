// Screens of the product (the server's View) as elements: for the home tab, for dialogs, and under messages.

import { fill, focusAgain, h, iconButton } from "./dom.js";
import { fieldFor, optionsOf } from "./fields.js";
import { icon } from "./icons.js";

const NOTICE_ICONS = { info: "info", success: "check", warning: "warning", error: "warning" };

/**
 * A view without its frame. `context.onAction({ id, value, values })` is called by buttons and selects and returns a promise;
 * `context.feedback` is the thumb already given, `context.copyText()` what the copy button copies, `context.channels` the known ones.
 */
export function showView(view, context) {
  const element = h("div", { class: "view" });
  const act = (control, id, value) => perform(element, control, () => context.onAction({ id, value, values: readValues(element) }));
  fill(element, view.blocks.map((block) => showBlock(block, { ...context, act })));
  return element;
}

/** What stands in the inputs of a view or a form, by id. */
export function readValues(element) {
  const values = {};
  for (const input of element.querySelectorAll("[data-field]")) {
    const { field } = input.dataset;
    if (input.type === "checkbox" && input.dataset.many) {
      values[field] = [values[field], input.checked ? input.value : ""].filter(Boolean).join(" ");
    } else {
      values[field] = input.type === "checkbox" ? (input.checked ? "yes" : "") : input.value;
    }
  }
  return values;
}

function showBlock(block, context) {
  const show = BLOCKS[block.type];
  return show ? show(block, context) : fieldFor(block, context);
}

const BLOCKS = {
  heading: (block) => h("h3", { class: "view-heading" }, block.text),
  text: (block) => h("p", { class: "view-text" }, richText(block.text)),
  note: (block) => h("p", { class: "view-note" }, richText(block.text)),
  verbatim: (block) => h("pre", { class: "view-verbatim", tabindex: 0 }, h("code", {}, block.text)),
  divider: () => h("hr", { class: "view-divider" }),
  notice: (block) =>
    h("div", { class: `notice notice-${block.level}`, role: block.level === "error" ? "alert" : "note" }, icon(NOTICE_ICONS[block.level] ?? "info"), h("p", {}, richText(block.text))),
  row: (block, context) =>
    h("div", { class: "view-row" }, h("p", { class: "view-text" }, richText(block.text)), block.control ? showControl(block.control, context) : null),
  fields: (block) => h("dl", { class: "view-fields" }, block.pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, richText(value))))),
  table: (block) =>
    h("div", { class: "md-table view-table", tabindex: 0, role: "group", "aria-label": "Table" },
      h("table", {},
        h("thead", {}, h("tr", {}, block.columns.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, block.rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, richText(cell)))))))),
  chart: (block) => showChart(block),
  buttons: (block, context) => h("div", { class: "view-buttons" }, block.buttons.map((button) => showControl(button, context))),
  select: (block, context) => showControl(block, context),
  feedback: (block, context) => showFeedback(block, context),
  sources: (block) =>
    h("ul", { class: "view-sources view-note", "aria-label": "Sources" },
      block.links.map((link) => h("li", {}, /^https:\/\//.test(link.url) ? h("a", { href: link.url, target: "_blank", rel: "noopener noreferrer nofollow" }, link.text) : link.text))),
};

/** A chart as its picture, or in words where there is none (any more). */
function showChart(block) {
  const figure = h("figure", { class: "view-chart" });
  const words = () => fill(figure, block.title ? h("figcaption", {}, block.title) : null, BLOCKS.table({ columns: block.columns, rows: block.rows.map((row) => row.map((cell) => [cell])) }));
  if (!block.picture) {
    words();
    return figure;
  }
  const picture = h("img", { src: `files/${encodeURIComponent(block.picture)}`, alt: block.alt || block.title, width: 360, on: { error: words } });
  fill(figure, block.title ? h("figcaption", {}, block.title) : null, picture);
  return figure;
}

function showControl(control, context) {
  return control.type === "select" ? showSelect(control, context) : showButton(control, context);
}

function showButton(button, context) {
  const element = h("button", {
    type: "button",
    class: `button button-${button.style}`,
    data: { key: `action-${button.id}-${button.value}`, action: button.id },
    on: {
      click: async () => {
        if (button.confirm && !(await confirmed(button.confirm, button.style === "danger"))) return;
        context.act(element, button.id, button.value);
      },
    },
  }, button.label);
  return element;
}

function showSelect(select, context) {
  const element = h("select", {
    "aria-label": select.label,
    data: { key: `action-${select.id}`, action: select.id },
    on: { change: () => context.act(element, select.id, element.value) },
  }, optionsOf(select));
  return h("label", { class: "view-select" }, h("span", { class: "view-select-label" }, select.label), h("span", { class: "select" }, element, icon("down_chevron")));
}

function showFeedback(block, context) {
  const thumb = (name, label, mark) => {
    const button = iconButton(name, label, () => context.act(button, "feedback", `${mark}:${block.run}`), {
      "aria-pressed": String(context.feedback === mark),
      data: { key: `feedback-${mark}` },
    });
    return button;
  };
  const copy = iconButton("copy", "Copy the answer", async () => {
    await navigator.clipboard?.writeText(context.copyText?.() ?? "");
    fill(copy, icon("check"));
    setTimeout(() => fill(copy, icon("copy")), 1500);
  });
  return h("div", { class: "feedback", role: "group", "aria-label": "Was this answer good?" }, thumb("up", "Good answer", "good"), thumb("down", "Bad answer", "bad"), context.copyText ? copy : null);
}

async function perform(view, control, work) {
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/** Asks before something is done; true if the person agrees. */
export function confirmed({ title, text, yes, no }, isDanger = false) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const dialog = h("dialog", { class: "dialog dialog-small", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" });
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      focusAgain(before);
      resolve(answer);
    };
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(false);
    });
    fill(dialog,
      h("div", { class: "dialog-body" }, h("h2", { id: "confirm-title" }, title), h("p", { id: "confirm-text" }, text)),
      h("footer", { class: "dialog-foot" },
        h("button", { type: "button", class: "button button-default", on: { click: () => end(false) } }, no),
        h("button", { type: "button", class: `button ${isDanger ? "button-danger-solid" : "button-primary"}`, on: { click: () => end(true) } }, yes)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A line of spans as nodes; plain ones break at line ends. */
export function richText(spans) {
  return spans.flatMap((span) => {
    if (typeof span === "string") return span.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
    switch (span.type) {
      case "bold":
        return [h("strong", {}, span.text)];
      case "code":
        return [h("code", {}, span.text)];
      case "link":
        return /^https?:\/\//.test(span.url) ? [h("a", { href: span.url, target: "_blank", rel: "noopener noreferrer" }, span.text)] : [span.text];
      case "person":
        return [h("span", { class: "mention" }, `@${span.name}`)];
      case "channel":
        return [h("span", { class: "mention" }, `#${span.name}`)];
      case "when":
        return [h("time", { datetime: new Date(span.at).toISOString(), title: new Date(span.at).toLocaleString() }, new Date(span.at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }))];
      default:
        return [];
    }
  });
}
