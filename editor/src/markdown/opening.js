// Whether a text can be written in visually: only where writing the whole of it anew would not change how it reads.
import { firstChanged, Kept } from "./kept.js";
import { write } from "./write.js";

const LONGEST = 200_000; // characters; the server takes no more
const SO = "Shown as plain text, so that nothing changes: ";

// Takes a text, and what asks the site whether two texts become the same page (true, false, or undefined where it does not
// answer). Gives { kept } where the text can be opened, else { why } in words for its writer.
export async function opening(text, readsAlike) {
  if (text.length > LONGEST) return { why: "This is longer than a post can be, so it is shown as plain text." };
  let kept;
  try {
    kept = new Kept(text);
  } catch {
    return { why: `${SO}it holds something that the visual editor does not know, such as a footnote within a list.` };
  }
  const part = firstChanged(kept.doc);
  if (part !== null) return { why: `${SO}the visual editor would change how ${part ? `the part that begins “${part}”` : "a part of it"} reads.` };
  const anew = write(kept.doc);
  if (anew.trimEnd() === text.trimEnd()) return { kept };
  const alike = await readsAlike(text, anew);
  if (alike) return { kept };
  if (alike === undefined) return { why: `${SO}whether the visual editor would change how it reads could not be found out just now.` };
  return { why: `${SO}the visual editor would change how a part of it reads.` };
}
