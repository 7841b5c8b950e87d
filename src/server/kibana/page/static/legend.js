// A legend beside a chart: a click shows or hides a series, small buttons filter for it or filter it out.

import { el, setStyle, setText } from "./dom.js";
import { withMeta } from "./filter.js";

export class Legend {
  /** `ontoggle(name)` when an entry is clicked; `addFilters(filters)` for its filter. */
  constructor({ ontoggle, addFilters }) {
    this.root = el("ul", { class: "legend", "aria-label": "Legend" });
    Object.assign(this, { ontoggle, addFilters, key: "" });
  }

  /** `items`: `{ name, color, value, filter }`; `off`: the names now hidden. */
  update(items, off) {
    const key = JSON.stringify(items.map(({ name, color, filter }) => [name, color, filter]));
    if (key !== this.key) {
      this.key = key;
      this.entries = items.map((item) => this.entry(item));
      this.root.replaceChildren(...this.entries.map(({ node }) => node));
    }
    items.forEach((item, index) => {
      const { button, value } = this.entries[index];
      button.setAttribute("aria-pressed", String(!off.has(item.name)));
      setText(value, item.value ?? "");
    });
  }

  entry(item) {
    const value = el("span", { class: "legend-value" });
    const button = el("button", { type: "button", class: "legend-name", title: `${item.name}: show or hide`, on: { click: () => this.ontoggle(item.name) } },
      el("span", { class: "swatch", style: { background: item.color } }), el("span", { class: "legend-text", text: item.name }), value);
    return { node: el("li", {}, button, item.filter ? this.filterButtons(item) : null), button, value };
  }

  filterButtons({ name, filter }) {
    const make = (text, words, chosen) => el("button", { type: "button", text, title: words, "aria-label": words, on: { click: () => this.addFilters([chosen]) } });
    const negated = withMeta(filter, { negate: !filter.meta?.negate });
    return el("span", { class: "legend-filters" }, make("+", `Filter for ${name}`, filter), make("−", `Filter out ${name}`, negated));
  }
}

/** Puts chart and legend side by side as `legend` (`is_visible`, `position`) says. */
export function arrange(root, node, legend, count) {
  const isVisible = !!legend?.is_visible && count > 0;
  node.root.hidden = !isVisible;
  root.dataset.legend = isVisible ? legend.position ?? "right" : "none";
}

/** A figure with a place to draw and a legend. */
export function frame(body, legend) {
  const host = el("div", { class: "chart-host" });
  const root = el("div", { class: "chart" }, host, legend.root);
  setStyle(root, { height: "100%" });
  body.append(root);
  return { root, host };
}
