// The visual editor, on each field that asks for it.
import { Field } from "./writing/field.js";

for (const around of document.querySelectorAll("[data-write]")) new Field(around);
