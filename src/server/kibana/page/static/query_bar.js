// The query bar: KQL or Lucene, suggestions of fields, operators and values while typing, errors right below.

import { el, icon, nextId, setText } from "./dom.js";
import { Values } from "./fields.js";
import { filterButton } from "./filter_dialog.js";
import { suggest, valueEntries } from "./kql_suggest.js";
import { Suggestions } from "./suggestions.js";

export function queryBar(state, fields) {
  const errorId = nextId("query-error");
  const input = el("input", {
    type: "search", class: "query-input", placeholder: "Filter your data using KQL syntax", "aria-label": "Query", "aria-describedby": errorId, enterkeyhint: "search",
  });
  const language = el("select", { class: "language", "aria-label": "Query language" }, el("option", { value: "kuery", text: "KQL" }), el("option", { value: "lucene", text: "Lucene" }));
  const error = el("pre", { class: "query-error", id: errorId, role: "alert", hidden: true });
  const completion = new Completion(state, fields, input);
  const form = el("form", { class: "query-bar", role: "search" }, icon("search"), input, language, completion.suggestions.list);

  const apply = () => {
    completion.hide();
    if (input.value !== state.query || language.value !== state.language) state.set({ query: input.value, language: language.value });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  // The cross of a search field empties it, which should show at once.
  input.addEventListener("search", () => input.value === "" && apply());
  language.addEventListener("change", () => (input.value.trim() ? apply() : state.set({ language: language.value })));

  const update = () => {
    input.value = state.query;
    language.value = state.language;
    input.placeholder = state.language === "lucene" ? "Filter your data using Lucene syntax" : "Filter your data using KQL syntax";
  };
  update();
  state.addEventListener("change", update);
  const showError = (text) => {
    setText(error, text ?? "");
    error.hidden = !text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  return { root: el("div", { class: "query" }, el("div", { class: "query-row" }, filterButton(state, fields), form), error), showError };
}

/** What may come next in the query, as a list under the input. */
class Completion {
  constructor(state, fields, input) {
    Object.assign(this, { state, fields, input, known: [], values: new Values(state) });
    this.suggestions = new Suggestions(input, "Suggestions", { take: (entry) => this.take(entry), wanted: () => this.show() });
    input.addEventListener("focus", () => this.load());
    input.addEventListener("input", () => this.show());
    input.addEventListener("click", () => this.show());
    input.addEventListener("blur", () => this.values.stop());
    // A search field would throw the text away.
    input.addEventListener("keydown", (event) => event.key === "Escape" && event.preventDefault());
  }

  async load() {
    try {
      this.known = await this.fields.all();
      if (document.activeElement === this.input) this.show();
    } catch {
      // Without the fields there is nothing to suggest; the next focus asks again.
    }
  }

  async show() {
    this.values.stop();
    if (this.state.language !== "kuery" || this.known.length === 0) return this.hide();
    const { entries, value } = suggest(this.input.value, this.input.selectionStart ?? this.input.value.length, this.known);
    this.suggestions.offer(entries);
    if (!value) return;
    const options = value.field.is_listed ? await this.values.like(value.field.name, value.search) : null;
    if (options && document.activeElement === this.input) this.suggestions.offer(valueEntries(value, options));
  }

  take(entry) {
    this.input.setRangeText(entry.insert, entry.start, entry.end, "end");
    this.input.focus();
    this.show();
  }

  hide() {
    this.values.stop();
    this.suggestions.hide();
  }
}
