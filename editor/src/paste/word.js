// Word's lists come as paragraphs that only look like items; here they become lists. Outlook's are the same.
const LEVEL = /mso-list:[^;]*\blevel(\d+)/i;
const NUMBER = /^\s*\(?(?:\d+|[a-z]|[ivxlc]+)[.)]/i;

const styleOf = (element) => element.getAttribute("data-style") ?? "";

// Changes a document in place: each run of such paragraphs becomes nested lists.
export function makeLists(doc) {
  for (const paragraph of [...doc.querySelectorAll("p, h1, h2, h3, h4, h5, h6, div")]) {
    if (!paragraph.parentNode || !isItem(paragraph)) continue;
    const run = [paragraph];
    for (let next = paragraph.nextElementSibling; next && isItem(next); next = next.nextElementSibling) run.push(next);
    const place = doc.createComment("");
    paragraph.before(place);
    for (const list of listsOf(run.map(itemOf), doc)) place.before(list);
    for (const one of run) one.remove();
    place.remove();
  }
}

function isItem(element) {
  return LEVEL.test(styleOf(element)) && !/^H\d$/.test(element.tagName);
}

function itemOf(paragraph) {
  const sign = [...paragraph.querySelectorAll("[data-style]")].find((one) => /mso-list:\s*ignore/i.test(styleOf(one)));
  const marker = sign?.textContent ?? "";
  sign?.remove();
  const start = /^\s*\(?(\d+)/.exec(marker);
  return {
    level: Number(LEVEL.exec(styleOf(paragraph))[1]),
    tag: NUMBER.test(marker) ? "ol" : "ul",
    start: start ? Number(start[1]) : 1,
    content: [...paragraph.childNodes],
  };
}

function listsOf(items, doc) {
  const tops = [];
  const open = []; // lists around the place, innermost last: { level, list }
  for (const item of items) {
    while (open.length && open.at(-1).level > item.level) open.pop();
    let innermost = open.at(-1);
    if (innermost?.level === item.level && innermost.list.localName !== item.tag) {
      open.pop();
      innermost = open.at(-1);
    }
    if (innermost?.level !== item.level) {
      const list = doc.createElement(item.tag);
      if (item.tag === "ol" && item.start > 1) list.setAttribute("start", item.start);
      if (innermost) innermost.list.lastElementChild.append(list);
      else tops.push(list);
      open.push({ level: item.level, list });
    }
    const made = doc.createElement("li");
    const paragraph = doc.createElement("p");
    paragraph.append(...item.content);
    made.append(paragraph);
    open.at(-1).list.append(made);
  }
  return tops;
}
