// The inside of a paragraph, written as Markdown.
import { Fragment } from "prosemirror-model";

import { schema } from "../schema.js";
import { escaped, target } from "./escape.js";
import { readInline } from "./read.js";

const { marks } = schema;
// Ways to write it; the first that is read back as it was meant is taken. Some spell out the letters beside emphasis, or have
// an address, where it would run on into what follows, be mere text.
const WAYS = [
  { em: "*" },
  { em: "_" },
  { em: "*", spell: true },
  { em: "_", spell: true },
  { em: "*", unlinked: true },
  { em: "*", spell: true, unlinked: true },
  { em: "_", spell: true, unlinked: true },
];
const SIGNS = { strong: "**", strike: "~~" };

const known = new WeakMap(); // what was written of a content last, and how

// Takes a paragraph's content, { table, lineBreak: how one is written } and the text's footnote labels; gives Markdown.
export function inline(content, { table = false, lineBreak = "\\\n", labels = [] } = {}) {
  const how = JSON.stringify([table, lineBreak, labels]);
  if (known.get(content)?.how !== how) known.set(content, { how, made: best(content, table, lineBreak, labels) });
  return known.get(content).made;
}

function best(content, table, lineBreak, labels) {
  const pieces = piecesOf(content, lineBreak);
  const meant = joined(pieces.map(({ node, marks }) => node.mark(marks)));
  for (const way of WAYS) {
    const made = written(pieces, { ...way, table, lineBreak });
    if (joined(readInline(table ? made.replaceAll("\\|", "|") : made, labels)).eq(meant)) return made;
  }
  return written(pieces, { ...WAYS[0], table, lineBreak });
}

function joined(nodes) {
  return Fragment.from(schema.nodes.paragraph.create(null, nodes).content);
}

// Nodes with their marks; spaces at the edge of emphasis stand outside of it, and none at the text's own edges.
function piecesOf(content, lineBreak) {
  const split = [];
  content.forEach((node) => {
    const parts = node.isText && !isCode(node) ? node.text.replaceAll("\n", " ").split(/^(\s+)|(\s+)$/).filter(Boolean) : [null];
    for (const part of parts) split.push({ node: part === null ? node : schema.text(part), marks: node.marks });
  });
  const isSpace = (piece) => piece.node.type.name === "hard_break" || (piece.node.isText && !isCode(piece) && !piece.node.text.trim());
  while (split.length && isSpace(split[0])) split.shift();
  while (split.length && isSpace(split.at(-1))) split.pop();
  return split
    .filter((piece, at) => !besideBreak(split, at, lineBreak))
    .map((piece, at, all) => {
      if (!isSpace(piece)) return piece;
      const [before, after] = [all.slice(0, at).findLast((one) => !isSpace(one)), all.slice(at).find((one) => !isSpace(one))];
      const kept = piece.marks.filter((mark) => mark.isInSet(before.marks) && mark.isInSet(after.marks));
      return { ...piece, marks: kept };
    });
}

// Spaces beside the end of a line are not read.
function besideBreak(pieces, at, lineBreak) {
  const { node } = pieces[at];
  const isBreak = (piece) => piece?.node.type.name === "hard_break";
  if (lineBreak === " " || !node.isText || node.text.trim() || isCode(pieces[at])) return false;
  return isBreak(pieces[at - 1]) || isBreak(pieces[at + 1]);
}

const isCode = ({ marks }) => marks.some(({ type }) => type === schema.marks.code);

function written(pieces, way) {
  let made = "";
  let open = [];
  let closed = false;
  const close = (to) => {
    while (open.length > to) {
      made += ending(open.pop(), way);
      closed = true;
    }
  };
  pieces.forEach((piece, at) => {
    const wanted = piece.marks.filter(({ type }) => type !== marks.code);
    const ended = open.findIndex((mark) => !mark.isInSet(wanted));
    close(ended === -1 ? open.length : ended);
    const isSpace = piece.node.isText && !piece.node.text.trim();
    const opening = isSpace ? [] : wanted.filter((mark) => !mark.isInSet(open)).sort((a, b) => runOf(pieces, at, b) - runOf(pieces, at, a));
    if (way.spell && opening.length) made = made.replace(/[\p{L}\p{N}]$/u, spelled);
    for (const mark of opening) made += beginning(mark, way);
    open = [...open, ...opening];
    const text = one(piece, pieces[at + 1], way);
    made += way.spell && closed && !opening.length ? text.replace(/^[\p{L}\p{N}]/u, spelled) : text;
    closed = false;
  });
  close(0);
  return made;
}

const spelled = (letter) => `&#${letter.codePointAt(0)};`;

// How many pieces in a row, from this one on, bear a mark.
function runOf(pieces, at, mark) {
  let end = at;
  while (end < pieces.length && mark.isInSet(pieces[end].marks)) end++;
  return end - at;
}

const beginning = ({ type }, way) => (type === marks.link ? "[" : (SIGNS[type.name] ?? way.em));

function ending({ type, attrs }, way) {
  if (type === marks.link) return `](${target(attrs.href, attrs.title, way.table)})`;
  return SIGNS[type.name] ?? way.em;
}

function one({ node, marks: on }, next, way) {
  const link = on.some(({ type }) => type === marks.link);
  if (node.type.name === "hard_break") return way.lineBreak;
  if (node.type.name === "footnote_ref") return `[^${node.attrs.label}]${next?.node.text?.startsWith(":") ? "\\" : ""}`;
  if (node.type.name === "image") {
    const alt = escaped(node.attrs.alt, { link: true, table: way.table });
    return `![${alt}](${target(node.attrs.src, node.attrs.title, way.table)})`;
  }
  if (isCode({ marks: on })) return codeSpan(node.text, way.table);
  const text = escaped(node.text, { link, table: way.table, unlinked: way.unlinked });
  const beforeLink = next?.marks.some(({ type }) => type === marks.link) && !link;
  return beforeLink ? text.replace(/!$/, "\\!") : text;
}

function codeSpan(text, table) {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const needsSpace = /^`|`$/.test(text) || (/^ .* $/.test(text) && text.trim());
  const inside = needsSpace ? ` ${text} ` : text;
  return `${fence}${table ? inside.replaceAll("|", "\\|") : inside}${fence}`;
}
