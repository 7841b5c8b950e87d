// An options list: a button with what is chosen, and a popover to search, choose, exclude or ask for existence.

import { options as fetchOptions } from "./api.js";
import { debounce, el, icon, popover, setText } from "./dom.js";

export function optionsControl(control, state, labelId) {
  const words = el("span", { class: "control-value" });
  const button = el("button", { type: "button", class: "control-body control-button" }, words, icon("down"));
  const texts = new Map();
  const show = () => {
    const { selected, excludes, exists } = state.controls[control.id];
    const chosen = exists ? "Exists" : selected.map((value) => texts.get(String(value)) ?? String(value)).join(", ");
    setText(words, chosen ? (excludes ? `NOT ${chosen}` : chosen) : "Any");
    words.classList.toggle("subdued", !chosen);
    words.title = chosen;
    button.setAttribute("aria-label", `${document.getElementById(labelId)?.textContent ?? control.title}: ${words.textContent}`);
  };
  show();
  state.addEventListener("change", show);
  queueMicrotask(() => popover(button, `Options of ${control.title}`, (box) => new OptionsBox(control, state, box, texts, show)));
  return button;
}

class OptionsBox {
  constructor(control, state, box, texts, onshow) {
    Object.assign(this, { control, state, texts, onshow, found: null, asked: null });
    this.search = el("input", { type: "search", placeholder: "Search", "aria-label": `Search ${control.title}`, autofocus: true });
    this.list = el("div", { class: "options", role: "group", "aria-label": control.title });
    this.note = el("p", { class: "subdued options-note", "aria-live": "polite" });
    const clear = el("button", { type: "button", class: "plain-button small", text: "Clear", on: { click: () => this.change({ selected: [], exists: false }) } });
    box.classList.add("options-box");
    box.append(el("div", { class: "row" }, this.search, clear), this.modes(), this.list, this.note);
    this.search.addEventListener("input", debounce(200, () => this.load()));
    this.draw();
    this.load();
  }

  get value() {
    return this.state.controls[this.control.id];
  }

  change(change) {
    this.state.setControl(this.control.id, { ...this.value, ...change });
    this.draw();
  }

  modes() {
    const include = el("button", { type: "button", text: "Include", on: { click: () => this.change({ excludes: false }) } });
    const exclude = el("button", { type: "button", text: "Exclude", on: { click: () => this.change({ excludes: true }) } });
    this.modeButtons = [include, exclude];
    return el("div", { class: "segments", role: "group", "aria-label": "Include or exclude" }, include, exclude);
  }

  async load() {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    // A control's own choice must not narrow what it offers.
    const controls = { ...this.state.controls, [this.control.id]: { selected: [], excludes: false, exists: false } };
    try {
      const answer = await fetchOptions(this.state.id, this.control.id, this.state.body({ controls, search: this.search.value }), asked.signal);
      this.found = answer.options;
      for (const option of answer.options) this.texts.set(String(option.value), option.text);
      const more = answer.total - answer.options.length;
      setText(this.note, answer.options.length === 0 ? "No options found" : more > 0 ? `${more.toLocaleString("en")} more: search to find them` : "");
      this.onshow();
      this.draw();
    } catch (error) {
      if (!asked.signal.aborted) setText(this.note, `Options cannot be listed: ${error.message}`);
    }
  }

  draw() {
    const { selected, excludes, exists } = this.value;
    this.modeButtons.forEach((button, index) => button.setAttribute("aria-pressed", String(excludes === (index === 1))));
    const found = this.found ?? [];
    const known = new Set(found.map(({ value }) => String(value)));
    // What is chosen but no longer found stays on top, so that it can be let go.
    const lost = this.search.value ? [] : selected.filter((value) => !known.has(String(value))).map((value) => ({ value, text: this.texts.get(String(value)) ?? String(value), count: null }));
    const rows = [...(this.found ? lost : lost), ...found].map((option) => this.row(option, selected));
    const exist = this.search.value ? [] : [this.checkbox("Exists", null, exists, (isOn) => this.change({ exists: isOn, selected: [] }))];
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.list.replaceChildren(...exist, ...rows);
    if (focused !== null) [...this.list.querySelectorAll("input")].find((input) => input.dataset.key === focused)?.focus();
  }

  row(option, selected) {
    const isChosen = selected.some((value) => String(value) === String(option.value));
    return this.checkbox(option.text, option.count, isChosen, (isOn) => {
      const others = this.control.is_single ? [] : selected.filter((value) => String(value) !== String(option.value));
      this.change({ exists: false, selected: isOn ? [...others, option.value] : others });
    });
  }

  checkbox(text, count, isChecked, onchange) {
    const input = el("input", { type: "checkbox", "data-key": text, on: { change: () => onchange(input.checked) } });
    input.checked = isChecked;
    return el("label", { class: "option" }, input, el("span", { class: "option-text", text }), count === null ? null : el("span", { class: "subdued", text: count.toLocaleString("en") }));
  }
}
