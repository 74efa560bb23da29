// Markdown, made into a document; and on which lines each of its blocks stood.
import { schema } from "../schema.js";
import { inlineTokensOf, tokensOf } from "./parser.js";

const { nodes, marks } = schema;
const CONTAINERS = {
  blockquote: () => nodes.blockquote,
  list_item: (token) => [nodes.list_item, { checked: token.meta?.checked ?? null }],
  bullet_list: (token, inside) => [nodes.bullet_list, { tight: isTight(inside) }],
  ordered_list: (token, inside) => [nodes.ordered_list, { order: Number(token.attrGet("start") ?? 1), tight: isTight(inside) }],
  footnote_reference: (token) => [nodes.footnote, { label: token.meta.label }],
};
const MARKS = { em: marks.em, strong: marks.strong, s: marks.strike };

// Takes Markdown; gives { doc, blocks: [{ node, from, to }] }, the blocks' places counted in lines. Throws what it cannot show.
export function read(text) {
  const blocks = [];
  const tokens = tokensOf(text);
  for (let at = 0; at < tokens.length; ) {
    const end = endOf(tokens, at);
    const [from, to] = tokens[at].map;
    blocks.push({ node: blockOf(tokens.slice(at, end + 1)), from, to });
    at = end + 1;
  }
  withUnseen(blocks, text.split("\n"));
  const content = blocks.map(({ node }) => node);
  const doc = nodes.doc.create(null, content.length ? content : nodes.paragraph.create());
  doc.check();
  return { doc, blocks };
}

// Takes the inside of a paragraph; gives its nodes.
export const readInline = (text, labels) => inlineOf(inlineTokensOf(text, labels));

// The lines that no block came of (where links lead, for one) become blocks of their own.
function withUnseen(blocks, lines) {
  const isBlank = (line) => !lines[line].trim();
  let before = 0;
  for (let at = 0; at <= blocks.length; at++) {
    const block = blocks[at];
    let [from, to] = [before, block ? block.from : lines.length];
    while (from < to && isBlank(from)) from++;
    while (from < to && isBlank(to - 1)) to--;
    if (block) {
      while (block.to > block.from + 1 && isBlank(block.to - 1)) block.to--;
      before = block.to;
    }
    if (from < to) {
      const node = nodes.source.create(null, schema.text(lines.slice(from, to).join("\n")));
      blocks.splice(at++, 0, { node, from, to });
    }
  }
}

function endOf(tokens, at) {
  let depth = 0;
  for (let end = at; ; end++) {
    depth += tokens[end].nesting;
    if (depth === 0) return end;
  }
}

function blocksOf(tokens) {
  const found = [];
  for (let at = 0; at < tokens.length; ) {
    const end = endOf(tokens, at);
    found.push(blockOf(tokens.slice(at, end + 1)));
    at = end + 1;
  }
  return found;
}

function blockOf(tokens) {
  const [token] = tokens;
  const inside = tokens.slice(1, -1);
  const kind = token.type.replace(/_open$/, "");
  if (kind === "paragraph") return nodes.paragraph.create(null, inlineOf(inside[0].children));
  if (kind === "heading") return nodes.heading.create({ level: Number(token.tag[1]) }, inlineOf(inside[0].children));
  if (kind === "hr") return nodes.horizontal_rule.create();
  if (kind === "fence" || kind === "code_block") return codeOf(token);
  if (kind === "table") return tableOf(inside);
  if (!CONTAINERS[kind]) throw new Error(`No block is made of ${kind}`);
  const [type, attrs] = [CONTAINERS[kind](token, inside)].flat();
  const content = blocksOf(inside);
  return type.createChecked(attrs, content.length ? content : nodes.paragraph.create());
}

function isTight(inside) {
  const paragraphs = inside.filter(({ type, level }) => type === "paragraph_open" && level === inside[0].level + 1);
  return !paragraphs.some(({ hidden }) => !hidden);
}

function codeOf({ content, info }) {
  const text = content.replace(/\n$/, "");
  return nodes.code_block.create({ info: info.trim() }, text ? schema.text(text) : null);
}

function tableOf(tokens) {
  const rows = [];
  tokens.forEach((token, at) => {
    if (token.type === "tr_open") rows.push([]);
    if (token.type !== "th_open" && token.type !== "td_open") return;
    const align = /(left|center|right)$/.exec(token.attrGet("style") ?? "")?.[1] ?? null;
    const type = token.type === "th_open" ? nodes.table_header : nodes.table_cell;
    rows.at(-1).push(type.create({ align }, nodes.paragraph.create(null, inlineOf(tokens[at + 1].children))));
  });
  return nodes.table.create(null, rows.map((row) => nodes.table_row.create(null, row)));
}

function inlineOf(tokens) {
  const found = [];
  let on = [];
  const addText = (text, more = []) => {
    if (!text) return;
    const node = schema.text(text, [...on, ...more].reduce((set, mark) => mark.addToSet(set), []));
    const last = found.at(-1);
    if (last?.isText && last.sameMarkup(node)) found[found.length - 1] = last.withText(last.text + text);
    else found.push(node);
  };
  const add = (node) => found.push(node.mark(on.reduce((set, mark) => mark.addToSet(set), [])));
  for (const token of tokens) {
    const kind = token.type.replace(/_(open|close)$/, "");
    if (kind === "text" || kind === "text_special") addText(token.content);
    else if (kind === "softbreak") addText(" ");
    else if (kind === "hardbreak") add(nodes.hard_break.create());
    else if (kind === "code_inline") addText(token.content, [marks.code.create()]);
    else if (kind === "footnote_ref") add(nodes.footnote_ref.create({ label: token.meta.label }));
    else if (kind === "image") add(nodes.image.create(pictureOf(token)));
    else if (token.nesting === -1) on = on.slice(0, -1);
    else if (kind === "link") on = [...on, marks.link.create({ href: token.attrGet("href"), title: token.attrGet("title") ?? "" })];
    else if (MARKS[kind]) on = [...on, MARKS[kind].create()];
    else throw new Error(`No text is made of ${kind}`);
  }
  return found;
}

function pictureOf(token) {
  const alt = inlineOf(token.children).map((node) => node.text ?? node.attrs.alt ?? " ").join("");
  return { src: token.attrGet("src"), alt, title: token.attrGet("title") ?? "" };
}
