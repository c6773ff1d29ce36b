// The left column: workspace, channels, the app, and who one is.

import { avatar, brandMark, fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";

/** Draws the sidebar; `go(place)` opens a channel, `become(person)` switches the person of this window. */
export function showSidebar(element, store, { go, become }) {
  // Drawn anew only when it would look different: a click must not lose its button while an answer streams.
  const working = workingChannels(store);
  const looks = JSON.stringify([store.workspace, store.channels, store.people, store.me.id, store.place.channel, [...store.unread], [...working]]);
  if (element.dataset.looks === looks) return;
  element.dataset.looks = looks;
  const focused = document.activeElement?.dataset?.key;
  fill(
    element,
    h(
      "header",
      { class: "workspace" },
      brandMark(),
      h("div", { class: "workspace-text" }, h("p", { class: "workspace-name" }, store.workspace.name), h("p", {}, "Latchkey playground")),
      themeButton(),
    ),
    h(
      "nav",
      { class: "places", "aria-label": "Channels and apps" },
      group("Channels", store.channels.filter((channel) => channel.kind === "channel").map((channel) => placeLink(store, channel, working.has(channel.id), go))),
      group("Apps", store.channels.filter((channel) => channel.kind === "app").map((channel) => placeLink(store, channel, working.has(channel.id), go))),
    ),
    personSwitch(store, become),
  );
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function workingChannels(store) {
  return new Set([...store.messages.values()].filter((message) => message.state === "working").map((message) => message.channel));
}

function group(title, links) {
  const id = `group-${title.toLowerCase()}`;
  return h("section", { class: "place-group", "aria-labelledby": id }, h("h2", { id }, title), h("ul", {}, links.map((link) => h("li", {}, link))));
}

function placeLink(store, channel, isWorking, go) {
  const current = store.place.channel === channel.id;
  const unread = !current && store.unread.has(channel.id);
  return h(
    "button",
    {
      type: "button",
      class: `place ${unread ? "place-unread" : ""}`,
      "aria-current": current ? "page" : null,
      data: { key: `place-${channel.id}`, channel: channel.name },
      on: { click: () => go({ channel: channel.id }) },
    },
    channel.kind === "app" ? avatar({ kind: "app", name: channel.name, emoji: channel.emoji }, "avatar-small") : h("span", { class: "place-sign" }, icon(channel.private ? "lock" : "hash")),
    h("span", { class: "place-name" }, channel.name),
    isWorking ? h("span", { class: "place-working" }, h("span", { class: "visually-hidden" }, "answering")) : null,
    unread ? h("span", { class: "place-dot" }, h("span", { class: "visually-hidden" }, "unread")) : null,
  );
}

function personSwitch(store, become) {
  return h(
    "fieldset",
    { class: "people" },
    h("legend", {}, "You are"),
    h(
      "div",
      { class: "people-choices" },
      store.people.map((person) =>
        h(
          "label",
          { class: "person", data: { person: person.name } },
          h("input", {
            type: "radio",
            name: "person",
            class: "visually-hidden",
            value: person.id,
            checked: person.id === store.me.id,
            data: { key: `person-${person.id}` },
            on: { change: () => become(person.id) },
          }),
          avatar({ kind: "person", ...person }, "avatar-small"),
          h("span", { class: "person-text" }, h("span", { class: "person-name" }, person.name), h("span", { class: "person-role" }, person.role)),
        ),
      ),
    ),
  );
}

function themeButton() {
  const dark = globalThis.latchkeyTheme.current() === "dark";
  const button = iconButton(dark ? "sun" : "moon", dark ? "Use the light theme" : "Use the dark theme", () => {
    globalThis.latchkeyTheme.set(dark ? "light" : "dark");
    const next = themeButton();
    button.replaceWith(next);
    next.focus();
  }, { data: { key: "theme" } });
  return button;
}
