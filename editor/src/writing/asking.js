// Links and pictures: what has to be asked, and what is done with the answer.
import { NodeSelection } from "prosemirror-state";

import { schema } from "../schema.js";
import { ask } from "./dialog.js";

const { nodes, marks } = schema;

// An address as people type it, made one that leads somewhere.
export function addressFrom(typed) {
  const address = typed.trim();
  if (/^(https?:|mailto:|\/|#)/i.test(address)) return address;
  return /^[^\s@/]+@[^\s@/]+$/.test(address) ? `mailto:${address}` : `https://${address}`;
}

// Where the link around the selection begins and ends.
function linkAround({ selection: { $from, from, to, empty }, doc }) {
  const mark = marks.link.isInSet($from.marks()) ?? ($from.nodeAfter && marks.link.isInSet($from.nodeAfter.marks));
  if (!mark) return null;
  if (!empty) return { mark, from, to };
  const start = $from.start();
  let range = null;
  $from.parent.forEach((node, offset) => {
    const [begins, ends] = [start + offset, start + offset + node.nodeSize];
    if (!mark.isInSet(node.marks)) return;
    if (range && range.to === begins) range.to = ends;
    else if (!range || range.to < from) range = { from: begins, to: ends };
  });
  return range && { mark, ...range };
}

export function askLink(state, dispatch, view) {
  const { from, to, empty, $from } = state.selection;
  if (!$from.parent.type.allowsMarkType(marks.link)) return false;
  if (!dispatch) return true;
  const link = linkAround(state);
  const fields = [{ name: "href", label: "Where to", hint: "An address of the web, or of e-mail.", value: link?.mark.attrs.href ?? "", required: true }];
  if (empty && !link) fields.push({ name: "words", label: "Words to show", hint: "Without any, the address is shown." });
  ask(link ? "Change the link" : "Add a link", fields, { done: link ? "Change it" : "Add it", remove: link && "Take the link away" }).then((answer) => {
    view.focus();
    if (!answer) return;
    const [start, end] = link ? [link.from, link.to] : [from, to];
    const tr = view.state.tr.removeMark(start, end, marks.link);
    if (answer !== "removed") {
      const mark = marks.link.create({ href: addressFrom(answer.href), title: link?.mark.attrs.title ?? "" });
      if (start === end) tr.insert(start, schema.text(answer.words || answer.href, [mark]));
      else tr.addMark(start, end, mark);
    }
    view.dispatch(tr.scrollIntoView());
  });
  return true;
}

export function askPicture(state, dispatch, view) {
  const { selection } = state;
  if (!selection.$from.parent.type.contentMatch.matchType(nodes.image)) return false;
  if (!dispatch) return true;
  const now = selection instanceof NodeSelection && selection.node.type === nodes.image ? selection.node.attrs : null;
  const fields = [
    { name: "src", label: "Address of the picture", value: now?.src, required: true },
    { name: "alt", label: "What it shows", hint: "For those who do not see it.", value: now?.alt },
    { name: "title", label: "Caption", hint: "Stands under it. May be left out.", value: now?.title },
  ];
  ask(now ? "Change the picture" : "Add a picture", fields, { done: now ? "Change it" : "Add it", remove: now && "Take it out" }).then((answer) => {
    view.focus();
    if (!answer) return;
    const { tr } = view.state;
    if (answer === "removed") tr.deleteSelection();
    else tr.replaceSelectionWith(nodes.image.create({ ...answer, src: addressFrom(answer.src) }), false);
    view.dispatch(tr.scrollIntoView());
  });
  return true;
}
