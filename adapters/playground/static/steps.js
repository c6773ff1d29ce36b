// What tools do on the way to an answer: a list that grows while it is made, one line that can be unfolded afterwards.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const SIGNS = { waiting: "lock", done: "check", failed: "warning" };
const WORDS = { running: "running", waiting: "waiting for somebody", done: "done", failed: "failed" };

/** The steps of a message, as they belong above its status or beneath its text; null where there are none. */
export function showSteps(message) {
  if (!message.steps.length) return null;
  const list = h("ol", { class: "steps", "aria-label": "Steps" }, message.steps.map(step));
  if (message.state === "working") return list;
  return h("details", { class: "steps-folded" }, h("summary", { data: { key: "steps" } }, icon("down_chevron"), h("span", {}, message.fold)), list);
}

function step({ title, detail, state }) {
  const more = detail || (state === "waiting" ? WORDS.waiting : "");
  const sign = SIGNS[state] ? icon(SIGNS[state]) : h("span", { class: "step-turning", "aria-hidden": "true" });
  return h("li", { class: `step step-${state}` }, sign, h("span", { class: "step-title" }, title), more ? h("span", { class: "step-detail" }, more) : null, more === WORDS[state] ? null : h("span", { class: "visually-hidden" }, WORDS[state]));
}
