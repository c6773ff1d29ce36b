// What stands inside a block of Markdown: emphasis, code, links, mentions. It builds nodes and loads nothing: an image is shown
// as a link, a link must be http, https or mailto, opens in a tab of its own and says where it leads.

import { h } from "./dom.js";

const MAX_DEPTH = 8;
const REACH = 2000; // How far a closing mark is looked for: keeps the reading of a hostile text linear.

/** The elements of a run of text; `names` are those that count as mentions after an @. */
export function inline(text, names = []) {
  return [...new InlineReader(text, names).nodes(0)];
}

class InlineReader {
  constructor(text, names) {
    this.text = text;
    this.names = [...names].sort((a, b) => b.length - a.length);
  }

  *nodes(depth) {
    const { text } = this;
    let plain = "";
    let at = 0;
    while (at < text.length) {
      const found = this.special(at, depth);
      if (!found) {
        plain += text[at];
        at += 1;
        continue;
      }
      if (plain) yield plain;
      plain = "";
      yield found.node;
      at = found.end;
    }
    if (plain) yield plain;
  }

  special(at, depth) {
    const { text } = this;
    switch (text[at]) {
      case "\n":
        return { node: h("br"), end: at + 1 };
      case "\\":
        return /[\\`*_{}[\]()#+.!~|<>-]/.test(text[at + 1] ?? "") ? { node: text[at + 1], end: at + 2 } : null;
      case "`":
        return this.code(at);
      case "*":
      case "_":
      case "~":
        return depth < MAX_DEPTH ? this.emphasis(at, depth) : null;
      case "!":
        return text[at + 1] === "[" ? this.link(at + 1, depth) : null;
      case "[":
        return this.link(at, depth);
      case "<":
        return this.bracketed(at);
      case "@":
        return this.mention(at);
      case "h":
        return this.bare(at);
      default:
        return null;
    }
  }

  code(at) {
    const marker = /^`+/.exec(this.text.slice(at, at + 20))[0];
    const end = this.text.slice(0, at + REACH).indexOf(marker, at + marker.length);
    if (end < 0) return null;
    return { node: h("code", {}, this.text.slice(at + marker.length, end).replace(/^ (.+) $/s, "$1")), end: end + marker.length };
  }

  emphasis(at, depth) {
    const { text } = this;
    const sign = text[at];
    const double = text[at + 1] === sign;
    if (sign === "~" && !double) return null;
    const marker = double ? sign + sign : sign;
    const start = at + marker.length;
    if (!text[start] || /\s/.test(text[start])) return null;
    if (sign === "_" && /\w/.test(text[at - 1] ?? "")) return null;
    const end = this.closing(marker, start);
    if (end < 0) return null;
    const tag = sign === "~" ? "s" : double ? "strong" : "em";
    const inner = new InlineReader(text.slice(start, end), this.names);
    return { node: h(tag, {}, [...inner.nodes(depth + 1)]), end: end + marker.length };
  }

  closing(marker, from) {
    const text = this.text.slice(0, from + REACH);
    for (let end = text.indexOf(marker, from); end >= 0; end = text.indexOf(marker, end + 1)) {
      if (/\s/.test(text[end - 1]) || end === from) continue;
      if (marker.length === 1 && (text[end + 1] === marker || text[end - 1] === marker)) continue;
      if (marker[0] === "_" && /\w/.test(text[end + marker.length] ?? "")) continue;
      return end;
    }
    return -1;
  }

  link(at, depth) {
    const match = /^\[((?:[^[\]\\]|\\.|\[[^[\]]*\]){0,500})\]\(\s*<?([^\s()<>]{1,2000}(?:\([^\s()]*\)[^\s()<>]*)?)>?(?:\s+"[^"]*")?\s*\)/.exec(this.text.slice(at, at + 3000));
    const href = match && allowed(match[2]);
    if (!href) return null;
    const label = depth < MAX_DEPTH ? [...new InlineReader(match[1], []).nodes(MAX_DEPTH)] : [match[1]];
    return { node: anchor(href, label.length ? label : [match[2]], match[1]), end: at + match[0].length };
  }

  bracketed(at) {
    const match = /^<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/.exec(this.text.slice(at, at + 2010));
    const href = match && allowed(match[1]);
    return href ? { node: anchor(href, [match[1]], match[1]), end: at + match[0].length } : null;
  }

  bare(at) {
    if (/\w/.test(this.text[at - 1] ?? "")) return null;
    const match = /^https?:\/\/[^\s<>"'`\]]{1,2000}/.exec(this.text.slice(at, at + 2010));
    if (!match) return null;
    const shown = match[0].replace(/[.,;:!?)*_~]+$/, "");
    const href = allowed(shown);
    return href ? { node: anchor(href, [shown], shown), end: at + shown.length } : null;
  }

  mention(at) {
    if (/\w/.test(this.text[at - 1] ?? "")) return null;
    const rest = this.text.slice(at + 1, at + 80).toLowerCase();
    const name = this.names.find((one) => rest.startsWith(one.toLowerCase()) && !/\w/.test(rest[one.length] ?? ""));
    if (!name) return null;
    return { node: h("span", { class: "mention" }, `@${this.text.slice(at + 1, at + 1 + name.length)}`), end: at + 1 + name.length };
  }
}

function allowed(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

function anchor(url, label, text) {
  // Where a link leads is always visible: its host follows when the words do not say it.
  const host = url.host || url.pathname;
  const says = text.toLowerCase().includes(host.toLowerCase());
  return h(
    "a",
    { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", title: url.href },
    label,
    says ? null : h("span", { class: "md-host" }, ` (${host})`),
  );
}
