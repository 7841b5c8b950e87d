// The query bar: KQL or Lucene, suggestions of fields and operators while typing, errors right below.

import { fields as fetchFields } from "./api.js";
import { el, icon, nextId, setText } from "./dom.js";
import { suggest } from "./kql_suggest.js";

export function queryBar(state) {
  const [listId, errorId] = [nextId("suggestions"), nextId("query-error")];
  const input = el("input", {
    type: "search", class: "query-input", placeholder: "Filter your data using KQL syntax", "aria-label": "Query", role: "combobox", "aria-expanded": "false",
    "aria-controls": listId, "aria-autocomplete": "list", "aria-describedby": errorId, autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "search",
  });
  const language = el("select", { class: "language", "aria-label": "Query language" }, el("option", { value: "kuery", text: "KQL" }), el("option", { value: "lucene", text: "Lucene" }));
  const list = el("ul", { class: "suggestions", role: "listbox", id: listId, "aria-label": "Suggestions", hidden: true });
  const error = el("pre", { class: "query-error", id: errorId, role: "alert", hidden: true });
  const form = el("form", { class: "query-bar", role: "search" }, icon("search"), input, language, list);
  const completion = new Completion(state, input, list);

  const apply = () => {
    completion.hide();
    if (input.value !== state.query || language.value !== state.language) state.set({ query: input.value, language: language.value });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!completion.accept()) apply();
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
  return { root: el("div", { class: "query" }, form, error), showError };
}

/** The list under the input: filled while typing, walked with the arrows, taken with Enter or Tab. */
class Completion {
  constructor(state, input, list) {
    Object.assign(this, { state, input, list, fields: null, entries: [], chosen: -1 });
    input.addEventListener("focus", () => this.load());
    input.addEventListener("input", () => this.show());
    input.addEventListener("click", () => this.show());
    input.addEventListener("blur", () => this.hide());
    input.addEventListener("keydown", (event) => this.key(event));
  }

  async load() {
    if (this.fields) return;
    this.fields = [];
    try {
      this.fields = await fetchFields(this.state.id);
      if (document.activeElement === this.input) this.show();
    } catch {
      this.fields = null;
    }
  }

  show() {
    if (this.state.language !== "kuery" || !this.fields) return this.hide();
    this.entries = suggest(this.input.value, this.input.selectionStart ?? this.input.value.length, this.fields);
    this.chosen = -1;
    this.input.removeAttribute("aria-activedescendant");
    this.list.replaceChildren(...this.entries.map((entry, index) => this.entry(entry, index)));
    this.list.hidden = this.entries.length === 0;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
  }

  entry(entry, index) {
    // The press must not take the focus from the input, or the list would close before the click.
    const mousedown = (event) => {
      event.preventDefault();
      this.take(entry);
    };
    return el("li", { role: "option", id: `${this.list.id}-${index}`, "aria-selected": "false", on: { mousedown } },
      el("span", { class: `suggestion-kind suggestion-${entry.kind}`, text: entry.kind }), el("span", { text: entry.text }), el("span", { class: "subdued", text: entry.note }));
  }

  key(event) {
    if (event.key === "Escape") {
      // A search field would throw the text away.
      event.preventDefault();
      this.hide();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) this.show();
      else this.choose(this.chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Tab" && this.chosen >= 0 && this.accept()) event.preventDefault();
  }

  choose(index) {
    const count = this.entries.length;
    if (count === 0) return;
    this.chosen = (index + count) % count;
    [...this.list.children].forEach((node, at) => node.setAttribute("aria-selected", String(at === this.chosen)));
    this.list.children[this.chosen].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `${this.list.id}-${this.chosen}`);
  }

  /** Takes the chosen entry; `false` when none is. */
  accept() {
    const entry = this.list.hidden ? undefined : this.entries[this.chosen];
    if (entry) this.take(entry);
    return !!entry;
  }

  take(entry) {
    this.input.setRangeText(entry.insert, entry.start, entry.end, "end");
    this.input.focus();
    this.show();
  }

  hide() {
    this.list.hidden = true;
    this.chosen = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
