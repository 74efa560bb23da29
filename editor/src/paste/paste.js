// What comes by paste or drop.
import { Fragment, Slice } from "prosemirror-model";
import { Plugin } from "prosemirror-state";

import { schema } from "../schema.js";
import { inTable } from "../writing/commands.js";
import { cleaned } from "./clean.js";
import { sliceOf } from "./plain.js";

const LONGEST = 200_000; // characters of text; a post holds no more
const LONGEST_HTML = 8_000_000; // and of what comes around it
const NO_PICTURE = "A picture was left out: only one that has an address on the web can be shown.";

// Takes the textarea, at which whoever takes files in listens for `commons:files`, and `say`; gives a plugin.
export function pasting(field, say) {
  return new Plugin({
    props: {
      transformPastedHTML: (html) => {
        if (/\bdata-pm-slice=/.test(html)) return html;
        const { html: fit, dropped } = cleaned(html);
        if (dropped) say(dropped === 1 ? NO_PICTURE : `${dropped} pictures were left out: only those that have an address on the web can be shown.`);
        return fit;
      },
      clipboardTextParser: (text, $context) => ($context.parent.type.spec.code ? codeSlice(text) : sliceOf(text)),
      handlePaste: (view, event, slice) => {
        const { clipboardData } = event;
        const tooLong = clipboardData?.getData("text/plain").length > LONGEST || clipboardData?.getData("text/html").length > LONGEST_HTML;
        if (tooLong) {
          say("Nothing was pasted: it is longer than a post can be (200,000 characters).");
          return true;
        }
        if (clipboardData?.files.length && !clipboardData.types.includes("text/html")) return takeFiles(view, clipboardData.files);
        return intoCell(view, slice);
      },
      handleDrop: (view, event) => {
        if (!event.dataTransfer?.files.length) return false;
        event.preventDefault();
        return takeFiles(view, event.dataTransfer.files, view.posAtCoords({ left: event.clientX, top: event.clientY })?.pos);
      },
    },
  });

  // Offers files to whoever takes them in: `insert` puts a picture ({ src, alt, title }) or a link ({ href, words }) where they came.
  function takeFiles(view, files, at = view.state.selection.from) {
    const insert = ({ src, alt = "", title = "", href, words }) => {
      const node = src ? schema.nodes.image.create({ src, alt, title }) : schema.text(words, [schema.marks.link.create({ href })]);
      view.dispatch(view.state.tr.insert(Math.min(at, view.state.doc.content.size), node));
    };
    const offer = new CustomEvent("commons:files", { bubbles: true, cancelable: true, detail: { files: [...files], insert } });
    if (field.dispatchEvent(offer)) say(NO_PICTURE);
    return true;
  }
}

const codeSlice = (text) => new Slice(Fragment.from(schema.text(text.replace(/\r\n?/g, "\n"))), 0, 0);

// A cell holds one line: of what comes in several blocks, the words.
function intoCell(view, slice) {
  const { state } = view;
  const { content } = slice;
  const isLine = content.childCount <= 1 && (content.firstChild?.isInline || content.firstChild?.type === schema.nodes.paragraph);
  if (!inTable(state) || isLine || content.firstChild?.type === schema.nodes.table || content.firstChild?.type.name.startsWith("table_")) return false;
  const words = content.textBetween(0, content.size, " ", " ").trim();
  view.dispatch(state.tr.insertText(words).scrollIntoView());
  return true;
}
