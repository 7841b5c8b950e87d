// The filter pills: what is filtered, with a menu to negate, disable and remove each.

import { el, icon, popover } from "./dom.js";
import { labelOf, withMeta } from "./filter.js";

export function filterPills(state) {
  const root = el("ul", { class: "pills", "aria-label": "Filters" });
  const replace = (index, filter) => {
    const filters = [...state.filters];
    if (filter) filters[index] = filter;
    else filters.splice(index, 1);
    state.set({ filters });
  };
  let drawn = null;
  const update = () => {
    if (drawn === state.filters) return;
    drawn = state.filters;
    root.replaceChildren(...state.filters.map((filter, index) => pill(filter, (next) => replace(index, next))));
    if (state.filters.length > 1) root.append(el("li", {}, el("button", { type: "button", class: "plain-button small", text: "Clear all", on: { click: () => state.set({ filters: [] }) } })));
    root.hidden = state.filters.length === 0;
  };
  update();
  state.addEventListener("change", update);
  return root;
}

function pill(filter, replace) {
  const meta = filter.meta ?? {};
  const words = labelOf(filter);
  const label = el("button", { type: "button", class: "pill-label", title: words }, meta.negate ? el("span", { class: "pill-not", text: "NOT " }) : null, el("span", { text: words }));
  const remove = el("button", { type: "button", class: "pill-remove", "aria-label": `Remove filter ${words}`, title: "Remove", on: { click: () => replace(null) } }, icon("cross"));
  const item = el("li", { class: `pill${meta.negate ? " is-negated" : ""}${meta.disabled ? " is-disabled" : ""}` }, label, remove);
  popover(label, `Filter ${words}`, (box, close) => {
    const act = (text, next) => el("button", { type: "button", class: "menu-item", text, on: { click: () => (close(), replace(next)) } });
    box.classList.add("menu");
    box.append(
      act(meta.negate ? "Include results" : "Exclude results", withMeta(filter, { negate: !meta.negate })),
      act(meta.disabled ? "Enable" : "Disable", withMeta(filter, { disabled: !meta.disabled })),
      act("Remove", null),
    );
  });
  return item;
}
