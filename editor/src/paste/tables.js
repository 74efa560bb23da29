// Tables as Markdown knows them: a first row of headings, cells of one line, none that spans others.
const BLOCKS = "p, div, h1, h2, h3, h4, h5, h6, li, blockquote, pre, tr";
const MOST = 100; // columns or rows that one cell may span

// Changes a document in place. Tables that only arrange a page, as in mails, give way to what stands in them.
export function makeTables(doc) {
  for (const table of [...doc.querySelectorAll("table")].reverse()) {
    const rows = [...table.rows];
    const isLayout = table.querySelector("table, h1, h2, h3, ul, ol") || Math.max(0, ...rows.map((row) => row.cells.length)) < 2;
    if (isLayout) unfold(table, doc);
    else table.replaceWith(plainTable(rows, doc));
  }
}

function unfold(table, doc) {
  const parts = [...table.rows].flatMap((row) => [...row.cells]).map((cell) => {
    const part = doc.createElement("div");
    part.append(...cell.childNodes);
    return part;
  });
  table.replaceWith(...parts);
}

function plainTable(rows, doc) {
  const grid = rows.map(() => []);
  rows.forEach((row, at) => {
    for (const cell of row.cells) {
      let column = 0;
      while (grid[at][column]) column++;
      for (let down = 0; down < Math.min(cell.rowSpan || 1, rows.length - at); down++) {
        for (let across = 0; across < Math.min(cell.colSpan, MOST); across++) {
          grid[at + down][column + across] = down || across ? doc.createElement("td") : cell;
        }
      }
    }
  });
  const width = Math.max(...grid.map((row) => row.length));
  const table = doc.createElement("table");
  grid.forEach((cells, at) => {
    const row = table.insertRow();
    for (let column = 0; column < width; column++) row.append(plainCell(cells[column], at === 0 ? "th" : "td", doc));
  });
  return table;
}

function plainCell(cell, tag, doc) {
  const made = doc.createElement(tag);
  const paragraph = doc.createElement("p");
  made.append(paragraph);
  if (!cell) return made;
  for (const block of cell.querySelectorAll(BLOCKS)) block.append(" ");
  for (const end of cell.querySelectorAll("br")) end.replaceWith(" ");
  for (const block of [...cell.querySelectorAll(`${BLOCKS}, ul, ol`)]) block.replaceWith(...block.childNodes);
  const side = /text-align:\s*(center|right)/i.exec(cell.getAttribute("data-style") ?? "")?.[1] ?? cell.getAttribute("align");
  if (side === "center" || side === "right") made.className = side.toLowerCase();
  paragraph.append(...cell.childNodes);
  if (tag === "th") for (const bold of [...paragraph.querySelectorAll("b, strong")]) bold.replaceWith(...bold.childNodes);
  return made;
}
