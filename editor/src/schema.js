// What a text is made of: a node or a mark for each thing that the site's Markdown knows, and for nothing else.
import { Schema } from "prosemirror-model";
import { tableNodes } from "prosemirror-tables";

const cells = tableNodes({
  tableGroup: "block",
  cellContent: "paragraph",
  cellAttributes: {
    align: {
      default: null,
      getFromDOM: (cell) => ["left", "center", "right"].find((side) => cell.classList.contains(side)) ?? null,
      setDOMAttr: (side, attrs) => {
        if (side) attrs.class = side;
      },
    },
  },
});

const headings = [1, 2, 3, 4, 5, 6].map((level) => ({
  tag: `h${level}`,
  getAttrs: (element) => ({ level: Number(element.dataset.level) || level }),
}));

const nodes = {
  doc: { content: "(block | footnote | source)+" },
  paragraph: { content: "inline*", group: "block", parseDOM: [{ tag: "p" }], toDOM: () => ["p", 0] },
  heading: {
    attrs: { level: { default: 2 } },
    content: "inline*",
    group: "block",
    defining: true,
    parseDOM: headings,
    // The page's own heading is its only h1
    toDOM: ({ attrs: { level } }) => [`h${Math.max(2, level)}`, { "data-level": level }, 0],
  },
  blockquote: {
    content: "block+",
    group: "block",
    defining: true,
    parseDOM: [{ tag: "blockquote" }],
    toDOM: () => ["blockquote", 0],
  },
  bullet_list: {
    attrs: { tight: { default: true } },
    content: "list_item+",
    group: "block",
    parseDOM: [{ tag: "ul", getAttrs: (list) => ({ tight: !list.hasAttribute("data-loose") }) }],
    toDOM: ({ attrs: { tight } }) => ["ul", tight ? {} : { "data-loose": "" }, 0],
  },
  ordered_list: {
    attrs: { order: { default: 1 }, tight: { default: true } },
    content: "list_item+",
    group: "block",
    parseDOM: [
      {
        tag: "ol",
        getAttrs: (list) => ({ order: Math.max(0, list.start), tight: !list.hasAttribute("data-loose") }),
      },
    ],
    toDOM: ({ attrs: { order, tight } }) => ["ol", { start: order, ...(tight ? {} : { "data-loose": "" }) }, 0],
  },
  list_item: {
    attrs: { checked: { default: null } }, // null: no task
    content: "block+",
    defining: true,
    parseDOM: [
      { tag: "li", getAttrs: ({ dataset: { checked } }) => ({ checked: checked ? checked === "true" : null }) },
    ],
    toDOM: ({ attrs: { checked } }) => ["li", checked === null ? {} : { "data-checked": String(checked) }, 0],
  },
  code_block: {
    attrs: { info: { default: "" } },
    content: "text*",
    marks: "",
    group: "block",
    code: true,
    defining: true,
    parseDOM: [
      { tag: "pre", preserveWhitespace: "full", getAttrs: ({ dataset }) => ({ info: dataset.info ?? "" }) },
    ],
    toDOM: ({ attrs: { info } }) => ["pre", info ? { "data-info": info } : {}, ["code", 0]],
  },
  horizontal_rule: { group: "block", parseDOM: [{ tag: "hr" }], toDOM: () => ["hr"] },
  ...cells,
  footnote: {
    attrs: { label: {} },
    content: "block+",
    defining: true,
    isolating: true,
    parseDOM: [{ tag: "aside[data-footnote]", getAttrs: ({ dataset }) => ({ label: dataset.footnote }) }],
    toDOM: ({ attrs: { label } }) => ["aside", { "data-footnote": label, role: "note", "aria-label": `Footnote ${label}` }, 0],
  },
  // What stands in a text and is not seen, such as the addresses of its links: kept as it was written
  source: {
    content: "text*",
    marks: "",
    code: true,
    defining: true,
    parseDOM: [{ tag: "pre[data-source]", preserveWhitespace: "full", priority: 60 }],
    toDOM: () => ["pre", { "data-source": "" }, ["code", 0]],
  },
  text: { group: "inline" },
  image: {
    attrs: { src: {}, alt: { default: "" }, title: { default: "" } },
    inline: true,
    group: "inline",
    draggable: true,
    parseDOM: [
      {
        tag: "img[src]",
        getAttrs: (picture) => ({ src: picture.getAttribute("src"), alt: picture.alt, title: picture.title }),
      },
    ],
    toDOM: ({ attrs }) => ["img", attrs],
  },
  hard_break: {
    inline: true,
    group: "inline",
    selectable: false,
    parseDOM: [{ tag: "br" }],
    toDOM: () => ["br"],
  },
  footnote_ref: {
    attrs: { label: {} },
    inline: true,
    group: "inline",
    parseDOM: [{ tag: "sup[data-label]", getAttrs: ({ dataset }) => ({ label: dataset.label }) }],
    toDOM: ({ attrs: { label } }) => ["sup", { "data-label": label }, label],
  },
};

// In the order in which they enclose one another
const marks = {
  link: {
    attrs: { href: {}, title: { default: "" } },
    inclusive: false,
    parseDOM: [
      { tag: "a[href]", getAttrs: (link) => ({ href: link.getAttribute("href"), title: link.title }) },
    ],
    toDOM: ({ attrs: { href, title } }) => ["a", title ? { href, title } : { href }, 0],
  },
  em: { parseDOM: [{ tag: "em" }, { tag: "i" }], toDOM: () => ["em", 0] },
  strong: { parseDOM: [{ tag: "strong" }, { tag: "b" }], toDOM: () => ["strong", 0] },
  strike: { parseDOM: [{ tag: "s" }, { tag: "del" }, { tag: "strike" }], toDOM: () => ["s", 0] },
  code: { code: true, parseDOM: [{ tag: "code" }], toDOM: () => ["code", 0] },
};

export const schema = new Schema({ nodes, marks });
