// "Copy the link" and "Print it": shown only where the browser can.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const status = Object.assign(document.createElement("span"), { className: "quiet" });
  status.setAttribute("role", "status");
  button.after(" ", status);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    status.textContent = "Copied.";
    setTimeout(() => (status.textContent = ""), 4000);
  });
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
