// What can be done to a text: one list, from which the toolbar, the `/` menu and the keys are made.
import { lift, setBlockType, toggleMark, wrapIn } from "prosemirror-commands";
import { redo, undo } from "prosemirror-history";
import { liftListItem, wrapInList } from "prosemirror-schema-list";
import { NodeSelection, TextSelection } from "prosemirror-state";

import { schema } from "../schema.js";
import { labelsOf } from "../markdown/write.js";

const { nodes, marks } = schema;

// The nearest node around the selection of which `test` says yes: { node, pos }.
export function around(state, test) {
  const { $from } = state.selection;
  for (let depth = $from.depth; depth > 0; depth--) {
    if (test($from.node(depth))) return { node: $from.node(depth), pos: $from.before(depth) };
  }
  return null;
}

export const inTable = (state) => Boolean(around(state, (node) => node.type === nodes.table));
const isList = (node) => node.type === nodes.bullet_list || node.type === nodes.ordered_list;

const heading = (level) => (state, dispatch) => {
  const on = isHeading(level)(state);
  return setBlockType(on ? nodes.paragraph : nodes.heading, on ? null : { level })(state, dispatch);
};
const isHeading = (level) => ({ selection: { $from } }) => $from.parent.type === nodes.heading && $from.parent.attrs.level === level;

const hasMark = (type) => ({ selection: { empty, $from, from, to }, storedMarks, doc }) => {
  if (empty) return Boolean(type.isInSet(storedMarks ?? $from.marks()));
  return doc.rangeHasMark(from, to, type);
};

function inList(type, task) {
  return (state) => {
    const list = around(state, isList)?.node;
    const item = around(state, (node) => node.type === nodes.list_item)?.node;
    return list?.type === type && (item.attrs.checked !== null) === task;
  };
}

// Makes a list of what is selected, or another kind of the list it is in, or none of it.
function list(type, task = false) {
  return (state, dispatch) => {
    const found = around(state, isList);
    if (!found) {
      return wrapInList(type)(state, dispatch && ((tr) => dispatch(task ? asTasks(tr, task) : tr)));
    }
    if (inList(type, task)(state)) return liftListItem(nodes.list_item)(state, dispatch);
    if (dispatch) {
      const attrs = { tight: found.node.attrs.tight };
      dispatch(asTasks(state.tr.setNodeMarkup(found.pos, type, attrs), task).scrollIntoView());
    }
    return true;
  };
}

// Every item of the list around the selection: a task, or none.
function asTasks(tr, task) {
  const found = around(tr, isList);
  found?.node.forEach((item, offset) => {
    const checked = task ? (item.attrs.checked ?? false) : null;
    tr.setNodeMarkup(found.pos + 1 + offset, null, { checked });
  });
  return tr;
}

// Ticks the task in which the selection is, or takes the tick away.
export function tick(state, dispatch) {
  const found = around(state, (node) => node.type === nodes.list_item && node.attrs.checked !== null);
  if (found && dispatch) dispatch(state.tr.setNodeMarkup(found.pos, null, { checked: !found.node.attrs.checked }));
  return Boolean(found);
}

function quote(state, dispatch) {
  const inQuote = around(state, (node) => node.type === nodes.blockquote);
  return inQuote ? lift(state, dispatch) : wrapIn(nodes.blockquote)(state, dispatch);
}

const isQuote = (state) => Boolean(around(state, (node) => node.type === nodes.blockquote));

// Puts a block in the place of the empty paragraph around the selection, or after the block it is in.
function insertBlock(state, dispatch, node, into) {
  if (inTable(state)) return false;
  const { $from } = state.selection;
  if (!dispatch) return true;
  const replaces = $from.parent.type === nodes.paragraph && !$from.parent.content.size && $from.depth > 0;
  const at = $from.depth ? (replaces ? $from.before() : $from.after()) : state.selection.to;
  const tr = replaces ? state.tr.replaceWith(at, $from.after(), node) : state.tr.insert(at, node);
  const after = tr.doc.nodeAt(at).nodeSize + at;
  if (!tr.doc.resolve(after).nodeAfter?.isTextblock) tr.insert(after, nodes.paragraph.create());
  dispatch(tr.setSelection(TextSelection.near(tr.doc.resolve(into ? at + into : after))).scrollIntoView());
  return true;
}

// A table of so many columns, with a row of headings and two more; the first cells may be filled.
export function tableOf(columns, words = []) {
  const row = (type, texts) => {
    const cells = Array.from({ length: columns }, (_, at) => {
      return type.create(null, nodes.paragraph.create(null, texts[at] ? schema.text(texts[at]) : null));
    });
    return nodes.table_row.create(null, cells);
  };
  return nodes.table.create(null, [row(nodes.table_header, words), row(nodes.table_cell, []), row(nodes.table_cell, [])]);
}

const table = (state, dispatch) => insertBlock(state, dispatch, tableOf(3), 4);
const rule = (state, dispatch) => insertBlock(state, dispatch, nodes.horizontal_rule.create());

// A footnote with the next free number: its sign here, its text at the end.
function footnote(state, dispatch) {
  const { $from, to } = state.selection;
  if (!$from.parent.inlineContent || !$from.parent.type.spec.content.startsWith("inline")) return false;
  if (around(state, (node) => node.type === nodes.footnote)) return false;
  if (!dispatch) return true;
  const taken = labelsOf(state.doc);
  let number = 1;
  while (taken.includes(String(number))) number++;
  const label = String(number);
  const tr = state.tr.insert(to, nodes.footnote_ref.create({ label }));
  const end = tr.doc.content.size;
  tr.insert(end, nodes.footnote.create({ label }, nodes.paragraph.create()));
  dispatch(tr.setSelection(TextSelection.create(tr.doc, end + 2)).scrollIntoView());
  return true;
}

function code(state, dispatch, view) {
  if (!state.selection.empty) return toggleMark(marks.code)(state, dispatch, view);
  const on = state.selection.$from.parent.type === nodes.code_block;
  return setBlockType(on ? nodes.paragraph : nodes.code_block)(state, dispatch);
}

const isCode = (state) => state.selection.$from.parent.type === nodes.code_block || hasMark(marks.code)(state);

export const isPicture = (state) => state.selection instanceof NodeSelection && state.selection.node.type === nodes.image;

// Takes the dialogs; gives the commands. `on`: whether it is so at the selection; `menu`: stands in the `/` menu.
export function commandsWith({ askLink, askPicture }) {
  return [
    { name: "heading", word: "Heading", icon: "heading-2", key: "Mod-Alt-2", run: heading(2), on: isHeading(2), menu: "##" },
    { name: "smaller", word: "Smaller heading", icon: "heading-3", key: "Mod-Alt-3", run: heading(3), on: isHeading(3), menu: "###" },
    { name: "bold", word: "Bold", icon: "bold", key: "Mod-b", run: toggleMark(marks.strong), on: hasMark(marks.strong) },
    { name: "italic", word: "Italic", icon: "italic", key: "Mod-i", run: toggleMark(marks.em), on: hasMark(marks.em) },
    { name: "strike", word: "Struck through", icon: "strikethrough", key: "Mod-Shift-x", run: toggleMark(marks.strike), on: hasMark(marks.strike) },
    { name: "link", word: "Link", icon: "link", key: "Mod-k", run: askLink, on: hasMark(marks.link), begins: true },
    { name: "bullets", word: "List", icon: "list", key: "Mod-Shift-8", run: list(nodes.bullet_list), on: inList(nodes.bullet_list, false), menu: "-", begins: true },
    { name: "numbers", word: "Numbered list", icon: "list-ordered", key: "Mod-Shift-7", run: list(nodes.ordered_list), on: inList(nodes.ordered_list, false), menu: "1." },
    { name: "tasks", word: "Task list", icon: "list-checks", key: "Mod-Shift-9", run: list(nodes.bullet_list, true), on: inList(nodes.bullet_list, true), menu: "[ ]" },
    { name: "quote", word: "Quote", icon: "text-quote", key: "Mod-Shift-.", run: quote, on: isQuote, menu: ">" },
    { name: "table", word: "Table", icon: "table", run: table, menu: "| |", begins: true },
    { name: "picture", word: "Picture", icon: "image", run: askPicture, on: isPicture, menu: "![ ]" },
    { name: "footnote", word: "Footnote", icon: "superscript", key: "Mod-Alt-f", run: footnote, menu: "[^1]" },
    { name: "code", word: "Code", icon: "code", key: "Mod-e", run: code, on: isCode, menu: "```" },
    { name: "rule", word: "Dividing line", icon: "minus", run: rule, menu: "---" },
    { name: "undo", word: "Undo", icon: "undo", key: "Mod-z", run: undo, begins: true },
    { name: "redo", word: "Redo", icon: "redo", key: "Mod-Shift-z", run: redo },
  ];
}
