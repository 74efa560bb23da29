// Saves what one types, as one types it: in the draft on the site, and in this browser until the site has it. A cut line, a closed
// tab or an ended session loses no word: they are put back when the page is opened again.
const WAIT = 1500; // ms after the last key
const KEEP = 400; // ms from one time that the form is kept in this browser to the next: it is gathered whole each time
const AGAIN = 15000; // ms until the next try, where the site did not answer
const KEPT = "commons.typed.";
const ADDRESS = "/drafts/save/";

const NOT_TYPED = ["csrfmiddlewaretoken", "key", "sitting", "draft"];
const LONGEST = 30 * 24 * 3600 * 1000; // ms that anything is kept here

// The site says, once, which page's words it has taken as a form: published, sent, or saved.
const taken = document.cookie.match(/(?:^|; )taken=([0-9a-f-]{36})/)?.[1];
if (taken) {
  forget(taken);
  document.cookie = "taken=; Max-Age=0; Path=/; SameSite=Lax";
}

for (const form of document.querySelectorAll("form[data-draft]")) begin(form);
for (const place of document.querySelectorAll("[data-kept-here]")) list(place);

function begin(form) {
  const words = form.querySelector("[data-saved]");
  const { draft, edition, sitting } = form.elements;
  const place = () => `${KEPT}${form.dataset.draft}.${sitting.value}`;
  const say = (text) => (words.textContent = text);
  let timer, controller, keeping;
  let changed = 0; // counts what was typed
  let stopped = false; // somebody else saved: one has to look first

  putBack();
  form.addEventListener("input", typedOn);
  // What was typed before this script had come
  const fields = form.querySelectorAll("textarea, input:not([type=hidden], [type=radio], [type=checkbox])");
  if ([...fields].some((field) => field.value !== field.defaultValue)) typedOn();
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    controller?.abort();
  });
  window.addEventListener("online", () => changed && later(0));
  for (const leaving of ["beforeunload", "pagehide"]) window.addEventListener(leaving, () => keeping && keepHere(), true);
  document.addEventListener("visibilitychange", () => keeping && keepHere());
  document.addEventListener("visibilitychange", () => document.hidden && changed && !stopped && later(0));

  function typedOn() {
    changed += 1;
    keeping ??= setTimeout(keepHere, KEEP);
    if (!stopped) later(WAIT);
  }

  function later(time) {
    clearTimeout(timer);
    timer = setTimeout(save, time);
  }

  async function save() {
    const sent = changed;
    const body = new URLSearchParams(new FormData(form));
    controller?.abort();
    controller = new AbortController();
    let answer, told;
    try {
      answer = await fetch(ADDRESS, { method: "POST", body, signal: controller.signal, redirect: "error" });
      told = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
    } catch (trouble) {
      if (trouble.name === "AbortError") return;
      say(keepHere() ? "No connection. What you type is kept in this browser." : "No connection: not saved.");
      return later(AGAIN);
    }
    if (answer.ok) return saved(told, sent);
    stopped = answer.status === 409;
    say(told.words ?? "Not saved yet. What you type is kept in this browser.");
    if (stopped) offerBoth();
    else later(AGAIN);
  }

  function saved(told, sent) {
    if (told.draft) {
      draft.value = told.draft;
      edition.value = told.edition;
      if (!location.search.includes(`draft=${told.draft}`)) history.replaceState(null, "", told.address);
      say(told.words ?? `Saved at ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}.`);
    }
    if (sent !== changed) return; // typed on meanwhile: what comes next is under way
    changed = 0;
    clearTimeout(keeping);
    keeping = undefined;
    forget(sitting.value);
    form.dispatchEvent(new Event("commons:saved"));
  }

  function offerBoth() {
    if (form.querySelector("[data-both]")) return;
    const look = Object.assign(document.createElement("button"), { name: "action", value: "save", textContent: "Look at both" });
    look.className = "button small";
    look.dataset.both = "";
    look.type = "submit";
    look.formNoValidate = true;
    words.append(" ", look); // beside the words, wherever one is in the text
  }

  // In this browser

  function keepHere() {
    clearTimeout(keeping);
    keeping = undefined;
    try {
      // Not while the form is being gathered already, to be sent: the editor says then what it holds, and it is in what is sent
      const typed = [...new FormData(form)].filter(([name]) => !NOT_TYPED.includes(name));
      const kept = { typed, draft: draft.value, path: location.pathname, sitting: sitting.value, at: Date.now() };
      localStorage.setItem(place(), JSON.stringify(kept));
    } catch {
      return false; // full, or not allowed
    }
    form.dispatchEvent(new Event("commons:saved"));
    return true;
  }

  function putBack() {
    const here = all(form.dataset.draft).filter(([, kept]) => kept.path === location.pathname && kept.draft === draft.value);
    if (!here.length || "bound" in form.dataset) return;
    const [, kept] = here.sort(([, one], [, other]) => other.at - one.at)[0];
    const fields = new Map();
    for (const [name, value] of kept.typed) fields.set(name, [...(fields.get(name) ?? []), value]);
    const [stoodOn] = fields.get("edition") ?? [edition.value];
    fields.delete("edition");
    let put = false;
    for (const [name, values] of fields) {
      const inputs = form.querySelectorAll(`[name="${CSS.escape(name)}"]`);
      if (inputs[0]?.type === "radio" || inputs[0]?.type === "checkbox") {
        for (const input of inputs) input.checked = values.includes(input.value);
        continue;
      }
      values.forEach((value, number) => {
        const input = inputs[number];
        if (!input || input.value === value) return;
        put ||= input.type !== "hidden";
        input.value = value;
        input.dispatchEvent(new Event("commons:replaced", { bubbles: true }));
      });
    }
    if (!put) return forget(kept.sitting);
    edition.value = stoodOn; // what came after that is shown beside it
    sitting.value = kept.sitting; // the site takes it for the page that it was typed in
    changed = 1;
    say("What this browser had kept, and the site not yet, is put back.");
    later(WAIT);
  }
}

// The words that only this browser has, each with the way to where they were typed; or, where that is gone, the words themselves.
function list(place) {
  for (const [, kept] of all(place.dataset.keptHere).sort(([, one], [, other]) => other.at - one.at)) {
    const said = Object.fromEntries(kept.typed);
    const title = said.title?.trim() || "Untitled draft";
    const address = kept.path + (kept.draft ? `?draft=${kept.draft}` : "");
    const line = document.createElement("li");
    const link = Object.assign(document.createElement("a"), { href: address, textContent: title });
    const when = new Date(kept.at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    const words = Object.assign(document.createElement("details"), { className: "above-3" });
    const forgotten = Object.assign(document.createElement("button"), { type: "button", className: "textual", textContent: "Throw away" });
    forgotten.append(Object.assign(document.createElement("span"), { className: "hidden", textContent: `: ${title}` }));
    forgotten.addEventListener("click", () => {
      forget(kept.sitting);
      line.remove();
      place.hidden = !place.querySelector("li");
    });
    words.append(
      Object.assign(document.createElement("summary"), { textContent: "Its words" }),
      Object.assign(document.createElement("p"), { className: "kept above-3", textContent: said.body ?? "" }),
    );
    line.append(link, ` (${when}) `, forgotten, words);
    place.querySelector("ul").append(line);
    place.hidden = false;
  }
}

// What is kept here, of this member or of all: key and value.
function all(member) {
  const found = [];
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(member ? `${KEPT}${member}.` : KEPT)) found.push([key, JSON.parse(localStorage.getItem(key))]);
    }
  } catch {
    /* not allowed, or not ours */
  }
  return found;
}

function forget(sitting) {
  for (const [key, kept] of all("")) {
    if (kept.sitting === sitting || kept.at < Date.now() - LONGEST) localStorage.removeItem(key);
  }
}
