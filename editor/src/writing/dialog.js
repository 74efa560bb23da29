// A small form in front of the page: asks for a few words, and gives them back.

// Takes a title, fields [{ name, label, hint, value, type, required }] and the words of the buttons. Resolves to the values by
// name, to "removed" where that button was pressed, or to null.
export function ask(title, fields, { done, remove = "" }) {
  const dialog = document.createElement("dialog");
  const form = Object.assign(document.createElement("form"), { method: "dialog", className: "stack" });
  const heading = Object.assign(document.createElement("h2"), { textContent: title, className: "minor", id: "asked" });
  dialog.className = "asks sheet";
  dialog.setAttribute("aria-labelledby", heading.id);
  form.append(heading, ...fields.map(field), buttons(done, remove));
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  form.elements[0].focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const values = Object.fromEntries(new FormData(form));
      dialog.remove();
      resolve({ done: values, removed: "removed" }[dialog.returnValue] ?? null);
    });
  });
}

function field({ name, label, hint = "", value = "", type = "text", required = false }) {
  const whole = Object.assign(document.createElement("div"), { className: "field" });
  const id = `asked-${name}`;
  whole.append(Object.assign(document.createElement("label"), { htmlFor: id, textContent: label }));
  const input = Object.assign(document.createElement("input"), { id, name, value, type, required });
  if (hint) {
    whole.append(Object.assign(document.createElement("span"), { id: `${id}-hint`, className: "hint", textContent: hint }));
    input.setAttribute("aria-describedby", `${id}-hint`);
  }
  whole.append(input);
  return whole;
}

function buttons(done, remove) {
  const row = Object.assign(document.createElement("p"), { className: "row" });
  const button = (textContent, value, className, check = false) => {
    row.append(Object.assign(document.createElement("button"), { textContent, value, className, formNoValidate: !check }));
  };
  button(done, "done", "button", true);
  button("Cancel", "", "button plain");
  if (remove) button(remove, "removed", "textual");
  return row;
}
