// The dialog that adds a filter: a field, an operator and values, with suggestions of fields and of their values.

import { announce, el, icon, iconButton, nextId, popover, setText } from "./dom.js";
import { Values } from "./fields.js";
import { filterOf, operatorsOf, valueOf } from "./filter_build.js";
import { Suggestions } from "./suggestions.js";

const FIELDS_MAX = 200;

export function filterButton(state, fields) {
  const button = el("button", { type: "button", class: "field-button add-filter", "aria-label": "Add filter", title: "Add filter" }, icon("add"));
  const root = el("div", {}, button);
  popover(button, "Add filter", (box, close) => {
    box.classList.add("filter-box");
    box.append(new FilterForm(state, fields, close).root);
  });
  return root;
}

class FilterForm {
  constructor(state, fields, close) {
    Object.assign(this, { state, fields, close, known: [], field: null, editor: null, values: new Values(state) });
    this.input = el("input", { type: "text", id: nextId("filter-field"), placeholder: "Select a field", autofocus: true });
    this.operator = el("select", { id: nextId("filter-operator"), disabled: true, on: { change: () => this.edit() } });
    this.places = el("div", { class: "filter-values" });
    this.error = el("p", { class: "filter-error", role: "alert", hidden: true });
    this.list = new Suggestions(this.input, "Fields", { take: ({ text }) => this.takeField(text), wanted: () => this.browseFields() });
    this.input.addEventListener("input", () => (this.choose(), this.showFields(this.input.value)));
    for (const event of ["focus", "click"]) this.input.addEventListener(event, () => this.browseFields());
    this.root = el("form", { class: "filter-form" },
      el("h2", { text: "Add filter" }),
      el("label", { for: this.input.id, text: "Field" }), this.input, this.list.list,
      el("label", { for: this.operator.id, text: "Operator" }), this.operator, this.places, this.error,
      el("div", { class: "row filter-buttons" }, el("button", { type: "button", class: "plain-button", text: "Cancel", on: { click: close } }), el("button", { type: "submit", class: "primary-button", text: "Add filter" })));
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.load();
  }

  async load() {
    try {
      this.known = await this.fields.all();
      if (this.known.length === 0) return this.say("There are no fields yet: the indices of this dashboard hold no data.");
      this.choose();
      if (document.activeElement === this.input) this.browseFields();
    } catch (error) {
      this.say(`The fields can't be listed: ${error.message}`);
    }
  }

  say(text) {
    setText(this.error, text ?? "");
    this.error.hidden = !text;
  }

  /** Who comes back to a field that is chosen wants to see the others. */
  browseFields() {
    this.showFields(this.field ? "" : this.input.value);
  }

  showFields(text) {
    const wanted = text.trim().toLowerCase();
    const matching = this.known.filter(({ name }) => name.toLowerCase().includes(wanted));
    this.list.offer(matching.slice(0, FIELDS_MAX).map(({ name, kind }) => ({ text: name, note: kind })));
  }

  takeField(name) {
    this.input.value = name;
    this.list.hide();
    this.choose();
  }

  /** The field that is written; with another one, operators and values begin anew. */
  choose() {
    this.say(null);
    const field = this.known.find(({ name }) => name === this.input.value.trim()) ?? null;
    if (field?.name === this.field?.name) return;
    this.field = field;
    this.operator.disabled = field === null;
    this.operator.replaceChildren(...(field ? operatorsOf(field) : []).map(({ id, text }) => el("option", { value: id, text })));
    this.edit();
  }

  get chosen() {
    return this.field ? operatorsOf(this.field).find(({ id }) => id === this.operator.value) : undefined;
  }

  edit() {
    this.say(null);
    this.values.stop();
    this.editor = this.chosen ? new EDITORS[this.chosen.values](this.field, this.values) : null;
    this.places.replaceChildren(...(this.editor?.nodes ?? []));
  }

  submit() {
    if (!this.field) {
      const text = this.input.value.trim();
      this.say(text ? `There is no field ${text}` : "Choose a field");
      return this.input.focus();
    }
    try {
      const words = this.state.addFilters([filterOf(this.field, this.chosen, this.editor.read())]);
      this.close();
      announce(words ? `Filter added: ${words}` : "This filter is there already");
    } catch (error) {
      this.say(error.message);
      this.editor.input?.focus();
    }
  }
}

/** An input with suggestions of the field's values under it; `taken` gets a value that was chosen from them. */
function valueInput(field, values, label, taken, props = {}) {
  const input = el("input", { type: "text", id: nextId("filter-value"), placeholder: PLACEHOLDERS[field.kind] ?? "Enter a value", ...props });
  const show = async () => {
    const options = field.is_listed ? await values.like(field.name, input.value.trim()) : null;
    if (options && document.activeElement === input) list.offer(options.map(({ value, text, count }) => ({ text: String(value), note: noteOf(value, text, count) })));
  };
  const take = ({ text }) => {
    values.stop();
    list.hide();
    taken(text, input);
  };
  const list = new Suggestions(input, `Values of ${field.name}`, { take, wanted: show });
  for (const event of ["focus", "input", "click"]) input.addEventListener(event, show);
  return { input, nodes: [el("label", { for: input.id, text: label }), input, list.list] };
}

const PLACEHOLDERS = { date: "2024-01-02T09:15:00 or now-1d", boolean: "true or false", integer: "A number", float: "A number", ip: "An address" };

/** How often a value comes, and how it is shown where that differs from how it is asked for. */
function noteOf(value, text, count) {
  const often = (count ?? 0).toLocaleString("en");
  return text === String(value) ? often : `${text} · ${often}`;
}

const put = (text, input) => {
  input.value = text;
};

class NoValue {
  nodes = [];

  read() {
    return [];
  }
}

class OneValue {
  constructor(field, values) {
    Object.assign(this, { field, ...valueInput(field, values, "Value", put) });
  }

  read() {
    return [valueOf(this.field, this.input.value)];
  }
}

class ManyValues {
  constructor(field, values) {
    Object.assign(this, { field, texts: [] }, valueInput(field, values, "Values", (text) => this.add(text), { "aria-description": "Enter adds a value" }));
    this.chosen = el("ul", { class: "pills filter-chosen", "aria-label": "Values so far", hidden: true });
    this.nodes.push(this.chosen);
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.defaultPrevented || !this.input.value) return;
      event.preventDefault();
      this.add(this.input.value);
    });
  }

  add(text) {
    if (!this.texts.includes(text)) this.texts.push(text);
    this.input.value = "";
    this.draw();
    this.input.focus();
  }

  draw() {
    const remove = (text) => {
      this.texts = this.texts.filter((other) => other !== text);
      this.draw();
      this.input.focus();
    };
    this.chosen.replaceChildren(...this.texts.map((text) => el("li", { class: "pill" }, el("span", { class: "pill-label", text }), iconButton("cross", `Remove ${text}`, () => remove(text)))));
    this.chosen.hidden = this.texts.length === 0;
  }

  /** What is still in the input counts, too. */
  read() {
    const texts = this.input.value && !this.texts.includes(this.input.value) ? [...this.texts, this.input.value] : this.texts;
    if (texts.length === 0) throw new Error("Expected at least one value");
    return texts.map((text) => valueOf(this.field, text));
  }
}

class Range {
  constructor(field, values) {
    const [from, to] = [valueInput(field, values, "From (included)", put), valueInput(field, values, "To (left out)", put)];
    Object.assign(this, { field, input: from.input, ends: [from.input, to.input], nodes: [...from.nodes, ...to.nodes] });
  }

  read() {
    const ends = this.ends.map((input) => (input.value.trim() === "" ? null : valueOf(this.field, input.value)));
    if (ends.every((end) => end === null)) throw new Error("Expected at least one end of the range");
    if (ends.every((end) => typeof end === "number") && ends[0] >= ends[1]) throw new Error("The range ends before it begins");
    return ends;
  }
}

const EDITORS = { none: NoValue, one: OneValue, many: ManyValues, range: Range };
