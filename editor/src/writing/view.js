// The text as one writes it: the engine with all its parts, on one document.
import { gapCursor } from "prosemirror-gapcursor";
import { history } from "prosemirror-history";
import { EditorState, Plugin } from "prosemirror-state";
import { EditorView } from "prosemirror-view";
import { tableEditing } from "prosemirror-tables";

import { write } from "../markdown/write.js";
import { pasting } from "../paste/paste.js";
import { schema } from "../schema.js";
import { askLink, askPicture } from "./asking.js";
import { commandsWith } from "./commands.js";
import { decorated, doubleClick, nodeViews } from "./drawn.js";
import { keysFor } from "./keys.js";
import { rules } from "./rules.js";
import { slash } from "./slash.js";
import { toolbars } from "./toolbar.js";

const { nodes } = schema;
const HOW = "Alt+F10 goes to the toolbar. A slash opens a menu. Escape and then Tab leave the text.";

const BESIDE = { top: 120, bottom: 40, left: 0, right: 0 }; // pixels: the toolbars stay over the top of the text

// The first row of a table, and it alone, holds its headings: Markdown knows no other tables.
const headings = new Plugin({
  appendTransaction: (transactions, _, state) => {
    if (!transactions.some(({ docChanged }) => docChanged)) return null;
    const { tr } = state;
    state.doc.descendants((node, pos) => {
      if (node.isTextblock) return false;
      if (node.type !== nodes.table) return true;
      node.forEach((row, rowAt, place) => {
        const type = place ? nodes.table_cell : nodes.table_header;
        row.forEach((cell, cellAt) => {
          if (cell.type !== type) tr.setNodeMarkup(pos + rowAt + cellAt + 2, type, cell.attrs);
        });
      });
      return false;
    });
    return tr.docChanged ? tr : null;
  },
});

// An empty text says how to begin.
const beginning = new Plugin({
  props: {
    attributes: ({ doc }) => {
      const isEmpty = doc.childCount === 1 && doc.firstChild.type === nodes.paragraph && !doc.firstChild.content.size;
      return isEmpty ? { "data-empty": "Write, paste, or type / for headings, lists and tables" } : {};
    },
  },
});

// Takes a document, the element to write in, { icons, tools: where the toolbars go, attributes of the text box, field: the
// textarea, changed: called when something is written, say, and tell for what all are to see }; gives the view.
export function open(doc, place, { icons, tools, attributes, field, changed, say, tell }) {
  const commands = commandsWith({ askLink, askPicture });
  const bars = toolbars(commands, icons, tools, say);
  const state = EditorState.create({
    doc,
    plugins: [
      slash(commands, place, icons, say),
      rules(),
      ...keysFor(commands, { toToolbar: () => (bars.focus(), true), askPicture }),
      bars.plugin,
      decorated(),
      history(),
      gapCursor(),
      headings,
      beginning,
      pasting(field, tell),
      tableEditing(),
    ],
  });
  return new EditorView(place, {
    state,
    nodeViews,
    attributes: {
      role: "textbox",
      "aria-multiline": "true",
      "aria-description": HOW,
      class: "prose",
      spellcheck: "true",
      ...attributes,
    },
    scrollMargin: BESIDE,
    scrollThreshold: BESIDE,
    handleDoubleClickOn: doubleClick(askPicture),
    clipboardTextSerializer: ({ content }) => {
      const first = content.firstChild;
      if (!first) return "";
      if (content.childCount === 1 && first.isTextblock) return first.textContent;
      return write(nodes.doc.create(null, first.isInline ? nodes.paragraph.create(null, content) : content));
    },
    dispatchTransaction(tr) {
      this.updateState(this.state.apply(tr));
      if (tr.docChanged) changed();
    },
  });
}
