// A form's textarea, written in visually. It stays the form's field, and always holds the text; without scripts it is all there is.
import { opening } from "../markdown/opening.js";
import { open } from "./view.js";

const AFTER = 120; // milliseconds without a key after which the textarea follows
const AT_LEAST = 1_000; // and while one types without a rest
const CHOICE = "writes-plainly";

const made = (tag, properties) => Object.assign(document.createElement(tag), properties);

// A browser may forbid to keep anything: then it is chosen for this page alone.
function remembered() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
}

function remember(plainly) {
  try {
    if (plainly) localStorage.setItem(CHOICE, "1");
    else localStorage.removeItem(CHOICE);
  } catch {
    // not kept
  }
}

export class Field {
  // Takes the element around the field. Opens it visually where that changes nothing, and where its writer has not chosen otherwise.
  constructor(around) {
    this.textarea = around.querySelector("textarea");
    this.icons = around.dataset.icons;
    this.alikeAt = around.dataset.alikeAt;
    this.view = null;
    this.build();
    this.listen();
    if (remembered()) this.showPlain();
    else this.showVisual();
  }

  build() {
    const label = document.querySelector(`label[for="${this.textarea.id}"]`);
    label.id ||= `${this.textarea.id}_label`;
    this.label = label;
    this.mode = made("button", { type: "button", className: "textual mode", hidden: true });
    this.why = made("p", { className: "flash why", hidden: true });
    this.status = made("p", { className: "hidden" });
    this.status.setAttribute("role", "status");
    this.tools = made("div", { className: "toolbars" });
    this.place = made("div", { className: "paper" });
    this.editor = made("div", { className: "editor", hidden: true });
    this.editor.append(this.tools, this.place);
    this.textarea.before(this.mode, this.why);
    this.note = made("p", { className: "flash told", hidden: true });
    this.textarea.after(this.note, this.editor, this.status);
  }

  listen() {
    const focusOn = (event) => {
      if (!this.view) return;
      event.preventDefault();
      this.view.focus();
    };
    this.label.addEventListener("click", focusOn);
    this.textarea.addEventListener("invalid", (event) => this.refused(event));
    document.querySelector(`a[href="#${this.textarea.id}"]`)?.addEventListener("click", focusOn);
    this.mode.addEventListener("click", () => this.change());
    this.textarea.addEventListener("input", (event) => event.detail !== this && this.reload());
    this.textarea.addEventListener("commons:replaced", () => this.reload());
    this.textarea.form.addEventListener("submit", () => this.follow(), true);
    this.textarea.form.addEventListener("formdata", ({ formData }) => {
      this.follow();
      formData.set(this.textarea.name, this.textarea.value);
    });
    document.addEventListener("visibilitychange", () => this.follow());
    window.addEventListener("pagehide", () => this.follow());
  }

  say(words) {
    this.status.textContent = words;
  }

  // What became of a paste; it stands until the next.
  tell(words) {
    this.note.textContent = words;
    this.note.dataset.kind = "notice";
    this.note.hidden = !words;
    if (words) this.say(words);
  }

  warn(words, kind = "notice") {
    this.why.textContent = words;
    this.why.dataset.kind = kind;
    this.why.hidden = !words;
    if (words) this.say(words);
  }

  // The browser would point at the textarea, which is not seen.
  refused(event) {
    if (!this.view) return;
    event.preventDefault();
    this.warn(this.textarea.validationMessage, "problem");
    const first = [...this.textarea.form.elements].find((one) => one.willValidate && !one.validity.valid);
    if (first === this.textarea) this.view.focus();
  }

  async change() {
    if (this.view) {
      remember(true);
      this.showPlain();
      this.say("Plain text.");
      this.textarea.focus();
    } else {
      remember(false);
      if (await this.showVisual()) {
        this.say("Visual editor.");
        this.view.focus();
      }
    }
  }

  // The textarea as it is without scripts. `why`: what the writer should be told.
  showPlain(why = "") {
    this.follow();
    this.view?.destroy();
    this.view = null;
    this.editor.hidden = true;
    this.textarea.classList.remove("unseen");
    this.textarea.tabIndex = 0;
    this.textarea.removeAttribute("aria-hidden");
    this.mode.textContent = "Write visually";
    this.mode.hidden = false;
    this.warn(why);
  }

  // Shows the text visually, and says whether that could be: only where writing it anew would not change how it reads.
  async showVisual() {
    let text, opened;
    do {
      text = this.textarea.value;
      opened = await opening(text, (one, other) => this.readsAlike(one, other));
    } while (text !== this.textarea.value);
    if (opened.why) {
      this.showPlain(opened.why);
      return false;
    }
    this.view?.destroy();
    this.kept = opened.kept;
    this.textarea.classList.add("unseen");
    this.textarea.tabIndex = -1;
    this.textarea.setAttribute("aria-hidden", "true");
    this.warn("");
    this.mode.textContent = "Write as plain text";
    this.mode.hidden = false;
    this.editor.hidden = false;
    this.view = open(opened.kept.doc, this.place, {
      icons: this.icons,
      tools: this.tools,
      attributes: this.attributes(),
      field: this.textarea,
      changed: () => this.later(),
      say: (words) => this.say(words),
      tell: (words) => this.tell(words),
    });
    this.view.dom.addEventListener("blur", () => this.follow());
    return true;
  }

  attributes() {
    const described = this.textarea.getAttribute("aria-describedby");
    const invalid = this.textarea.getAttribute("aria-invalid");
    return {
      "aria-labelledby": this.label.id,
      ...(described && { "aria-describedby": described }),
      ...(invalid && { "aria-invalid": invalid }),
      ...(this.textarea.lang && { lang: this.textarea.lang }),
    };
  }

  // Whether two texts become the same page; undefined where the site does not answer.
  async readsAlike(one, other) {
    const body = new FormData();
    body.set("csrfmiddlewaretoken", this.textarea.form.elements.csrfmiddlewaretoken.value);
    body.set("one", one);
    body.set("other", other);
    const answer = await fetch(this.alikeAt, { method: "POST", body, redirect: "error" }).catch(() => undefined);
    return answer?.ok ? (await answer.json()).alike : undefined;
  }

  // Something else wrote in the textarea: what stands there now is shown.
  reload() {
    if (!this.view) return;
    clearTimeout(this.waiting);
    this.waiting = undefined;
    const hadFocus = this.view.hasFocus();
    this.isBehind = true;
    this.view.setProps({ editable: () => false });
    clearTimeout(this.reloading);
    this.reloading = setTimeout(async () => {
      const shown = await this.showVisual();
      this.isBehind = false;
      if (shown && hadFocus) this.view.focus();
    }, AFTER);
  }

  later() {
    const now = performance.now();
    if (!this.waiting) this.since = now;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.follow(), Math.max(0, Math.min(AFTER, this.since + AT_LEAST - now)));
  }

  // Has the textarea say what was written, and tells whoever listens to it.
  follow() {
    if (!this.waiting || !this.view || this.isBehind) return;
    clearTimeout(this.waiting);
    this.waiting = undefined;
    const text = this.kept.markdown(this.view.state.doc);
    if (text === this.textarea.value) return;
    if (!this.why.hidden) this.warn("");
    this.textarea.value = text;
    this.textarea.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: this }));
  }
}
