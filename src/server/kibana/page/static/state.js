// What the reader has set (time, query, filters, controls, refresh), kept in the address so that a link shows the same.

import { labelOf, same } from "./filter.js";

const FALLBACK = { from: "now-15m", to: "now" };

/** `#/view/<id>?from=...` as `{ id, params }`; `id` is `null` for the list. */
export function readHash(hash) {
  const match = /^#\/view\/([^?]+)(?:\?(.*))?$/.exec(hash);
  if (!match) return { id: null, params: new URLSearchParams() };
  let id = match[1];
  try {
    id = decodeURIComponent(id);
  } catch {
    // A lone percent sign: the text is the id as it stands.
  }
  return { id, params: new URLSearchParams(match[2] ?? "") };
}

const parsed = (text, fallback) => {
  try {
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
};

/** The state that a dashboard was saved with. */
function savedState(dashboard) {
  const controls = {};
  for (const control of dashboard.controls ?? []) {
    if (control.kind === "options") {
      controls[control.id] = { selected: control.selected ?? [], excludes: !!control.excludes, exists: !!control.exists };
    } else if (control.kind === "range") controls[control.id] = { range: control.range ?? ["", ""] };
    else controls[control.id] = { slice: [0, 1] };
  }
  return {
    from: dashboard.time?.from ?? FALLBACK.from,
    to: dashboard.time?.to ?? FALLBACK.to,
    refreshMs: dashboard.time?.refresh_ms ?? null,
    isPaused: false,
    language: dashboard.query?.language ?? "kuery",
    query: dashboard.query?.query ?? "",
    filters: dashboard.filters ?? [],
    controls,
  };
}

// A link may come from anyone: only the expected shapes are taken over.
const isList = (value) => Array.isArray(value) && value.every((entry) => entry && typeof entry === "object" && entry.meta);

export class State extends EventTarget {
  constructor(dashboard, params) {
    super();
    this.id = dashboard.id;
    this.saved = savedState(dashboard);
    this.read(params);
  }

  /** Takes over what an address says; what it does not say is as saved. */
  read(params) {
    const saved = this.saved;
    this.from = params.get("from") ?? saved.from;
    this.to = params.get("to") ?? saved.to;
    this.query = params.get("q") ?? saved.query;
    this.language = params.get("lang") === "lucene" || params.get("lang") === "kuery" ? params.get("lang") : saved.language;
    const filters = parsed(params.get("f"), saved.filters);
    this.filters = isList(filters) ? filters : saved.filters;
    const controls = parsed(params.get("c"), {});
    this.controls = { ...saved.controls };
    for (const id of Object.keys(saved.controls)) {
      if (controls?.[id] && typeof controls[id] === "object") this.controls[id] = { ...saved.controls[id], ...controls[id] };
    }
    const every = params.get("every");
    this.refreshMs = every === null ? saved.refreshMs : Math.max(0, Number(every) || 0) || null;
    this.isPaused = params.get("paused") === "1";
  }

  /** The address of this state: only what differs from the saved dashboard, and the time range always. */
  hash() {
    const params = new URLSearchParams({ from: this.from, to: this.to });
    const saved = this.saved;
    if (this.query !== saved.query) params.set("q", this.query);
    if (this.language !== saved.language) params.set("lang", this.language);
    if (JSON.stringify(this.filters) !== JSON.stringify(saved.filters)) params.set("f", JSON.stringify(this.filters));
    const controls = Object.entries(this.controls).filter(([id, value]) => JSON.stringify(value) !== JSON.stringify(saved.controls[id]));
    if (controls.length) params.set("c", JSON.stringify(Object.fromEntries(controls)));
    if (this.refreshMs !== saved.refreshMs) params.set("every", String(this.refreshMs ?? 0));
    if (this.isPaused) params.set("paused", "1");
    return `#/view/${encodeURIComponent(this.id)}?${params}`;
  }

  /** Changes some fields, the address with them (as a new step back, unless told not), and tells the page: `change`, with the fields' names. */
  set(change, isStep = true) {
    Object.assign(this, change);
    history[isStep ? "pushState" : "replaceState"](null, "", this.hash());
    this.dispatchEvent(new CustomEvent("change", { detail: Object.keys(change) }));
  }

  /** The address changed (back, forward, a link): the page follows. */
  follow(params) {
    this.read(params);
    this.dispatchEvent(new CustomEvent("change", { detail: ["from", "query", "filters", "controls", "refreshMs"] }));
  }

  setControl(id, value, isStep = true) {
    this.set({ controls: { ...this.controls, [id]: value } }, isStep);
  }

  /** Adds filters that are not there yet; says what was added. */
  addFilters(filters) {
    const added = filters.filter((filter) => filter && !this.filters.some((old) => same(old, filter)));
    if (added.length === 0) return null;
    this.set({ filters: [...this.filters, ...added] });
    return added.map(labelOf).join(", ");
  }

  /** The body of a request for figures. */
  body(extra = {}) {
    return {
      from: this.from,
      to: this.to,
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      query: { language: this.language, query: this.query },
      filters: this.filters,
      controls: this.controls,
      panels: null,
      inspect: false,
      ...extra,
    };
  }
}
