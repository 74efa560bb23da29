// The toolbar: one stop of the Tab key, arrows within it, Escape back to the text (ARIA's pattern of a toolbar).
import { Plugin } from "prosemirror-state";
import { addColumnAfter, addColumnBefore, addRowAfter, addRowBefore, deleteColumn, deleteRow, deleteTable, setCellAttr } from "prosemirror-tables";

import { inTable } from "./commands.js";

const MAC = /Mac|iP(hone|ad)/.test(navigator.platform);
const TABLE = [
  { word: "Row above", run: addRowBefore },
  { word: "Row below", run: addRowAfter },
  { word: "Column before", run: addColumnBefore },
  { word: "Column after", run: addColumnAfter },
  { word: "Align left", run: aligned(null), begins: true },
  { word: "Align right", run: aligned("right") },
  { word: "Delete row", run: deleteRow, begins: true },
  { word: "Delete column", run: deleteColumn },
  { word: "Delete table", run: deleteTable },
];

// Aligns the whole column around the selection: Markdown knows nothing finer.
function aligned(side) {
  return (state, dispatch) => {
    if (!inTable(state)) return false;
    const { $from } = state.selection;
    const depth = [...Array($from.depth + 1).keys()].findLast((at) => $from.node(at).type.name === "table");
    if (depth === undefined || $from.depth < depth + 2) return setCellAttr("align", side)(state, dispatch);
    const column = $from.index(depth + 1);
    const { tr } = state;
    $from.node(depth).forEach((row, offset) => {
      let at = $from.start(depth) + offset + 1;
      for (let cell = 0; cell < column; cell++) at += row.child(cell).nodeSize;
      tr.setNodeMarkup(at, null, { ...row.child(column).attrs, align: side });
    });
    dispatch?.(tr);
    return true;
  };
}

// "Mod-Shift-x" as it stands on the keyboard.
export function keyName(key) {
  const parts = key.split("-").map((part) => (part.length === 1 ? part.toUpperCase() : part));
  const names = MAC ? { Mod: "⌘", Shift: "⇧", Alt: "⌥" } : { Mod: "Ctrl", Shift: "Shift", Alt: "Alt" };
  return parts.map((part) => names[part] ?? part).join(MAC ? "" : "+");
}

function buttonFor(command, icons) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", tabIndex: -1 });
  if (command.icon) {
    button.innerHTML = `<svg class="i" aria-hidden="true"><use href="${icons}#${command.icon}"/></svg><span class="hidden"></span>`;
    button.lastChild.textContent = command.word;
    button.title = command.key ? `${command.word} (${keyName(command.key)})` : command.word;
  } else button.textContent = command.word;
  if (command.key) button.setAttribute("aria-keyshortcuts", command.key.replaceAll("-", "+").replace("Mod", MAC ? "Meta" : "Control"));
  if (command.begins) button.classList.add("begins");
  if (command.on) button.setAttribute("aria-pressed", "false");
  return button;
}

class Toolbar {
  constructor(label, commands, icons) {
    this.dom = Object.assign(document.createElement("div"), { className: "tools" });
    this.dom.setAttribute("role", "toolbar");
    this.dom.setAttribute("aria-label", label);
    this.commands = commands;
    this.buttons = commands.map((command) => buttonFor(command, icons));
    this.dom.append(...this.buttons);
    this.buttons[0].tabIndex = 0;
    this.dom.addEventListener("mousedown", (event) => event.preventDefault());
    this.dom.addEventListener("keydown", (event) => this.move(event));
    this.dom.addEventListener("focusin", ({ target }) => this.stopAt(target));
  }

  stopAt(button) {
    for (const one of this.buttons) one.tabIndex = one === button ? 0 : -1;
  }

  move(event) {
    const at = this.buttons.indexOf(event.target);
    const last = this.buttons.length - 1;
    const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at ? at - 1 : last, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.buttons[to].focus();
  }

  focus() {
    this.buttons.find(({ tabIndex }) => tabIndex === 0).focus();
  }

  // Has the buttons do their work on a view; `say` tells those who do not see it.
  bindTo(view, say) {
    this.buttons.forEach((button, at) => {
      const { run, on, word } = this.commands[at];
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-disabled") === "true") return;
        run(view.state, view.dispatch, view);
        if (!document.querySelector("dialog[open]")) view.focus();
        if (on) say(`${word}: ${on(view.state) ? "on" : "off"}`);
      });
    });
    this.dom.addEventListener("keydown", (event) => {
      if (event.key === "Escape") view.focus();
    });
  }

  show(state) {
    this.buttons.forEach((button, at) => {
      const { run, on } = this.commands[at];
      set(button, "aria-disabled", String(!run(state)));
      if (on) set(button, "aria-pressed", String(on(state)));
    });
  }
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// Takes the commands, the address of the icons and where to put the bars; gives a plugin, and `focus` to come to the first.
export function toolbars(commands, icons, place, say) {
  const writing = new Toolbar("Writing", commands, icons);
  const table = new Toolbar("Table", TABLE, icons);
  table.dom.hidden = true;
  table.dom.classList.add("of-table");
  place.replaceChildren(writing.dom, table.dom);
  const plugin = new Plugin({
    view: (view) => {
      for (const bar of [writing, table]) bar.bindTo(view, say);
      let waiting = 0;
      const show = () => {
        waiting = 0;
        if (view.isDestroyed) return;
        writing.show(view.state);
        const within = inTable(view.state);
        if (table.dom.hidden === within) table.dom.hidden = !within;
        if (within) table.show(view.state);
      };
      show();
      return { update: () => (waiting ||= requestAnimationFrame(show)), destroy: () => cancelAnimationFrame(waiting) };
    },
  });
  return { plugin, focus: () => writing.focus() };
}
