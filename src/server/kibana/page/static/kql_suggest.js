// What may come next at the caret of a KQL text: a field's name, an operator, a value, or a conjunction.

const ENTRIES_MAX = 12;
const ORDERED = new Set(["integer", "float", "date"]);
/** Written without quotes. */
const PLAIN = new Set(["integer", "float", "boolean"]);

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
const isClosed = (text) => /^"(?:[^"\\]|\\.)*"$/.test(text);

/**
 * `{ entries, value }`. Entries are `{ kind, text, note, insert, start, end }`; `insert` replaces `start..end` of the text.
 * `value`, where a value may come next, is `{ field, search, start, end }`: the field, and what its values begin with.
 */
export function suggest(text, caret, fields) {
  const before = tokens(text.slice(0, caret));
  const last = before.at(-1);
  const isTyping = last !== undefined && last.end === caret && !isOperator(last.text) && !/[(){}]$/.test(last.text);
  if (isTyping && isClosed(last.text)) return { entries: [], value: null };
  const done = isTyping ? before.slice(0, -1) : before;
  const prefix = isTyping ? last.text : "";
  const start = isTyping ? last.start : caret;
  const name = valueOf(done);
  if (name !== null) {
    const field = fields.find((one) => one.name === name);
    return { entries: [], value: field ? { field, search: unquoted(prefix), start, end: caret } : null };
  }
  return { entries: words(done, prefix, start, caret, fields), value: null };
}

function words(done, prefix, start, caret, fields) {
  const previous = done.at(-1);
  if (previous && isOperator(previous.text)) return [];
  if (!previous || isJoint(previous.text)) return fieldEntries(prefix, start, caret, fields);
  const field = fields.find(({ name }) => name === previous.text);
  const isValue = isOperator(done.at(-2)?.text ?? "");
  if (field && !isValue && !prefix) return operatorEntries(field, caret);
  return entries(CONJUNCTIONS.filter((entry) => entry.text.startsWith(prefix.toLowerCase())), "joint", start, caret);
}

/** The field whose value comes next: after `field:`, and inside `field: (one or two`. */
function valueOf(done) {
  const last = done.at(-1)?.text;
  if (last === ":") return done.at(-2)?.text ?? null;
  if (last === undefined || !isJoint(last)) return null;
  let depth = 0;
  for (let at = done.length - 1; at >= 0; at -= 1) {
    if (done[at].text === ")") depth += 1;
    else if (done[at].text === "(" && depth > 0) depth -= 1;
    else if (done[at].text === "(") return done[at - 1]?.text === ":" ? (done[at - 2]?.text ?? null) : null;
  }
  return null;
}

const unquoted = (text) => (text.startsWith('"') ? text.slice(1) : text).replace(/\\(.)/g, "$1");

/** Entries of a field's values, as the server lists them. */
export function valueEntries({ field, start, end }, options) {
  const written = ({ value }) => (PLAIN.has(field.kind) ? String(value) : `"${String(value).replace(/["\\]/g, "\\$&")}"`);
  return options.slice(0, ENTRIES_MAX).map((option) => {
    const text = written(option);
    return { kind: "value", text, note: count(option.count), start, end, insert: `${text} ` };
  });
}

const count = (number) => (number === 1 ? "1 document" : `${(number ?? 0).toLocaleString("en")} documents`);

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
