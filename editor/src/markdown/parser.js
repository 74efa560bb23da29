// The site's Markdown, as commons/markup.py has it: CommonMark without HTML, with tables, strikethrough, footnotes and tasks.
import MarkdownIt from "markdown-it";
import footnotes from "markdown-it-footnote";

import { addressAt } from "./addresses.js";

const SCHEMES = new Set(["http", "https", "mailto"]);
const STOPS = /[\n!#$%&*+\-:<=>@[\\\]^_`{}~]|(?<![^\s*_~(])(?:https?:\/\/|www\.|(?:mailto:)?[A-Za-z0-9.+_-]+@)/g;
const TASK = /^\[([ xX])\]\s/;

const parser = new MarkdownIt("commonmark", { html: false, maxNesting: 20 });
parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"]);
parser.use(footnotes).disable(["footnote_inline", "footnote_tail"]);
parser.validateLink = (url) => {
  const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(url);
  return !scheme || SCHEMES.has(scheme[1].toLowerCase());
};
parser.normalizeLink = (url) => url; // an address stays as it was typed
parser.inline.ruler.at("text", plainText);
parser.inline.ruler.before("text", "address", bareAddress);
parser.block.ruler.at("footnote_def", withItsLines(ruleOf(parser.block.ruler, "footnote_def")), {
  alt: ["paragraph", "reference"],
});
parser.core.ruler.after("block", "tasks", tasks);

function ruleOf(ruler, name) {
  return ruler.__rules__.find((rule) => rule.name === name).fn;
}

// Text up to the next character, or address, that may mean something.
function plainText(state, silent) {
  STOPS.lastIndex = state.pos;
  const stop = STOPS.exec(state.src);
  const end = Math.min(stop ? stop.index : state.posMax, state.posMax);
  if (end === state.pos) return false;
  if (!silent) state.pending += state.src.slice(state.pos, end);
  state.pos = end;
  return true;
}

// A bare address is text, in which no other mark is looked for.
function bareAddress(state, silent) {
  if (state.linkLevel) return false;
  const address = addressAt(state.src.slice(0, state.posMax), state.pos);
  if (!address || silent) return false;
  state.pending += address;
  state.pos += address.length;
  return true;
}

// The package's rule does not say on which lines a footnote stands.
function withItsLines(rule) {
  return (state, start, end, silent) => {
    const first = state.tokens.length;
    if (!rule(state, start, end, silent)) return false;
    if (!silent) state.tokens[first].map = [start, state.line];
    return true;
  };
}

// Items that begin with a box are tasks; the box is no text.
function tasks(state) {
  state.tokens.forEach((token, at) => {
    const inside = state.tokens[at + 2];
    if (token.type !== "list_item_open" || inside?.type !== "inline" || state.tokens[at + 1].type !== "paragraph_open") return;
    const box = TASK.exec(inside.content);
    if (!box) return;
    token.meta = { checked: box[1] !== " " };
    inside.content = inside.content.slice(box[0].length);
  });
}

// Takes Markdown; gives markdown-it's tokens.
export const tokensOf = (text) => parser.parse(text, {});

// Takes the inside of one paragraph, and the labels of the footnotes there are; gives its tokens.
export function inlineTokensOf(text, labels) {
  const refs = Object.fromEntries(labels.map((label) => [`:${label}`, -1]));
  return parser.parseInline(text, { footnotes: { refs } })[0].children;
}
