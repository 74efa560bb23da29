// "/" at the beginning of a word: a menu of what can be put there. The text keeps the focus; the menu says what is chosen.
import { Plugin, PluginKey } from "prosemirror-state";

import { schema } from "../schema.js";

const key = new PluginKey("slash");
const ASKED = /(?:^|\s)\/([\p{L} ]{0,20})$/u;

function asked(state, closedAt) {
  const { $from, empty } = state.selection;
  if (!empty || !$from.parent.inlineContent || $from.parent.type.spec.code) return null;
  if ($from.marks().some(({ type }) => type === schema.marks.code)) return null;
  const before = $from.parent.textBetween(Math.max(0, $from.parentOffset - 22), $from.parentOffset, "", "\ufffc");
  const met = ASKED.exec(before);
  if (!met) return null;
  const from = $from.pos - met[1].length - 1;
  return from === closedAt ? null : { from, to: $from.pos, query: met[1].toLowerCase() };
}

class Menu {
  constructor(view, commands, place, icons, say) {
    Object.assign(this, { view, commands, icons, say, chosen: 0, found: [] });
    this.dom = Object.assign(document.createElement("ul"), { id: "slash-menu", className: "slash", hidden: true });
    this.dom.setAttribute("role", "listbox");
    this.dom.setAttribute("aria-label", "Insert");
    this.dom.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("li");
      if (option) this.take([...this.dom.children].indexOf(option));
    });
    place.append(this.dom);
  }

  update() {
    const now = key.getState(this.view.state).asked;
    const found = now && this.view.hasFocus() ? this.commands.filter((one) => this.fits(one, now.query)) : [];
    if (!found.length) return this.close();
    this.asked = now;
    const opened = !this.found.length;
    if (found.map(({ name }) => name).join() !== this.found.map(({ name }) => name).join()) {
      [this.found, this.chosen] = [found, 0];
      this.dom.replaceChildren(...found.map((one, at) => this.option(one, at)));
      this.dom.hidden = false;
    }
    this.choose(this.chosen);
    this.stand();
    if (opened) this.say(`${found.length} things to insert. Arrows choose, Enter inserts.`);
  }

  fits({ word, run }, query) {
    return word.toLowerCase().split(" ").some((part) => part.startsWith(query.trim())) && run(this.view.state);
  }

  option({ word, icon, menu }, at) {
    const option = document.createElement("li");
    option.id = `slash-${at}`;
    option.setAttribute("role", "option");
    option.innerHTML = `<svg class="i" aria-hidden="true"><use href="${this.icons}#${icon}"/></svg>`;
    option.append(word, Object.assign(document.createElement("kbd"), { textContent: menu, ariaHidden: "true" }));
    return option;
  }

  choose(at) {
    this.chosen = (at + this.found.length) % this.found.length;
    [...this.dom.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === this.chosen)));
    this.dom.children[this.chosen].scrollIntoView({ block: "nearest" });
    this.view.dom.setAttribute("aria-activedescendant", `slash-${this.chosen}`);
    this.view.dom.setAttribute("aria-controls", this.dom.id);
  }

  // Below the line of the "/", or above it where there is no room, and never beyond the side.
  stand() {
    const around = this.dom.parentElement.getBoundingClientRect();
    const line = this.view.coordsAtPos(this.asked.from);
    const below = line.bottom + this.dom.offsetHeight + 8 < innerHeight;
    const top = below ? line.bottom + 4 : line.top - this.dom.offsetHeight - 4;
    this.dom.style.insetBlockStart = `${top - around.top}px`;
    this.dom.style.insetInlineStart = `${Math.max(0, Math.min(line.left - around.left, around.width - this.dom.offsetWidth))}px`;
  }

  close() {
    if (!this.found.length) return;
    this.found = [];
    this.dom.hidden = true;
    this.view.dom.removeAttribute("aria-activedescendant");
    this.view.dom.removeAttribute("aria-controls");
  }

  take(at) {
    const { run, word } = this.found[at];
    const { from, to } = this.asked;
    this.close();
    this.view.dispatch(this.view.state.tr.delete(from, to));
    run(this.view.state, this.view.dispatch, this.view);
    this.say(word);
  }

  key(event) {
    if (!this.found.length) return false;
    if (event.key === "ArrowDown") this.choose(this.chosen + 1);
    else if (event.key === "ArrowUp") this.choose(this.chosen - 1);
    else if (event.key === "Enter" || event.key === "Tab") this.take(this.chosen);
    else if (event.key === "Escape") this.view.dispatch(this.view.state.tr.setMeta(key, this.asked.from));
    else return false;
    return true;
  }

  destroy() {
    this.dom.remove();
  }
}

// Takes the commands (those with `menu` are offered), and where to put the menu; gives a plugin.
export function slash(commands, place, icons, say) {
  const offered = commands.filter(({ menu }) => menu);
  let menu;
  return new Plugin({
    key,
    state: {
      init: () => ({ asked: null, closedAt: null }),
      apply: (tr, value, _, state) => {
        const closedAt = tr.getMeta(key) ?? (value.closedAt === null ? null : tr.mapping.map(value.closedAt));
        const stays = closedAt !== null && state.doc.textBetween(closedAt, Math.min(closedAt + 1, state.doc.content.size)) === "/";
        const kept = stays ? closedAt : null;
        return { asked: tr.docChanged || tr.getMeta(key) !== undefined || value.asked ? asked(state, kept) : null, closedAt: kept };
      },
    },
    view: (view) => {
      menu = new Menu(view, offered, place, icons, say);
      return menu;
    },
    props: {
      handleKeyDown: (_, event) => menu.key(event),
      handleDOMEvents: { blur: () => menu.close() },
    },
  });
}
