// What the keys do. Tab stays within lists and tables; after Escape it leaves the text, as it does everywhere else.
import { baseKeymap, chainCommands, exitCode, setBlockType } from "prosemirror-commands";
import { redo } from "prosemirror-history";
import { undoInputRule } from "prosemirror-inputrules";
import { keymap } from "prosemirror-keymap";
import { liftListItem, sinkListItem, splitListItem } from "prosemirror-schema-list";
import { Plugin, TextSelection } from "prosemirror-state";
import { addRowAfter, goToNextCell } from "prosemirror-tables";

import { schema } from "../schema.js";
import { around, inTable, isPicture, tableOf, tick } from "./commands.js";

const { nodes } = schema;
const ROW = /^\|(?:[^|]+\|)+\s*$/;

function lineBreak(state, dispatch) {
  const { parent } = state.selection.$from;
  if (parent.type !== nodes.paragraph || inTable(state)) return false;
  dispatch?.(state.tr.replaceSelectionWith(nodes.hard_break.create()).scrollIntoView());
  return true;
}

// In a table, Enter goes to the cell below, and makes a row after the last.
function nextRow(state, dispatch, view) {
  if (!inTable(state)) return false;
  const { $from } = state.selection;
  const column = $from.index($from.depth - 2);
  const inside = (doc, start) => {
    const table = doc.resolve(start);
    const row = $from.index($from.depth - 3) + 1;
    return table.node().childCount > row ? table.posAtIndex(row) : null;
  };
  const start = $from.start($from.depth - 3);
  if (inside(state.doc, start) === null) addRowAfter(state, dispatch);
  const { tr, doc } = view.state;
  const row = doc.resolve(inside(doc, start) + 1);
  view.dispatch(tr.setSelection(TextSelection.near(doc.resolve(row.posAtIndex(column) + 1))).scrollIntoView());
  return true;
}

// "| Where | What |" and Enter: a table with these headings.
function tableFromRow(state, dispatch) {
  const { $from, empty } = state.selection;
  if (!empty || $from.parent.type !== nodes.paragraph || $from.parentOffset !== $from.parent.content.size || inTable(state)) return false;
  if (!ROW.test($from.parent.textContent)) return false;
  const words = $from.parent.textContent.trim().slice(1, -1).split("|").map((word) => word.trim());
  if (dispatch) {
    const table = tableOf(words.length, words);
    const tr = state.tr.replaceWith($from.before(), $from.after(), table);
    dispatch(tr.setSelection(TextSelection.near(tr.doc.resolve($from.before() + 1 + table.firstChild.nodeSize + 2))).scrollIntoView());
  }
  return true;
}

// "```" and Enter: code, in the language that is named; "---" and Enter: a dividing line.
function blockFromLine(state, dispatch) {
  const { $from, empty } = state.selection;
  const { parent } = $from;
  const met = /^(?:```(\w*)|(---|\*\*\*|___))$/.exec(parent.textContent);
  if (!empty || !met || parent.type !== nodes.paragraph || inTable(state) || $from.parentOffset !== parent.content.size) return false;
  const code = nodes.code_block.create({ info: met[1] ?? "" });
  const made = met[2] ? [nodes.horizontal_rule.create(), nodes.paragraph.create()] : code;
  const tr = state.tr.replaceWith($from.before(), $from.after(), made);
  dispatch?.(tr.setSelection(TextSelection.near(tr.doc.resolve($from.before() + 1))).scrollIntoView());
  return true;
}

// A task is followed by one that is not done.
function nextTask(state, dispatch) {
  const item = around(state, (node) => node.type === nodes.list_item)?.node;
  const attrs = item && item.attrs.checked !== null ? { checked: false } : undefined;
  return splitListItem(nodes.list_item, attrs)(state, dispatch);
}

// Takes the commands, the toolbar's way in, and what a picture is asked for with; gives plugins.
export function keysFor(commands, { toToolbar, askPicture }) {
  const own = Object.fromEntries(commands.filter(({ key }) => key).map(({ key, run }) => [key, run]));
  let leaving = false;
  const unlessLeaving = (command) => (state, dispatch, view) => !leaving && command(state, dispatch, view);
  return [
    new Plugin({
      props: {
        handleKeyDown: (view, event) => {
          leaving = event.key === "Escape" || (leaving && ["Tab", "Shift"].includes(event.key));
          return false;
        },
      },
    }),
    keymap({
      ...own,
      "Mod-y": redo,
      "Mod-Alt-0": setBlockType(nodes.paragraph),
      "Mod-Enter": chainCommands(tick, exitCode),
      "Shift-Enter": chainCommands(exitCode, lineBreak),
      "Alt-F10": toToolbar,
      Enter: chainCommands(
        (state, dispatch, view) => isPicture(state) && askPicture(state, dispatch, view),
        nextRow,
        tableFromRow,
        blockFromLine,
        nextTask,
      ),
      Backspace: undoInputRule,
      Tab: unlessLeaving(chainCommands(goToNextCell(1), sinkListItem(nodes.list_item))),
      "Shift-Tab": unlessLeaving(chainCommands(goToNextCell(-1), liftListItem(nodes.list_item))),
    }),
    keymap(baseKeymap),
  ];
}
