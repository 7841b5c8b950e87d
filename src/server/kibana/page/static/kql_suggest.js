// What may come next at the caret of a KQL text: a field's name, an operator, or a conjunction.

const ENTRIES_MAX = 12;
const ORDERED = new Set(["integer", "float", "date"]);

const OPERATORS = [
  { text: ":", note: "equals some value" },
  { text: ": *", note: "exists in any form" },
  { text: "<=", note: "is less than or equal to", isOrdered: true },
  { text: ">=", note: "is greater than or equal to", isOrdered: true },
  { text: "<", note: "is less than", isOrdered: true },
  { text: ">", note: "is greater than", isOrdered: true },
];

const CONJUNCTIONS = [
  { text: "and", note: "both must match" },
  { text: "or", note: "one of both must match" },
];

/** Splits the text before the caret into words, operators and brackets; a quoted text is one word. */
function tokens(text) {
  const found = [];
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"?|[(){}]|<=|>=|[:<>]|(?:\\.|[^\s"(){}:<>])+/g)) {
    found.push({ text: match[0], start: match.index, end: match.index + match[0].length });
  }
  return found;
}

const isOperator = (text) => [":", "<", ">", "<=", ">="].includes(text);
const isJoint = (text) => /^(and|or|not)$/i.test(text) || text === "(" || text === "{";

/** Entries `{ kind, text, note, insert, start, end }`; `insert` replaces `start..end` of the text. */
export function suggest(text, caret, fields) {
  const before = tokens(text.slice(0, caret));
  const last = before.at(-1);
  const isTyping = last !== undefined && last.end === caret && !isOperator(last.text) && !/[(){}]$/.test(last.text);
  const previous = isTyping ? before.at(-2) : last;
  const prefix = isTyping ? last.text : "";
  const start = isTyping ? last.start : caret;
  if (previous && isOperator(previous.text)) return [];
  if (!previous || isJoint(previous.text)) return fieldEntries(prefix, start, caret, fields);
  const field = fields.find(({ name }) => name === previous.text);
  const isValue = before.length >= (isTyping ? 3 : 2) && isOperator(before.at(isTyping ? -3 : -2)?.text ?? "");
  if (field && !isValue && !isTyping) return operatorEntries(field, caret);
  return entries(CONJUNCTIONS.filter((entry) => entry.text.startsWith(prefix.toLowerCase())), "joint", start, caret);
}

function fieldEntries(prefix, start, end, fields) {
  const wanted = prefix.toLowerCase();
  const exact = fields.find(({ name }) => name === prefix);
  const rank = (name) => (name.toLowerCase().startsWith(wanted) ? 0 : 1);
  const matching = fields
    .filter(({ name }) => name.toLowerCase().includes(wanted) && name !== prefix)
    .sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name))
    .map(({ name, kind }) => ({ text: name, note: kind }));
  const found = entries(matching, "field", start, end);
  return (exact ? [...operatorEntries(exact, end), ...found] : found).slice(0, ENTRIES_MAX);
}

function operatorEntries(field, caret) {
  return entries(OPERATORS.filter(({ isOrdered }) => !isOrdered || ORDERED.has(field.kind)), "operator", caret, caret);
}

function entries(list, kind, start, end) {
  return list.map(({ text, note }) => ({ kind, text, note, start, end, insert: `${text} ` }));
}
