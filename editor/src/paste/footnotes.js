// Footnotes of other programs: a mark and a note that lead to each other. Word, LibreOffice, Google Docs and many pages write them so.
const LISTS = /mso-element:\s*(?:foot|end)note-list/i;
const MOST = 500;

// Changes a document in place: marks become `sup[data-label]`, their notes `aside[data-footnote]` at its end, numbered in order.
export function makeFootnotes(doc) {
  const found = [];
  for (const mark of [...doc.querySelectorAll('a[href^="#"]')].slice(0, MOST)) {
    const note = noteOf(doc, mark);
    if (note) found.push({ mark, ...note });
  }
  const labels = new Map();
  for (const { mark, note, back } of found) {
    if (!labels.has(note)) labels.set(note, String(labels.size + 1));
    const sign = doc.createElement("sup");
    sign.dataset.label = labels.get(note);
    (mark.closest("sup") ?? mark).replaceWith(sign);
    (back.closest("sup") ?? back).remove();
  }
  for (const [note, label] of labels) {
    const aside = doc.createElement("aside");
    aside.dataset.footnote = label;
    aside.append(...(note.localName === "p" ? [note.cloneNode(true)] : note.childNodes));
    trimStart(aside);
    doc.body.append(aside);
    note.remove();
  }
  if (!labels.size) return;
  for (const rule of doc.querySelectorAll("hr")) if (LISTS.test(rule.parentElement.getAttribute("data-style") ?? "")) rule.remove();
  for (const list of doc.querySelectorAll("ol, ul")) if (!list.querySelector("li")) list.remove();
}

// What a mark leads to, and the link there that leads back to it; undefined where it is no mark.
function noteOf(doc, mark) {
  const target = named(doc, mark.getAttribute("href").slice(1));
  if (!target || target.contains(mark) || !comesBefore(mark, target)) return undefined;
  const own = [mark.id, mark.getAttribute("name"), mark.parentElement?.id].filter(Boolean).map((name) => `#${name}`);
  const leadsBack = (link) => link.matches("a[href]") && own.includes(link.getAttribute("href"));
  const back = leadsBack(target) ? target : [...target.querySelectorAll("a[href]")].find(leadsBack);
  if (!back) return undefined;
  const around = back.closest("li, div, p");
  const note = around?.localName === "p" && isNoteAlone(around.parentElement) ? around.parentElement : around;
  return note && note !== doc.body && !note.contains(mark) ? { note, back } : undefined;
}

// Whether an element is one note's own: Word and LibreOffice put each in a division with a name.
const isNoteAlone = (element) => element?.localName === "div" && /^(?:ftn|edn|sd(?:foot|end)note)\d+$/.test(element.id);

const comesBefore = (one, other) => Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);

function named(doc, name) {
  if (!name) return null;
  return doc.getElementById(name) ?? doc.querySelector(`a[name="${CSS.escape(name)}"]`);
}

function trimStart(element) {
  const walker = element.ownerDocument.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    walker.currentNode.data = walker.currentNode.data.replace(/^[\s\u00a0^↑.]+/, "");
    if (walker.currentNode.data) return;
  }
}
