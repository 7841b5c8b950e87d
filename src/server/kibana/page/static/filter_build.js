// Filters as Kibana saves them, made of a field, an operator and values.

/** What a filter can ask; `values` is how many it takes. */
export const OPERATORS = [
  { id: "is", text: "is", type: "phrase", values: "one" },
  { id: "is_not", text: "is not", type: "phrase", values: "one", negate: true },
  { id: "one_of", text: "is one of", type: "phrases", values: "many" },
  { id: "not_one_of", text: "is not one of", type: "phrases", values: "many", negate: true },
  { id: "exists", text: "exists", type: "exists", values: "none" },
  { id: "not_exists", text: "does not exist", type: "exists", values: "none", negate: true },
  { id: "between", text: "is between", type: "range", values: "range" },
  { id: "not_between", text: "is not between", type: "range", values: "range", negate: true },
];

const ORDERED = new Set(["integer", "float", "date", "ip"]);

/** The operators that suit a field. */
export const operatorsOf = (field) => OPERATORS.filter(({ type }) => type !== "range" || ORDERED.has(field.kind));

/** A text as a value of the field; throws an error that says what is expected. */
export function valueOf(field, text) {
  const trimmed = text.trim();
  if (field.kind === "integer" || field.kind === "float") return numberOf(trimmed);
  if (field.kind === "boolean") {
    if (trimmed !== "true" && trimmed !== "false") throw new Error("Expected true or false");
    return trimmed === "true";
  }
  if (field.kind === "date") return momentOf(trimmed);
  if (text === "") throw new Error("Expected a value");
  return text;
}

function numberOf(text) {
  const number = Number(text);
  if (text === "" || !Number.isFinite(number)) throw new Error(text === "" ? "Expected a number" : `${text} is not a number`);
  // Beyond what a number holds exactly, the digits go as they are.
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? text : number;
}

/** Date math as it is, moments in UTC. */
function momentOf(text) {
  if (/^now([-+/]|$)/.test(text)) return text;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new Error(`Expected a time such as 2024-01-02T09:15:00 or now-1d${text ? `, not ${text}` : ""}`);
  return new Date(ms).toISOString();
}

/** `values`: none, one, many, or the two ends of a range, either of which may be `null`. */
export function filterOf(field, operator, values) {
  const name = field.name;
  const made = MAKERS[operator.type](name, values);
  const meta = { index: field.view, type: operator.type, key: name, params: made.params, negate: !!operator.negate, disabled: false, alias: null };
  return { meta, query: made.query, $state: { store: "appState" } };
}

const MAKERS = {
  phrase: (name, [value]) => ({ params: { query: value }, query: { match_phrase: { [name]: value } } }),
  phrases: (name, values) => ({ params: values, query: { bool: { should: values.map((value) => ({ match_phrase: { [name]: value } })), minimum_should_match: 1 } } }),
  exists: (name) => ({ params: null, query: { exists: { field: name } } }),
  range: (name, [from, to]) => {
    const params = {};
    if (from !== null) params.gte = from;
    if (to !== null) params.lt = to;
    return { params, query: { range: { [name]: params } } };
  },
};
