// The inputs of a form: each with its label, its hint and a place for what is wrong with it.

import { fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";

let count = 0;

/** The element of an input block; null for a block this page does not know. */
export function fieldFor(block, context) {
  const make = FIELDS[block.type];
  if (!make) return null;
  count += 1;
  return make(block, `field-${count}`, context);
}

/** Says beside each named field what is wrong, and goes to the first; what has no field is returned. */
export function showErrors(form, errors) {
  const homeless = [];
  let first = null;
  for (const wrap of form.querySelectorAll(".field")) clearError(wrap);
  for (const [id, text] of Object.entries(errors)) {
    const wrap = [...form.querySelectorAll(".field")].find((one) => one.dataset.id === id);
    if (!wrap) {
      homeless.push(text);
      continue;
    }
    const input = wrap.querySelector("[data-field]");
    wrap.classList.add("field-wrong");
    wrap.querySelector(".field-error").textContent = text;
    input.setAttribute("aria-invalid", "true");
    first ??= input;
  }
  first?.focus();
  return homeless;
}

function clearError(wrap) {
  wrap.classList.remove("field-wrong");
  wrap.querySelector(".field-error").textContent = "";
  wrap.querySelector("[data-field]")?.removeAttribute("aria-invalid");
}

/** The options of a select, in their groups; without a choice the placeholder stands first. */
export function optionsOf(select) {
  const chosen = select.options.some((option) => option.value === select.selected);
  const groups = new Map();
  for (const option of select.options) {
    const element = h("option", { value: option.value, selected: option.value === select.selected }, option.label);
    groups.set(option.group, [...(groups.get(option.group) ?? []), element]);
  }
  const listed = [...groups].map(([name, options]) => (name ? h("optgroup", { label: name }, options) : options));
  return [chosen ? null : h("option", { value: "", selected: true, disabled: !select.optional }, select.placeholder || "Choose"), listed];
}

function wrapped(block, id, control, label = null) {
  const wrap = h("div", { class: "field", data: { id: block.id } },
    label ?? h("label", { for: id, class: "field-label" }, block.label, block.optional ? h("span", { class: "field-optional" }, "optional") : null),
    control,
    h("p", { class: "field-error", id: `${id}-error`, role: "alert" }),
    block.hint ? h("p", { class: "field-hint", id: `${id}-hint` }, block.hint) : null);
  wrap.addEventListener("input", () => clearError(wrap));
  return wrap;
}

function described(block, id) {
  return { id, "aria-describedby": [block.hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" "), "aria-required": block.optional ? null : "true", data: { field: block.id } };
}

const FIELDS = {
  text_input(block, id) {
    const props = { ...described(block, id), class: "input", placeholder: block.placeholder || null, maxlength: block.max_length, autocomplete: "off", value: block.value };
    const control = block.multiline ? h("textarea", { ...props, rows: 5 }) : h("input", { ...props, type: "text" });
    return wrapped(block, id, control);
  },

  secret_input(block, id) {
    // Masked, kept out of password managers and spell checkers, and never filled in again by us.
    const input = h("input", {
      ...described(block, id), class: "input input-secret", type: "password", maxlength: block.max_length,
      autocomplete: "new-password", spellcheck: "false", autocapitalize: "off", "data-1p-ignore": true, "data-lpignore": "true",
    });
    const eye = iconButton("eye", "Show what I typed", () => {
      const hidden = input.type === "text";
      input.type = hidden ? "password" : "text";
      eye.setAttribute("aria-pressed", String(!hidden));
      fill(eye, icon(hidden ? "eye" : "eyeOff"));
    }, { "aria-pressed": "false" });
    return wrapped(block, id, h("div", { class: "input-with-button" }, icon("lock"), input, eye));
  },

  select_input(block, id) {
    const control = h("span", { class: "select" }, h("select", described(block, id), optionsOf(block)), icon("down_chevron"));
    return wrapped(block, id, control);
  },

  checkbox(block, id) {
    const box = h("input", { ...described(block, id), type: "checkbox", checked: block.checked, "aria-required": null });
    return wrapped(block, id, null, h("label", { class: "check", for: id }, box, h("span", {}, block.label)));
  },

  channel_input(block, id, context) {
    const legend = h("span", { class: "field-label", id: `${id}-label` }, block.label, block.optional ? h("span", { class: "field-optional" }, "optional") : null);
    const boxes = (context.channels ?? []).map((channel) =>
      h("label", { class: "check check-chip" },
        h("input", { type: "checkbox", value: channel.id, checked: block.selected.includes(channel.id), data: { field: block.id, many: "yes" } }),
        h("span", {}, `#${channel.name}`)));
    return wrapped(block, id, h("div", { class: "checks", role: "group", "aria-labelledby": `${id}-label` }, boxes), legend);
  },
};
