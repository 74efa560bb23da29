// A text as it was written, beside the document made of it: what nobody touches keeps each of its characters.
import { read } from "./read.js";
import { block, isList, isNothing, labelsOf, markerOf, write } from "./write.js";

export class Kept {
  // Takes Markdown. `doc` is the document that is made of it; throws what it cannot show.
  constructor(text) {
    const { doc, blocks } = read(text);
    this.doc = doc;
    this.text = text;
    this.slices = new WeakMap();
    this.alike = new Map();
    this.gaps = [];
    const starts = [0];
    for (const line of text.split("\n")) starts.push(starts.at(-1) + line.length + 1);
    let before = 0;
    blocks.forEach(({ node, from, to }, place) => {
      const [start, end] = [starts[from], starts[to] - 1];
      const slice = { place, text: text.slice(start, end) };
      this.gaps.push(text.slice(before, start));
      this.slices.set(node, slice);
      this.alike.set(keyOf(node), slice);
      before = end;
    });
    this.gaps.push(text.slice(before));
    this.last = blocks.length - 1;
  }

  // Takes the document as it is now; gives its Markdown, with what was not touched as it was.
  markdown(doc) {
    if (doc.eq(this.doc)) return this.text;
    const blocks = this.blocksOf(doc);
    const meant = read(write(doc)).doc;
    const touched = blocks.map(({ slice }) => !slice);
    const beside = touched.map((_, at) => touched[at - 1] || touched[at] || touched[at + 1]);
    for (const anew of [touched, beside]) {
      const text = this.joined(doc, blocks.map((one, at) => (anew[at] ? { node: one.node } : one)));
      if (isReadAs(text, meant)) return text;
    }
    return write(doc);
  }

  blocksOf(doc) {
    const blocks = [];
    doc.forEach((node) => {
      if (!isNothing(node)) blocks.push({ node, slice: this.sliceOf(node) });
    });
    return blocks;
  }

  // What a block was made of, also where it was changed and changed back.
  sliceOf(node) {
    if (!this.slices.has(node)) this.slices.set(node, this.alike.get(keyOf(node)));
    return this.slices.get(node);
  }

  joined(doc, blocks) {
    const labels = labelsOf(doc);
    let text = "";
    let marker = "";
    blocks.forEach(({ node, slice }, at) => {
      const [before, after] = [blocks[at - 1], blocks[at + 1]];
      if (at) text += slice && before.slice?.place === slice.place - 1 ? this.gaps[slice.place] : "\n\n";
      else if (slice?.place === 0) text += this.gaps[0];
      const taken = before?.node.type === node.type ? [marker] : [];
      if (after?.slice && after.node.type === node.type) taken.push(markerIn(after.slice.text));
      marker = slice ? markerIn(slice.text) : markerOf(node, taken);
      text += slice ? slice.text : block(node, { labels, marker });
    });
    const [end, tail] = [blocks.at(-1), this.gaps.at(-1)];
    return blocks.length && (end.slice?.place === this.last || !tail.trim()) ? text + tail : text;
  }
}

const keyOf = (node) => JSON.stringify(node.toJSON());
const markerIn = (text) => /^\s*(?:\d+)?([-*+.)])/.exec(text)?.[1] ?? "";

function isReadAs(text, meant) {
  try {
    return read(text).doc.eq(meant);
  } catch {
    return false;
  }
}

// Takes the document of a text; gives the beginning of the first block that would not be read back as it is, or null.
export function firstChanged(doc) {
  const labels = labelsOf(doc);
  if (isReadAs(write(doc), doc)) return null;
  let found = "";
  doc.forEach((node) => {
    const alone = block(node, { labels, marker: isList(node) ? markerOf(node, []) : "" });
    if (!found && node.type.name !== "footnote" && !isReadAs(alone, doc.type.create(null, node))) found = node.textContent.slice(0, 60);
  });
  return found;
}
