// HTML from elsewhere (Word, Outlook, Google Docs, LibreOffice, web pages), made into what a text here can hold.
import { makeFootnotes } from "./footnotes.js";
import { fitPictures } from "./pictures.js";
import { makeTables } from "./tables.js";
import { makeLists } from "./word.js";

const DROPPED = "script, style, title, meta, link, object, iframe, svg, template, noscript, select, button, textarea, br.Apple-interchange-newline";
const KEPT = {
  a: ["href", "title"],
  img: ["src", "alt", "title"],
  ol: ["start"],
  li: ["data-checked"],
  th: ["class"],
  td: ["class"],
  sup: ["data-label"],
  aside: ["data-footnote"],
};
const INLINE = new Set(["A", "B", "STRONG", "I", "EM", "S", "DEL", "STRIKE", "CODE", "SPAN", "FONT", "U", "SUP", "SUB", "BR", "IMG"]);
const BOLD = /(?<![\w-])font-weight:\s*(bold|[6-9]00)/i;
const THIN = /(?<![\w-])font-weight:\s*(normal|[1-5]00)/i;

const unwrap = (element) => element.replaceWith(...element.childNodes);
const styleOf = (element) => element.getAttribute("data-style") ?? "";

// Takes HTML, and the same as RTF where it came along; gives { html, dropped: how many pictures could not be kept }.
export function cleaned(html, rtf = "") {
  const doc = new DOMParser().parseFromString(unstyled(html), "text/html");
  for (const one of doc.querySelectorAll(DROPPED)) one.remove();
  for (const one of [...doc.body.querySelectorAll("*")]) {
    if (/mso-hide:\s*all|display:\s*none/i.test(styleOf(one))) one.remove();
    else if (one.localName.includes(":")) unwrap(one);
  }
  dropComments(doc);
  makeFootnotes(doc);
  makeLists(doc);
  const dropped = fitPictures(doc, rtf);
  for (const step of [fitEmphasis, fitLinks, fitLists, makeTables, fitHeadings, fitSpaces, dropBlank]) step(doc);
  for (const one of doc.body.querySelectorAll("*")) {
    const kept = KEPT[one.localName] ?? [];
    for (const { name } of [...one.attributes]) if (!kept.includes(name)) one.removeAttribute(name);
  }
  return { html: doc.body.innerHTML, dropped };
}

// The page's policy forbids styles and scripts within HTML; styles of elements are read here, and none is ever applied.
function unstyled(html) {
  const bare = html.replace(/<style\b[^]*?<\/style\s*>/gi, "");
  return bare.replace(/<[a-z][^<>]*>/gi, (tag) => tag.replace(/(?<=[\s"'])(style|on[a-z]+)(?=\s*=)/gi, "data-$1"));
}

function dropComments(doc) {
  const walker = doc.createTreeWalker(doc, NodeFilter.SHOW_COMMENT);
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  for (const comment of found) comment.remove();
}

// Emphasis by style becomes emphasis; that which a style takes back is none.
function fitEmphasis(doc) {
  for (const one of [...doc.querySelectorAll("b, strong")]) if (THIN.test(styleOf(one))) unwrap(one);
  for (const one of [...doc.querySelectorAll("i, em")]) if (/(?<![\w-])font-style:\s*normal/i.test(styleOf(one))) unwrap(one);
  for (const one of [...doc.querySelectorAll("span[data-style], font[data-style]")]) {
    const style = styleOf(one);
    const isIn = (names) => one.closest(names);
    if (BOLD.test(style) && !isIn("b, strong, h1, h2, h3, h4, h5, h6")) wrapInside(one, "strong");
    if (/(?<![\w-])font-style:\s*italic/i.test(style) && !isIn("i, em")) wrapInside(one, "em");
    if (/text-decoration[^;]*line-through/i.test(style)) wrapInside(one, "s");
  }
  for (const one of [...doc.querySelectorAll(":is(h1, h2, h3, h4, h5, h6) :is(b, strong)")]) unwrap(one);
  for (const one of [...doc.querySelectorAll("span, font, u, :is(b, strong, i, em):not(:has(*)):empty")]) unwrap(one);
}

function wrapInside(element, tag) {
  const made = element.ownerDocument.createElement(tag);
  made.append(...element.childNodes);
  element.append(made);
}

// Links that lead somewhere; those that pass through another site's counter lead there at once.
function fitLinks(doc) {
  for (const link of [...doc.querySelectorAll("a")]) {
    const address = throughCounters(link.getAttribute("href") ?? "");
    if (!/^(https?:|mailto:)/i.test(address) || !(link.textContent.trim() || link.querySelector("img"))) unwrap(link);
    else link.setAttribute("href", address);
  }
}

function throughCounters(address) {
  if (!URL.canParse(address)) return address;
  const { hostname, pathname, searchParams } = new URL(address);
  if (/(^|\.)google\.[a-z.]+$/.test(hostname) && pathname === "/url") return searchParams.get("q") ?? searchParams.get("url") ?? address;
  if (hostname.endsWith(".safelinks.protection.outlook.com")) return searchParams.get("url") ?? address;
  return address;
}

function fitLists(doc) {
  for (const list of [...doc.querySelectorAll(":is(ul, ol) > :is(ul, ol)")]) {
    if (list.previousElementSibling?.localName === "li") list.previousElementSibling.append(list);
    else unwrap(list);
  }
  for (const item of doc.querySelectorAll("li")) {
    const box = item.querySelector(":scope > input[type=checkbox], :scope > p > input[type=checkbox], :scope > label > input[type=checkbox]");
    if (box) item.dataset.checked = String(box.hasAttribute("checked"));
    else if (item.getAttribute("role") === "checkbox") item.dataset.checked = item.getAttribute("aria-checked") ?? "false";
    box?.remove();
  }
  for (const input of [...doc.querySelectorAll("input")]) input.remove();
}

// The highest heading of what is pasted becomes the highest of a text.
function fitHeadings(doc) {
  for (const title of [...doc.querySelectorAll("p.MsoTitle, p.Title, p.title")]) rename(title, "h1");
  const headings = [...doc.querySelectorAll("h1, h2, h3, h4, h5, h6")];
  const least = Math.min(...headings.map(({ localName }) => Number(localName[1])));
  for (const one of headings) {
    if (one.closest("li, th, td, a") || !one.textContent.trim()) unwrap(one);
    else rename(one, `h${Math.min(6, Number(one.localName[1]) - least + 2)}`);
  }
}

function rename(element, tag) {
  const made = element.ownerDocument.createElement(tag);
  made.append(...element.childNodes);
  element.replaceWith(made);
}

// Spaces that were there for their width alone are plain ones.
function fitSpaces(doc) {
  const walker = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    if (!parentElement.closest("pre")) walker.currentNode.data = data.replace(/\u00a0(?=[\s\u00a0]|$)|(?<=^|[\s\u00a0])\u00a0/g, " ");
  }
}

// Lines that hold nothing, and those between paragraphs.
function dropBlank(doc) {
  for (const end of [...doc.querySelectorAll("br")]) {
    const isBetween = [end.previousSibling, end.nextSibling].some((one) => one?.nodeType === 1 && !INLINE.has(one.tagName));
    if (isBetween || !end.nextSibling || !end.previousSibling) end.remove();
  }
  for (const block of [...doc.querySelectorAll("p, div, blockquote")].reverse()) {
    if (!block.closest("td, th") && !block.textContent.trim() && !block.querySelector("img, hr, table")) block.remove();
  }
}
