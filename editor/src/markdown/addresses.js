// Addresses that stand bare in a text and become links (GFM's "autolinks"), found as commons/markup.py finds them.
const BEFORE = /^$|[ \t\r\n*_~(]/;
const CANDIDATE = /https?:\/\/|www\.|(?:mailto:)?[A-Za-z0-9.+_-]+@/g;
const DOMAIN = /^(?:[\p{L}\p{N}\p{M}\p{S}_.-])+/u;
const MAIL = /^(?:mailto:)?[A-Za-z0-9.+_-]+@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)+/;

function webAddress(text, scheme) {
  const domain = DOMAIN.exec(text.slice(scheme.length))?.[0] ?? "";
  const parts = domain.split(".");
  if (!domain || parts.slice(-2).some((part) => part.includes("_"))) return "";
  if (scheme === "www." && parts.length < 2) return "";
  return withoutEnd(/^[^\s<]*/.exec(text)[0]);
}

// An address without the marks of the sentence around it.
function withoutEnd(address) {
  for (;;) {
    const last = address.at(-1);
    if (last === ")") {
      if (address.split(")").length <= address.split("(").length) return address;
      address = address.slice(0, -1);
    } else if (last === ";") {
      address = address.slice(0, /&[A-Za-z]+;$/.exec(address)?.index ?? -1);
    } else if (last && "?!.,:*_~'\"[]".includes(last)) {
      address = address.slice(0, -1);
    } else return address;
  }
}

// Takes a text and where one may begin; gives the address that begins there, or "".
export function addressAt(text, at) {
  if (!BEFORE.test(text.slice(Math.max(0, at - 1), at))) return "";
  const rest = text.slice(at, at + 2_000);
  const scheme = /^(?:https?:\/\/|www\.)/.exec(rest)?.[0];
  if (scheme) return webAddress(rest, scheme);
  const mail = MAIL.exec(rest)?.[0] ?? "";
  return /[A-Za-z0-9]$/.test(mail) ? mail : "";
}

// Every bare address of a text: [from, to] of each.
export function addresses(text) {
  const found = [];
  CANDIDATE.lastIndex = 0;
  for (let met; (met = CANDIDATE.exec(text)); ) {
    const address = addressAt(text, met.index);
    if (!address) continue;
    found.push([met.index, met.index + address.length]);
    CANDIDATE.lastIndex = met.index + address.length;
  }
  return found;
}
