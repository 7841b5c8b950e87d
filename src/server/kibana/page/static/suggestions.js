// The list under an input: walked with the arrows, taken with Enter, Tab or a press, closed with Escape.

import { el, nextId } from "./dom.js";

export class Suggestions {
  /** `take(entry)` gets what was chosen; `wanted()` is called when an arrow asks for a list that is closed. */
  constructor(input, label, { take, wanted }) {
    Object.assign(this, { input, take, wanted, entries: [], chosen: -1 });
    this.list = el("ul", { class: "suggestions", role: "listbox", id: nextId("suggestions"), "aria-label": label, hidden: true });
    const attributes = { role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id, "aria-autocomplete": "list", autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
    for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.hide());
  }

  get isOpen() {
    return !this.list.hidden;
  }

  /** Entries are `{ text, note, kind }`; the last two may be missing. */
  offer(entries) {
    this.entries = entries;
    this.choose(-1);
    this.list.replaceChildren(...entries.map((entry, index) => this.item(entry, index)));
    this.list.hidden = entries.length === 0;
    this.list.scrollTop = 0;
    this.input.setAttribute("aria-expanded", String(this.isOpen));
  }

  hide() {
    this.offer([]);
  }

  item(entry, index) {
    // The press must not take the focus from the input, or the list would close before the click.
    const mousedown = (event) => {
      event.preventDefault();
      this.take(entry);
    };
    return el("li", { role: "option", id: `${this.list.id}-${index}`, "aria-selected": "false", on: { mousedown } },
      entry.kind ? el("span", { class: `suggestion-kind suggestion-${entry.kind}`, text: entry.kind }) : null,
      el("span", { class: "suggestion-text", text: entry.text }), entry.note ? el("span", { class: "subdued", text: entry.note }) : null);
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!this.isOpen) this.wanted();
      else this.step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape" && this.isOpen) {
      // Only the list closes: not the dialog around it, and a search field keeps its text.
      event.preventDefault();
      event.stopPropagation();
      this.hide();
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && this.entries[this.chosen]) {
      event.preventDefault();
      this.take(this.entries[this.chosen]);
    }
  }

  step(by) {
    const count = this.entries.length;
    // From no choice, up leads to the last one.
    const from = this.chosen < 0 && by < 0 ? 0 : this.chosen;
    this.choose((from + by + count) % count);
    this.list.children[this.chosen].scrollIntoView({ block: "nearest" });
  }

  choose(index) {
    this.chosen = index;
    [...this.list.children].forEach((node, at) => node.setAttribute("aria-selected", String(at === index)));
    if (index < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `${this.list.id}-${index}`);
  }
}
