// Completion of places and tags as one types, through the browser's own list of suggestions.
let count = 0;

function completed(input, address, inWhole) {
  const list = document.createElement("datalist");
  list.id = `completions-${++count}`;
  input.after(list);
  input.setAttribute("list", list.id);
  input.autocomplete = "off";
  let waiting;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const before = inWhole ? "" : input.value.slice(0, input.value.lastIndexOf(",") + 1);
      const typed = input.value.slice(before.length).trim();
      if (typed.length < 2) return;
      const answer = await fetch(`${address}?q=${encodeURIComponent(typed)}`).catch(() => undefined);
      if (!answer?.ok) return;
      const { found } = await answer.json();
      list.replaceChildren(...found.map((label) => new Option("", before ? `${before} ${label}` : label)));
    }, 200);
  });
}

function place(input) {
  completed(input, "/places/complete/", true);
  input.addEventListener("change", () => {
    const lines = [...document.querySelectorAll('input[name="places"]')];
    if (!input.value || input !== lines.at(-1) || lines.length >= 20) return;
    const next = input.cloneNode();
    next.value = "";
    next.id = `id_places_${lines.length}`;
    next.setAttribute("aria-label", `Another place (${lines.length + 1})`);
    lines.at(-1).parentElement.append(next);
    place(next);
  });
}

document.querySelectorAll('input[name="places"]').forEach(place);
document.querySelectorAll('input[name="place"]').forEach((input) => completed(input, "/places/complete/", true));
document.querySelectorAll('input[name="tags"]').forEach((input) => completed(input, "/tags/complete/", false));
