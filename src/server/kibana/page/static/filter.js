// Saved filters: their label, negation, and whether two are the same.

/** Two filters that ask the same, whatever their pill looks like. */
export function same(one, other) {
  const key = (filter) => JSON.stringify([filter.query ?? null, filter.meta?.key ?? null, filter.meta?.params ?? null, !!filter.meta?.negate]);
  return key(one) === key(other);
}

/** A copy with some of its `meta` changed. */
export const withMeta = (filter, change) => ({ ...filter, meta: { ...filter.meta, ...change } });

/** Words for a filter, without its negation: `instrument_token: 408065`. */
export function labelOf(filter) {
  const meta = filter.meta ?? {};
  if (meta.alias) return String(meta.alias);
  const key = meta.key ?? "";
  switch (meta.type) {
    case "exists":
      return `${key}: exists`;
    case "phrases":
      return `${key}: ${listOf(meta.params)}`;
    case "range":
      return `${key}: ${rangeOf(meta.params ?? filter.query?.range?.[key] ?? filter.range?.[key])}`;
    case "combined":
      return (Array.isArray(meta.params) ? meta.params : []).map(signed).join(meta.relation === "OR" ? " or " : " and ");
    case "phrase":
      return `${key}: ${phraseOf(meta)}`;
    default:
      return key && meta.value !== undefined ? `${key}: ${meta.value}` : JSON.stringify(filter.query ?? {});
  }
}

const signed = (filter) => (filter?.meta?.negate ? "not " : "") + labelOf(filter ?? {});

function phraseOf(meta) {
  const value = meta.params && typeof meta.params === "object" ? meta.params.query : meta.params;
  return String(value ?? meta.value ?? "");
}

const listOf = (params) => (Array.isArray(params) ? params.map(String).join(", ") : String(params ?? ""));

function rangeOf(range) {
  if (!range || typeof range !== "object") return "range";
  const low = range.gte ?? range.gt;
  const high = range.lt ?? range.lte;
  if (low === undefined || low === null) return `${range.lte !== undefined ? "≤" : "<"} ${high}`;
  if (high === undefined || high === null) return `${range.gte !== undefined ? "≥" : ">"} ${low}`;
  return `${low} to ${high}`;
}
