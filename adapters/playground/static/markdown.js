// Markdown to elements, the part of it that models write. It builds nodes and never HTML, so that no text can become markup.

import { h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { inline } from "./inline.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(?:\s+(.*)|\s*)$/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const MAX_DEPTH = 8;

/** Shows `text` in `target`; blocks that did not change keep their elements, so that a selection survives streaming. */
export function showMarkdown(target, text, names = []) {
  const blocks = parseBlocks(String(text).replace(/\r\n?/g, "\n").split("\n"), 0);
  const before = target.markdownBlocks ?? [];
  const after = blocks.map((block, index) => {
    const old = before[index];
    return old && old.source === block.source ? old : { source: block.source, element: renderBlock(block, names) };
  });
  after.forEach((entry, index) => {
    const present = target.children[index];
    if (present === entry.element) return;
    if (present) present.replaceWith(entry.element);
    else target.append(entry.element);
  });
  while (target.children.length > after.length) target.lastElementChild.remove();
  target.markdownBlocks = after;
}

function parseBlocks(lines, depth) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [block, next] = readBlock(lines, at, depth);
    block.source = lines.slice(at, next).join("\n") + (block.open ? "\u0000" : "");
    blocks.push(block);
    at = next;
  }
  return blocks;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return readCode(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [{ type: "heading", level: heading[1].length, text: heading[2] }, at + 1];
  if (RULE.test(line)) return [{ type: "rule" }, at + 1];
  if (depth < MAX_DEPTH && QUOTE.test(line)) return readQuote(lines, at, depth);
  if (depth < MAX_DEPTH && ITEM.test(line)) return readList(lines, at, depth);
  if (isTable(lines, at)) return readTable(lines, at);
  return readParagraph(lines, at, depth);
}

function readCode(lines, at, [, marker, language]) {
  const closing = new RegExp(`^ {0,3}${marker[0]}{${marker.length},}\\s*$`);
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end])) end += 1;
  const closed = end < lines.length;
  return [{ type: "code", language, text: lines.slice(at + 1, end).join("\n"), open: !closed }, closed ? end + 1 : end];
}

function readQuote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  return [{ type: "quote", blocks: parseBlocks(lines.slice(at, end).map((line) => line.replace(QUOTE, "")), depth + 1) }, end];
}

function readList(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  const indent = first[1].length;
  const ordered = /\d/.test(first[2]);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const match = ITEM.exec(lines[end]);
    const inset = lines[end].length - lines[end].trimStart().length;
    if (match && inset <= indent + 1 && /\d/.test(match[2]) === ordered && !RULE.test(lines[end])) {
      items.push([match[3] ?? ""]);
    } else if (!lines[end].trim()) {
      const following = lines.slice(end + 1).find((line) => line.trim());
      if (following === undefined) break;
      const next = ITEM.exec(following);
      const deeper = following.length - following.trimStart().length > indent + 1;
      if (!deeper && !(next && /\d/.test(next[2]) === ordered)) break;
      items.at(-1).push("");
    } else if (inset > indent + 1) {
      items.at(-1).push(lines[end].slice(Math.min(inset, indent + Math.max(2, first[2].length + 1))));
    } else {
      break;
    }
    end += 1;
  }
  const start = ordered ? Number.parseInt(first[2], 10) : 1;
  return [{ type: "list", ordered, start, items: items.map((item) => readItem(item, depth)) }, end];
}

function readItem(lines, depth) {
  const task = /^\[([ xX])\]\s+(.*)$/.exec(lines[0]);
  const body = task ? [task[2], ...lines.slice(1)] : lines;
  return { done: task ? task[1] !== " " : null, blocks: parseBlocks(body, depth + 1) };
}

function isTable(lines, at) {
  return lines[at].includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && TABLE_RULE.test(lines[at + 1]);
}

function readTable(lines, at) {
  const aligns = cells(lines[at + 1]).map((cell) => (/:$/.test(cell) ? (/^:/.test(cell) ? "center" : "right") : "left"));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim()) end += 1;
  return [{ type: "table", head: cells(lines[at]), rows: lines.slice(at + 2, end).map(cells), aligns }, end];
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function readParagraph(lines, at, depth) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsOther(lines, end, depth)) end += 1;
  return [{ type: "paragraph", text: lines.slice(at, end).join("\n") }, end];
}

function startsOther(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line) || HEADING.test(line) || RULE.test(line) || isTable(lines, at)) return true;
  return depth < MAX_DEPTH && (QUOTE.test(line) || ITEM.test(line));
}

function renderBlock(block, names) {
  switch (block.type) {
    case "heading":
      return h("p", { class: `md-heading md-h${block.level}`, role: "heading", "aria-level": Math.min(6, block.level + 2) }, inline(block.text, names));
    case "rule":
      return h("hr");
    case "code":
      return renderCode(block);
    case "quote":
      return h("blockquote", {}, block.blocks.map((inner) => renderBlock(inner, names)));
    case "list":
      return renderList(block, names);
    case "table":
      return renderTable(block, names);
    default:
      return h("p", {}, inline(block.text, names));
  }
}

function renderCode(block) {
  const copy = iconButton("copy", "Copy code", async () => {
    await navigator.clipboard?.writeText(block.text);
    copy.replaceChildren(icon("check"));
    setTimeout(() => copy.replaceChildren(icon("copy")), 1500);
  });
  return h(
    "div",
    { class: "md-code" },
    h("div", { class: "md-code-bar" }, h("span", {}, block.language || "code"), copy),
    h("pre", { tabindex: 0, "aria-label": block.language ? `Code, ${block.language}` : "Code" }, h("code", {}, block.text)),
  );
}

function renderList(block, names) {
  const items = block.items.map((item) => {
    const box = item.done === null ? null : h("input", { type: "checkbox", disabled: true, checked: item.done, "aria-label": item.done ? "done" : "open" });
    const tight = item.blocks.map((inner, index) =>
      inner.type === "paragraph" && index === 0 ? h("span", {}, inline(inner.text, names)) : renderBlock(inner, names),
    );
    return h("li", { class: box ? "md-task" : null }, box, tight);
  });
  return h(block.ordered ? "ol" : "ul", { start: block.ordered && block.start !== 1 ? block.start : null }, items);
}

function renderTable(block, names) {
  const row = (values, tag) =>
    h("tr", {}, block.head.map((_, index) => h(tag, { class: `align-${block.aligns[index] ?? "left"}` }, inline(values[index] ?? "", names))));
  return h(
    "div",
    { class: "md-table", tabindex: 0, role: "group", "aria-label": "Table" },
    h("table", {}, h("thead", {}, row(block.head, "th")), h("tbody", {}, block.rows.map((values) => row(values, "td")))),
  );
}
