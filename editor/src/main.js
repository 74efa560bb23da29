// The visual editor, on each field that asks for it. What it reads and writes can be asked for, too.
import { Field } from "./writing/field.js";

export { opening } from "./markdown/opening.js";
export { write } from "./markdown/write.js";

for (const around of document.querySelectorAll("[data-write]")) new Field(around);
