// A document, written as Markdown.
import { asLines } from "./escape.js";
import { inline } from "./inline.js";

const LISTS = new Set(["bullet_list", "ordered_list"]);

// Takes a document; gives the whole of it as Markdown, nothing of how it was written before.
export function write(doc) {
  return blocks(doc, { labels: labelsOf(doc) });
}

// The labels of all footnotes of a document.
export function labelsOf(doc) {
  const labels = [];
  doc.forEach((node) => {
    if (node.type.name === "footnote") labels.push(node.attrs.label);
  });
  return labels;
}

// Takes one block, and { labels, marker: that of its list }; gives Markdown without an end of line.
export function block(node, about) {
  return WRITERS[node.type.name](node, about);
}

// The marker that this list should have, so that it does not grow together with those of its kind beside it.
export function markerOf(node, taken) {
  const markers = node.type.name === "ordered_list" ? [".", ")"] : ["-", "*", "+"];
  return markers.find((marker) => !taken.includes(marker)) ?? markers[0];
}

const INTERRUPTS = new Set(["blockquote", "code_block"]); // need no empty line after a paragraph

export const isList = (node) => LISTS.has(node.type.name);
export const isNothing = (node) => node.type.name === "paragraph" && node.content.size === 0;

function blocks(parent, about, between = () => "\n\n") {
  let made = "";
  let [last, marker] = [null, ""];
  parent.forEach((node, _, index) => {
    if (isNothing(node) && parent.childCount > 1) return;
    const taken = last?.type === node.type ? [marker] : [];
    marker = isList(node) ? markerOf(node, taken) : "";
    made += (last ? between(last, node) : "") + block(node, { ...about, marker, nested: parent.type.name !== "doc" });
    last = node;
  });
  return made;
}

function indented(text, by) {
  return text.replace(/\n(?=[^\n])/g, `\n${" ".repeat(by)}`);
}

function item(node, marker, tight, about) {
  const box = node.attrs.checked === null ? "" : node.attrs.checked ? "[x] " : "[ ] ";
  const isClose = (last, next) => tight && last.type.name === "paragraph" && (isList(next) || INTERRUPTS.has(next.type.name));
  const text = blocks(node, about, (last, next) => (isClose(last, next) ? "\n" : "\n\n"));
  return `${marker} ${box}${indented(text, marker.length + 1)}`.trimEnd();
}

function list(node, about) {
  const items = [];
  const first = node.attrs.order ?? 0;
  node.forEach((child, _, index) => {
    const marker = node.type.name === "ordered_list" ? `${first + index}${about.marker}` : about.marker;
    items.push(item(child, marker, node.attrs.tight, about));
  });
  return items.join(node.attrs.tight ? "\n" : "\n\n");
}

function fence({ textContent, attrs: { info } }) {
  const character = info.includes("`") ? "~" : "`";
  const runs = textContent.match(new RegExp(`${character}{3,}`, "g")) ?? [];
  const line = character.repeat(Math.max(3, ...runs.map((run) => run.length + 1)));
  return `${line}${info}\n${textContent}${textContent && "\n"}${line}`;
}

function table(node, about) {
  const rows = [];
  node.forEach((row) => {
    const cells = [];
    row.forEach((cell) => cells.push(inline(cell.firstChild.content, { ...about, table: true, lineBreak: " " })));
    rows.push(`| ${cells.join(" | ")} |`);
  });
  const rule = [];
  node.firstChild.forEach(({ attrs: { align } }) => {
    rule.push({ left: ":---", center: ":---:", right: "---:" }[align] ?? "---");
  });
  return [rows[0], `| ${rule.join(" | ")} |`, ...rows.slice(1)].join("\n");
}

function heading({ attrs: { level }, content }, about) {
  const text = inline(content, { ...about, lineBreak: " " }).replace(/(^|\s)(#+)$/, "$1\\$2");
  return `${"#".repeat(level)} ${text}`.trimEnd();
}

const WRITERS = {
  paragraph: ({ content }, about) => asLines(inline(content, about)),
  heading,
  blockquote: (node, about) => blocks(node, about).replace(/^.*$/gm, (line) => (line ? `> ${line}` : ">")),
  bullet_list: list,
  ordered_list: list,
  code_block: fence,
  horizontal_rule: (node, { nested }) => (nested ? "___" : "---"),
  table,
  footnote: (node, about) => `[^${node.attrs.label}]: ${indented(blocks(node, about), 4)}`.trimEnd(),
  source: ({ textContent }) => textContent,
};
