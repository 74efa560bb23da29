// Writing: a preview beside the text, Enter that sends nothing from a title, and a word before leaving with something unsent.
for (const preview of document.querySelectorAll("[data-live-preview]")) preview.hidden = false;

for (const line of document.querySelectorAll("[data-one-line]")) {
  line.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

for (const form of document.querySelectorAll("[data-keep-typed]")) {
  let typed = false;
  form.addEventListener("input", () => (typed = true));
  for (const done of ["submit", "commons:saved"]) form.addEventListener(done, () => (typed = false));
  window.addEventListener("beforeunload", (event) => {
    if (typed) event.preventDefault();
  });
}

// The button that shows a preview leaves the page as it does without scripts.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.triggeringEvent?.submitter?.hasAttribute("data-plain")) {
    event.preventDefault();
    const form = event.target;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "action", value: "preview" }));
    HTMLFormElement.prototype.submit.call(form);
  }
});

// A form refused (422, 409) is shown as it comes back, with what is wrong beside its field.
document.addEventListener("htmx:responseError", (event) => {
  const form = event.target;
  if (form.tagName === "FORM") HTMLFormElement.prototype.submit.call(form);
});

// What was sent in place is not typed any more: Firefox would keep it for the empty form that comes, and show it there when the page
// is loaded again.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.shouldSwap && detail.requestConfig.elt.tagName === "FORM") detail.requestConfig.elt.reset();
});
