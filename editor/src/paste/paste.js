// What comes by paste or drop.
import { Fragment, Slice } from "prosemirror-model";
import { Plugin, PluginKey } from "prosemirror-state";

import { schema } from "../schema.js";
import { inTable } from "../writing/commands.js";
import { cleaned } from "./clean.js";
import { fileOf, isHeld, lengthWithout } from "./pictures.js";
import { sliceOf } from "./plain.js";

const LONGEST = 200_000; // characters of text; a post holds no more
const LONGEST_HTML = 8_000_000; // and of what comes around it
const NO_TAKER = "Files cannot be added here.";
const LEFT_OUT = "left out: the other program does not hand it over. Copy it by itself, or save it and add it as a file.";
const LINKED = "on another site, and will be a link: copy it by itself, or save it and add it as a file, to show it.";

const arriving = new PluginKey("arriving");
let arrivals = 0;

// Takes the textarea, at which whoever takes files in listens for `commons:files`, and `tell`, which says to all what became of
// a paste; gives a plugin. Where a file that is on its way will stand is kept, whatever is written meanwhile.
export function pasting(field, tell) {
  let rtf = "";
  let told = "";
  const add = (words) => tell((told = [told, words].filter(Boolean).join(" ")));
  const begin = () => tell((told = ""));

  return new Plugin({
    key: arriving,
    state: {
      init: () => new Map(),
      apply: (tr, places) => {
        const { come, gone } = tr.getMeta(arriving) ?? {};
        if (!tr.docChanged && !come && !gone) return places;
        const moved = new Map([...places].filter(([id]) => id !== gone).map(([id, at]) => [id, tr.mapping.map(at)]));
        for (const [id, at] of come ?? []) moved.set(id, at);
        return moved;
      },
    },
    props: {
      handleDOMEvents: {
        paste: (_, { clipboardData }) => {
          rtf = clipboardData?.getData("text/rtf") ?? "";
          begin();
          return false;
        },
      },
      transformPastedHTML: (html) => {
        if (/\bdata-pm-slice=/.test(html) || lengthWithout(html) > LONGEST_HTML) return html;
        const { html: fit, dropped } = cleaned(html, rtf);
        rtf = "";
        if (dropped) add(`${counted(dropped)} ${LEFT_OUT}`);
        return fit;
      },
      clipboardTextParser: (text, $context) => ($context.parent.type.spec.code ? codeSlice(text) : sliceOf(text)),
      handlePaste: (view, event, slice) => {
        const { clipboardData } = event;
        const tooLong = clipboardData?.getData("text/plain").length > LONGEST || lengthWithout(clipboardData?.getData("text/html") ?? "") > LONGEST_HTML;
        if (tooLong) {
          tell("Nothing was pasted: it is longer than a post can be (200,000 characters).");
          return true;
        }
        if (clipboardData?.files.length && !clipboardData.types.includes("text/html")) return takeFiles(view, clipboardData.files);
        return intoCell(view, slice) || withPictures(view, slice);
      },
      handleDrop: (view, event, slice, moved) => {
        const at = view.posAtCoords({ left: event.clientX, top: event.clientY })?.pos;
        if (event.dataTransfer?.files.length) {
          event.preventDefault();
          return takeFiles(view, event.dataTransfer.files, at);
        }
        return !moved && at !== undefined && withPictures(view, slice, at, at);
      },
    },
  });

  // Pastes what has pictures or footnotes in it: pictures that hold themselves are taken out, and come back as files; footnotes go
  // to the end of the text.
  function withPictures(view, slice, from = view.state.selection.from, to = view.state.selection.to) {
    let linked = 0;
    let held = false;
    slice.content.descendants(({ type, attrs }) => {
      if (type !== schema.nodes.image) return;
      if (isHeld(attrs.src)) held = true;
      else if (/^https?:/i.test(attrs.src) && !attrs.src.startsWith(`${location.origin}/`)) linked++;
    });
    if (linked) add(`${counted(linked)} ${LINKED}`);
    const { text, notes } = apart(slice, view.state.doc);
    if (!held && !notes.length) return false;
    const tr = view.state.tr.replaceRange(from, to, text).setMeta("paste", true).setMeta("uiEvent", "paste");
    const found = [];
    tr.doc.nodesBetween(from, Math.min(tr.mapping.map(to), tr.doc.content.size), (node, at) => {
      if (node.type === schema.nodes.image && isHeld(node.attrs.src)) found.push([at, node.attrs]);
    });
    const before = tr.steps.length;
    for (const [at] of [...found].reverse()) tr.delete(at, at + 1);
    if (notes.length) tr.insert(tr.doc.content.size, notes);
    const places = found.map(([at]) => tr.mapping.slice(before).map(at));
    send(view, tr.scrollIntoView(), found.map(([, { src, alt }]) => fileOf(src, alt)), places, found.map(([, { alt }]) => alt));
    return true;
  }

  // Offers files to whoever takes them in, to stand where they came.
  function takeFiles(view, files, at = view.state.selection.from) {
    send(view, view.state.tr, [...files], [...files].map(() => at));
    return true;
  }

  // `insert` puts a picture ({ src, alt, title }) or a link ({ href, words }) in its place; in the textarea, where the view is gone.
  function send(view, tr, files, places, alts = []) {
    const ids = files.map(() => (arrivals += 1));
    view.dispatch(tr.setMeta(arriving, { come: ids.map((id, number) => [id, places[number]]) }));
    files.forEach((file, number) => {
      const insert = ({ src, alt = "", title = "", href, words, markdown }) => {
        const place = view.isDestroyed ? undefined : arriving.getState(view.state).get(ids[number]);
        if (place === undefined) return append(markdown);
        const node = src
          ? schema.nodes.image.create({ src, alt: alts[number] || alt, title })
          : schema.text(words, [schema.marks.link.create({ href })]);
        view.dispatch(view.state.tr.replaceRangeWith(place, place, node).setMeta(arriving, { gone: ids[number] }));
      };
      const offer = new CustomEvent("commons:files", { bubbles: true, cancelable: true, detail: { files: [file], insert } });
      if (field.dispatchEvent(offer)) tell(NO_TAKER);
    });
  }

  function append(markdown) {
    field.value = `${field.value.trimEnd()}\n\n${markdown}\n`;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}

const counted = (number) => (number === 1 ? "A picture is" : `${number} pictures are`);

// What is pasted without its footnotes, and these; numbered on from those that the text has.
function apart(slice, doc) {
  const notes = [];
  const taken = new Set();
  doc.descendants(({ type, attrs }) => {
    if (type === schema.nodes.footnote || type === schema.nodes.footnote_ref) taken.add(attrs.label);
  });
  const labels = new Map();
  let next = 1;
  const fresh = (label) => {
    if (!labels.has(label)) {
      while (taken.has(String(next))) next += 1;
      labels.set(label, String(next));
      taken.add(String(next));
    }
    return labels.get(label);
  };
  slice.content.forEach((node) => node.type === schema.nodes.footnote && notes.push(node));
  if (!notes.length) return { text: slice, notes };
  const numbered = (fragment) => {
    const made = [];
    fragment.forEach((node) => {
      if (node.type === schema.nodes.footnote_ref) made.push(node.type.create({ label: fresh(node.attrs.label) }, null, node.marks));
      else made.push(node.isText ? node : node.copy(numbered(node.content)));
    });
    return Fragment.from(made);
  };
  const rest = [];
  slice.content.forEach((node) => node.type !== schema.nodes.footnote && rest.push(node));
  const text = Slice.maxOpen(numbered(Fragment.from(rest)));
  return { text, notes: notes.map((node) => node.type.create({ label: fresh(node.attrs.label) }, numbered(node.content))) };
}

const codeSlice = (text) => new Slice(Fragment.from(schema.text(text.replace(/\r\n?/g, "\n"))), 0, 0);

// A cell holds one line: of what comes in several blocks, the words.
function intoCell(view, slice) {
  const { state } = view;
  const { content } = slice;
  const isLine = content.childCount <= 1 && (content.firstChild?.isInline || content.firstChild?.type === schema.nodes.paragraph);
  if (!inTable(state) || isLine || content.firstChild?.type === schema.nodes.table || content.firstChild?.type.name.startsWith("table_")) return false;
  const words = content.textBetween(0, content.size, " ", " ").trim();
  view.dispatch(state.tr.insertText(words).scrollIntoView());
  return true;
}
