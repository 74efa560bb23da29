// A form is sent once, however often its button is pressed. (The server holds to that without this, too.)
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-submit-once]");
  if (!form || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 5000);
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-submit-once]")) delete form.dataset.sent;
});
