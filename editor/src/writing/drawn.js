// What is drawn otherwise than as plain elements: pictures, tasks, and addresses that will be links.
import { Plugin, NodeSelection } from "prosemirror-state";
import { Decoration, DecorationSet } from "prosemirror-view";

import { addresses } from "../markdown/addresses.js";
import { schema } from "../schema.js";

function element(tag, className, text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

// A picture of this site is shown; one from elsewhere, which the page may not load, stands as its words and its address.
class Picture {
  constructor(node) {
    this.dom = element("span", "picture");
    this.dom.contentEditable = "false";
    this.draw(node);
  }

  draw(node) {
    this.node = node;
    const { src, alt, title } = node.attrs;
    const isOurs = URL.canParse(src, location.href) && new URL(src, location.href).origin === location.origin;
    const shown = isOurs ? Object.assign(document.createElement("img"), { src, alt }) : element("span", "away");
    if (!isOurs) shown.append(element("b", "", `Picture: ${alt || "no words for it yet"}`), element("span", "quiet", src));
    this.dom.replaceChildren(shown, ...(title ? [element("span", "caption quiet", title)] : []));
  }

  update(node) {
    if (node.type !== this.node.type) return false;
    this.draw(node);
    return true;
  }

  ignoreMutation = () => true;
}

// An item of a list; a task has a box before its words.
class Item {
  constructor(node, view, getPos) {
    this.node = node;
    this.dom = document.createElement("li");
    this.contentDOM = this.dom;
    if (node.attrs.checked === null) return;
    this.box = Object.assign(element("input", "box"), { type: "checkbox", contentEditable: "false", tabIndex: -1 });
    this.box.setAttribute("aria-label", "Done");
    this.box.addEventListener("change", () => {
      view.dispatch(view.state.tr.setNodeMarkup(getPos(), null, { checked: this.box.checked }));
      view.focus();
    });
    this.contentDOM = element("div", "task");
    this.dom.className = "has-box";
    this.dom.append(this.box, this.contentDOM);
    this.box.checked = node.attrs.checked;
  }

  update(node) {
    if (node.type !== this.node.type || (node.attrs.checked === null) !== !this.box) return false;
    this.node = node;
    if (this.box) this.box.checked = node.attrs.checked;
    return true;
  }

  stopEvent = (event) => event.target === this.box;
  ignoreMutation = (mutation) => mutation.type !== "selection" && !this.contentDOM.contains(mutation.target);
}

export const nodeViews = {
  image: (node) => new Picture(node),
  list_item: (node, view, getPos) => new Item(node, view, getPos),
};

// Opens what a picture is made of on a double click.
export const doubleClick = (askPicture) => (view, pos, node, nodePos) => {
  if (node.type !== schema.nodes.image) return false;
  view.dispatch(view.state.tr.setSelection(NodeSelection.create(view.state.doc, nodePos)));
  return askPicture(view.state, view.dispatch, view);
};

// Bare addresses look like the links that they become. What is decorated is looked for anew only in the blocks that changed.
const seen = new WeakMap();

function addressesIn(node) {
  if (!seen.has(node)) {
    const found = [];
    node.forEach((child, offset) => {
      if (!child.isText || child.marks.some(({ type }) => type.name === "link" || type.name === "code")) return;
      for (const [from, to] of addresses(child.text)) found.push([offset + from, offset + to]);
    });
    seen.set(node, found);
  }
  return seen.get(node);
}

export const decorated = () =>
  new Plugin({
    state: {
      init: (_, { doc }) => DecorationSet.create(doc, decorations(doc, 0, doc.content.size)),
      apply: (tr, set) => {
        if (!tr.docChanged) return set;
        const [from, to] = changed(tr);
        const moved = set.map(tr.mapping, tr.doc);
        return moved.remove(moved.find(from, to)).add(tr.doc, decorations(tr.doc, from, to));
      },
    },
    props: {
      decorations(state) {
        return this.getState(state);
      },
    },
  });

// From where to where a step changed blocks, whole.
function changed({ doc, mapping }) {
  let [least, most] = [doc.content.size, 0];
  mapping.maps.forEach((map, at) => {
    map.forEach((_from, _to, from, to) => {
      const rest = mapping.slice(at + 1);
      least = Math.min(least, rest.map(from, -1));
      most = Math.max(most, rest.map(to, 1));
    });
  });
  if (least > most) return [0, 0];
  const [start, end] = [doc.resolve(least), doc.resolve(most)];
  return [start.depth ? start.before(1) : least, end.depth ? end.after(1) : most];
}

function decorations(doc, from, to) {
  const found = [];
  doc.nodesBetween(from, to, (node, pos) => {
    // A heading of a column that says nothing is none, as on the page itself
    if (node.type === schema.nodes.table_header && !node.firstChild.content.size) {
      found.push(Decoration.node(pos, pos + node.nodeSize, { role: "cell" }));
    }
    if (!node.isTextblock || node.type.spec.code) return;
    for (const [start, end] of addressesIn(node)) found.push(Decoration.inline(pos + 1 + start, pos + 1 + end, { class: "bare-link" }));
  });
  return found;
}
