// Plain text from elsewhere: Markdown where it looks like Markdown, else its paragraphs and lines.
import { Fragment, Slice } from "prosemirror-model";

import { read } from "../markdown/read.js";
import { schema } from "../schema.js";

const MARKDOWN = [
  /^#{1,6}\s\S/m,
  /^\s*(?:[-*+]|\d{1,9}[.)])\s\S/m,
  /^>\s/m,
  /^(?:```|~~~)/m,
  /^\|?.*\|.*\n\|?\s*:?-{3,}/m,
  /\*\*\S[^*]*\*\*|\[[^\]\n]+\]\([^)\s]+\)|`[^`\n]+`/,
  /^\[\^?[^\]\n]+\]:/m,
];
const WRAPPED = 50; // characters; a paragraph whose lines are all longer was broken for its width

// Takes text; gives a slice to be put where the selection is.
export function sliceOf(text) {
  const plain = text.replace(/\r\n?/g, "\n");
  const content = MARKDOWN.some((sign) => sign.test(plain)) ? fromMarkdown(plain) : paragraphs(plain);
  const isOne = content.childCount === 1 && content.firstChild.type === schema.nodes.paragraph;
  return new Slice(content, isOne ? 1 : 0, isOne ? 1 : 0);
}

function fromMarkdown(text) {
  try {
    return read(text).doc.content;
  } catch {
    return paragraphs(text);
  }
}

function paragraphs(text) {
  const parts = text.split(/\n\s*\n/).filter((part) => part.trim());
  return Fragment.from((parts.length ? parts : [" "]).map((part) => schema.nodes.paragraph.create(null, lines(part))));
}

function lines(part) {
  const all = part.split("\n").map((line) => line.trim()).filter(Boolean);
  if (!all.length) return [schema.text(part)];
  if (all.length === 1) return [schema.text(part.replace(/\n/g, " "))];
  if (all.slice(0, -1).every((line) => line.length > WRAPPED)) return [schema.text(all.join(" "))];
  return all.flatMap((line, at) => (at ? [schema.nodes.hard_break.create(), schema.text(line)] : [schema.text(line)]));
}
