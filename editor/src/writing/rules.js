// Markdown, typed directly: it becomes what it means as one types.
import { InputRule, inputRules, textblockTypeInputRule, wrappingInputRule } from "prosemirror-inputrules";

import { schema } from "../schema.js";

const { nodes, marks } = schema;

// A mark's signs around words, the last of them just typed.
function markRule(pattern, type) {
  return new InputRule(pattern, (state, match, start, end) => {
    const before = match[0].length - match[0].trimStart().length;
    const [from, words] = [start + match[0].indexOf(match[1]), match[2]];
    const $from = state.doc.resolve(from);
    if (!$from.parent.type.allowsMarkType(type) || before > 1) return null;
    if (state.doc.rangeHasMark(from, end, marks.code)) return null;
    const signs = from + match[1].length;
    const tr = state.tr.delete(signs + words.length, end).delete(from, signs);
    return tr.addMark(from, from + words.length, type.create()).removeStoredMark(type);
  });
}

const link = new InputRule(/\[([^\][]+)\]\(((?:https?:\/\/|mailto:|\/)[^\s()]*)\)$/, (state, match, start, end) => {
  const node = schema.text(match[1], [marks.link.create({ href: match[2] })]);
  return state.tr.replaceWith(start, end, node).removeStoredMark(marks.link);
});

const task = new InputRule(/^\[([ xX]?)\] $/, (state, match, start, end) => {
  const $start = state.doc.resolve(start);
  const attrs = { checked: match[1].trim() !== "" };
  if ($start.node(-1).type === nodes.list_item) {
    return state.tr.delete(start, end).setNodeMarkup($start.before(-1), null, attrs);
  }
  if ($start.parent.type !== nodes.paragraph) return null;
  const tr = state.tr.delete(start, end);
  const range = tr.doc.resolve(start).blockRange();
  const fits = range.parent.canReplaceWith(range.startIndex, range.endIndex, nodes.bullet_list);
  return fits ? tr.wrap(range, [{ type: nodes.bullet_list }, { type: nodes.list_item, attrs }]) : null;
});

const rule = new InputRule(/^(?:---|\*\*\*|___)\s$/, (state, match, start) => {
  const $start = state.doc.resolve(start);
  if ($start.parent.type !== nodes.paragraph || $start.depth !== 1) return null;
  return state.tr.replaceWith($start.before(), $start.after(), [nodes.horizontal_rule.create(), nodes.paragraph.create()]);
});

export const rules = () =>
  inputRules({
    rules: [
      textblockTypeInputRule(/^(#{1,6}) $/, nodes.heading, (match) => ({ level: match[1].length })),
      textblockTypeInputRule(/^```(\w*)\s$/, nodes.code_block, (match) => ({ info: match[1] })),
      wrappingInputRule(/^\s*> $/, nodes.blockquote),
      wrappingInputRule(/^\s*[-+*] $/, nodes.bullet_list),
      wrappingInputRule(
        /^(\d{1,9})[.)] $/,
        nodes.ordered_list,
        (match) => ({ order: Number(match[1]) }),
        (match, list) => list.childCount + list.attrs.order === Number(match[1]),
      ),
      task,
      rule,
      link,
      markRule(/(\*\*)([^\s*](?:[^*]*[^\s*])?)\*\*$/, marks.strong),
      markRule(/(?<![*\w])(\*)([^\s*](?:[^*]*[^\s*])?)\*$/, marks.em),
      markRule(/(?<![_\w])(_)([^\s_](?:[^_]*[^\s_])?)_$/, marks.em),
      markRule(/(~~)([^\s~](?:[^~]*[^\s~])?)~~$/, marks.strike),
      markRule(/(`)([^`]+)`$/, marks.code),
    ],
  });
