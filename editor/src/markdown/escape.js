// Text that is to be read as text: what would be a mark of Markdown gets a backslash.
import { addresses } from "./addresses.js";

const MEANS_SOMETHING = /[\\`*[\]_~<&|]/g;
const LINE_START = /^(#{1,6}(?=\s|$)|[-+](?=\s|$)|>|=+\s*$|-[-\s|:]*$|:-|\||\d{1,9}(?=[.)](?:\s|$)))/;

// Takes text, and { link: in a link's words, table: in a cell, unlinked: addresses become no links }; gives Markdown that shows it.
export function escaped(text, { link = false, table = false, unlinked = false } = {}) {
  if (unlinked) return escaped(text, { link: true, table }).replace(/(?<=https?|mailto):|(?<=www)\.|@/g, "\\$&");
  const bare = link ? [] : addresses(text);
  let [made, at] = ["", 0];
  for (const [from, to] of [...bare, [text.length, text.length]]) {
    made += text.slice(at, from).replace(MEANS_SOMETHING, (mark, place) => {
      return isMark(mark, text, at + place, link, table) ? `\\${mark}` : mark;
    });
    made += text.slice(from, to).replaceAll("|", table ? "\\|" : "|");
    at = to;
  }
  return made;
}

function isMark(mark, text, at, link, table) {
  const [before, rest] = [text[at - 1] ?? "", text.slice(at + 1)];
  if (mark === "_") return !(/[\p{L}\p{N}]/u.test(before) && /^[\p{L}\p{N}]/u.test(rest));
  if (mark === "~") return !before || !rest || before === "~" || rest[0] === "~";
  if (mark === "]") return link;
  if (mark === "|") return table;
  if (mark === "<") return /^[^\s<>]*[:@][^\s<>]*>/.test(rest) || !rest;
  if (mark === "&") return /^(#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z0-9]+);/i.test(rest);
  return true;
}

// Takes the lines of a paragraph as Markdown; gives them so that none begins another kind of block.
export function asLines(markdown) {
  return markdown
    .split("\n")
    .map((line) => {
      const text = line.trim();
      const [start] = LINE_START.exec(text) ?? [""];
      if (!start) return text;
      return /^\d/.test(start) ? `${start}\\${text.slice(start.length)}` : `\\${text}`;
    })
    .join("\n");
}

// Takes an address and a title; gives what stands in a link's round brackets.
export function target(href, title, table) {
  const plain = /^[^\s<>()\\\u0000-\u001f]+$/.test(href);
  const bracketed = href.replace(/[<>\\]/g, "\\$&").replaceAll("\n", "%0A");
  const address = withEntities(plain ? href : `<${bracketed}>`);
  const words = title ? ` "${withEntities(title.replace(/["\\]/g, "\\$&"))}"` : "";
  return table ? `${address}${words}`.replaceAll("|", "\\|") : `${address}${words}`;
}

const withEntities = (text) => text.replace(/&(?=(#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z0-9]+);)/gi, "&amp;");
