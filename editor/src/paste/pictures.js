// Pictures within what is pasted: those that came along become files, those that did not are counted.

const HELD = /^data:image\/(?:png|jpe?g|gif|webp|avif);base64,/i;
const LONGEST_RTF = 80_000_000; // characters
const MOST = 40; // pictures of one paste

export const isHeld = (address) => HELD.test(address);

// What a picture that holds itself is made of, as letters; undefined where it is broken.
function within(address) {
  try {
    return atob(decodeURIComponent(address.slice(address.indexOf(",") + 1)));
  } catch {
    return undefined;
  }
}

// How long HTML is without the pictures in it.
export const lengthWithout = (html) => html.replace(/data:image\/[\w+.-]+;base64,[A-Za-z0-9+/=\s%]*/gi, "").length;

// Takes the parsed HTML, and the same as RTF, in which Word and LibreOffice bring along the pictures that HTML only names; gives
// how many pictures were left out. Those kept have an address on the web, or hold themselves.
export function fitPictures(doc, rtf = "") {
  let dropped = 0;
  const pictures = [...doc.querySelectorAll("img")].filter((picture) => !isOrnament(picture));
  const named = pictures.filter((picture) => /^file:/i.test(addressOf(picture)));
  const brought = named.length ? picturesOf(rtf) : [];
  if (brought.length === named.length) named.forEach((picture, number) => picture.setAttribute("src", brought[number]));
  for (const picture of doc.querySelectorAll("img, picture source")) {
    const isKept = pictures.includes(picture) && (/^https?:/i.test(addressOf(picture)) || (isHeld(addressOf(picture)) && within(addressOf(picture))));
    if (isKept) continue;
    if (pictures.includes(picture)) dropped++;
    picture.remove();
  }
  return dropped;
}

const addressOf = (picture) => picture.getAttribute("src") ?? "";
// What counts who reads, and the box of a task in Google Docs, which is a picture of its own
const isOrnament = (picture) => picture.width === 1 || Boolean(picture.closest("li[role=checkbox]"));

// The pictures in RTF, in their order, each as an address that holds it. One that no browser shows is left out.
function picturesOf(rtf) {
  if (rtf.length > LONGEST_RTF) return [];
  const found = [];
  const start = /\\(png|jpeg)blip(?![a-z])/g;
  const bullets = groups(rtf, "{\\*\\listpicture");
  while (found.length <= MOST && start.exec(rtf)) {
    const at = start.lastIndex;
    if (bullets.some(([from, to]) => from < at && at < to)) continue;
    const hex = hexAfter(rtf, at);
    if (hex) found.push(`data:image/${/\\png/.test(rtf.slice(at - 8, at)) ? "png" : "jpeg"};base64,${base64(hex)}`);
  }
  return found;
}

// The first run of figures after control words and groups (RTF 1.9: a picture's words come before its data).
function hexAfter(rtf, at) {
  const word = /\\[a-z]+-?\d* ?|\s+/y;
  const figures = /[0-9a-f\s]+/iy;
  for (;;) {
    word.lastIndex = at;
    if (word.test(rtf)) at = word.lastIndex;
    else if (rtf[at] === "{") at = endOf(rtf, at);
    else break;
  }
  figures.lastIndex = at;
  return figures.exec(rtf)?.[0].replace(/\s+/g, "");
}

function groups(rtf, opening) {
  const found = [];
  for (let at = rtf.indexOf(opening); at >= 0; at = rtf.indexOf(opening, at + 1)) found.push([at, endOf(rtf, at)]);
  return found;
}

function endOf(rtf, at) {
  const brace = /\\[{}\\]|[{}]/g;
  brace.lastIndex = at;
  let depth = 0;
  for (let met = brace.exec(rtf); met; met = brace.exec(rtf)) {
    if (met[0] === "{") depth++;
    else if (met[0] === "}" && --depth === 0) return brace.lastIndex;
  }
  return rtf.length;
}

function base64(hex) {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  let text = "";
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
}

// A picture that holds itself, as a file.
export function fileOf(address, alt) {
  const type = /^data:([^;]+)/i.exec(address)[1].toLowerCase();
  const bytes = Uint8Array.from(within(address) ?? "", (letter) => letter.charCodeAt(0));
  return new File([bytes], `${alt.slice(0, 60) || "picture"}.${type.slice(6)}`, { type });
}
