// Files in a text that is being written: dropped, pasted or chosen, sent one after the other, and named where the caret is.
// Whoever else edits a text (a visual editor) hands files over by the event "commons:files" on document, with
// detail.files and detail.insert(file), where file has markdown, address, name; and src and alt of a picture, or href and words.
// That the event's default is prevented says that they are taken.
const LOST = "The connection was lost. Your text is still here; try again.";
const TOO_LARGE = "This file is larger than a file may be. Send a smaller one.";
const REFUSED = "This page was open for long, and is not believed any more. Sign in again in another tab, then add the file again.";
const WAITS = [400, 800, 1000, 1500, 2000]; // milliseconds until a picture that waits in line is asked for again; then the last
const TRIES = 5; // askings in a row that may find no answer
const ADDED = "Added. Between the brackets, say what it shows, for those who cannot see it.";

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Put a line of Markdown where the caret is; a picture gets a paragraph of its own. */
function put(area, markdown) {
  const at = area.selectionEnd;
  const [before, after] = [area.value.slice(0, at), area.value.slice(at)];
  let [lead, trail] = ["", ""];
  if (markdown.startsWith("!")) {
    if (before.trim()) lead = "\n".repeat(Math.max(0, 2 - before.match(/\n*$/)[0].length));
    trail = "\n".repeat(Math.max(0, 2 - after.match(/^\n*/)[0].length));
  } else if (before && !/\s$/.test(before)) {
    lead = " ";
  }
  const text = lead + markdown + trail;
  area.setSelectionRange(at, at);
  // As if it were typed, so that it can be undone; but nobody who types elsewhere meanwhile is interrupted
  if (document.activeElement === area && document.execCommand("insertText", false, text)) return;
  area.setRangeText(text, at, at, "end");
  area.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function fault(request) {
  if (request.response?.error) return request.response.error;
  return { 0: LOST, 403: REFUSED, 413: TOO_LARGE }[request.status] ?? "It could not be added. Try again in a minute.";
}

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Ask for a picture that waits in line, until it is drawn or refused; gives { file } or { error }, and nothing once it is cancelled. */
async function awaited(address, tell, isCancelled) {
  let lost = 0;
  for (let asked = 0; ; asked++) {
    await pause(WAITS[Math.min(asked, WAITS.length - 1)]);
    if (isCancelled()) return {};
    let answer;
    let told;
    try {
      answer = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store" });
      told = await answer.json();
    } catch {
      answer = undefined;
    }
    if (isCancelled()) return {};
    if (answer?.ok && answer.status !== 202) return { file: told };
    if (answer?.ok) {
      lost = 0;
      if (asked > 2) tell(told.words);
    } else if (answer && answer.status < 500) {
      return { error: told.error ?? "It could not be added. Try again in a minute." };
    } else if (++lost === TRIES) {
      return { error: LOST };
    }
  }
}

function attach(place) {
  const form = place.closest("form");
  const area = form.querySelector(place.dataset.attach);
  const chooser = made("input", { type: "file", multiple: true, hidden: true });
  chooser.accept = ".pdf,.csv,.xlsx,image/*";
  const link = place.querySelector("a");
  const button = made("button", { type: "button", className: link.className });
  button.append(...[...link.childNodes].filter((node) => !node.classList?.contains("hidden")));
  link.replaceWith(button);
  button.nextElementSibling.hidden = false;
  const list = made("ul", { className: "uploads" });
  const status = made("p", { className: "quiet" });
  status.setAttribute("role", "status");
  place.append(chooser, list, status);
  let under = Promise.resolve(); // the one that is under way, and all before it
  let waiting = 0;

  function send(file, insert) {
    const words = made("span", { textContent: file.name || "Picture" });
    const bar = made("progress", { max: 1, value: 0 });
    bar.setAttribute("aria-label", `Adding ${words.textContent}`);
    const stop = made("button", { type: "button", className: "textual", textContent: "Cancel" });
    stop.append(made("span", { className: "hidden", textContent: `: ${words.textContent}` }));
    const line = made("li", {}, words, bar, stop);
    list.append(line);
    const request = new XMLHttpRequest();
    let cancelled = false;
    let done;
    stop.addEventListener("click", () => {
      cancelled = true;
      request.abort();
      line.remove();
      status.textContent = "Cancelled.";
      button.focus();
      done?.();
    });
    waiting += 1;
    const turn = () =>
      new Promise((resolve) => {
        done = resolve;
        if (cancelled) return resolve();
        const body = new FormData();
        body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
        body.append("file", file, file.name || "picture");
        request.open("POST", "/attachments/");
        request.responseType = "json";
        request.setRequestHeader("Accept", "application/json");
        request.upload.addEventListener("progress", (event) => {
          if (event.loaded === event.total) bar.removeAttribute("value"); // all there; being looked at
          else if (event.lengthComputable) bar.value = event.loaded / event.total;
        });
        const added = (response) => {
          line.remove();
          insert(response);
          status.textContent = response.width ? ADDED : "Added.";
        };
        const refused = (error) => {
          bar.remove();
          line.append(made("p", { className: "error", role: "alert", textContent: error }));
          stop.firstChild.textContent = "Close";
        };
        request.addEventListener("loadend", async () => {
          if (cancelled) return;
          if (request.status === 201) {
            added(request.response);
          } else if (request.status === 202 && request.response?.address) {
            const tell = (words) => (status.textContent = words);
            const { file, error } = await awaited(request.response.address, tell, () => cancelled);
            if (file) added(file);
            else if (error) refused(error);
          } else {
            refused(fault(request));
          }
          resolve();
        });
        request.send(body);
      });
    under = under.then(turn).finally(() => (waiting -= 1));
  }

  const sendAll = (files, insert) => [...files].forEach((file) => send(file, insert));
  const intoText = ({ markdown }) => put(area, markdown);

  button.addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    sendAll(chooser.files, intoText);
    chooser.value = "";
  });
  area.addEventListener("paste", (event) => {
    // Word and spreadsheets put a picture of the words beside them: then the words are meant
    if (!event.clipboardData.files.length || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    sendAll(event.clipboardData.files, intoText);
  });
  area.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  area.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    sendAll(event.dataTransfer.files, intoText);
  });
  document.addEventListener("commons:files", (event) => {
    event.preventDefault();
    sendAll(event.detail.files, event.detail.insert);
  });
  form.addEventListener("submit", (event) => {
    if (!waiting) return;
    event.preventDefault();
    status.textContent = "A file is still on its way. Wait for it, or cancel it; then send this again.";
  });
  window.addEventListener("beforeunload", (event) => {
    if (waiting) event.preventDefault();
  });
}

document.querySelectorAll("[data-attach]").forEach(attach);
