// The layout: Kibana's grid of 48 columns, with gaps closed upwards, in collapsible sections.

import { el, icon, nextId, setStyle } from "./dom.js";

const COLUMNS = 48;
const ROW_PX = 20;
const GAP_PX = 8;
// On a phone a panel takes the whole width, so it needs less height than beside others.
const PHONE_HEIGHT = { min: 140, max: 420 };

/** Puts panels (`{ root, spec }`) into `main`; `ontoggle(section, isOpen)` when a section opens or closes. */
export function layOut(main, dashboard, panels, ontoggle) {
  const sections = (dashboard.sections ?? []).map((section, index) => ({ ...section, index })).sort((a, b) => a.y - b.y);
  const loose = panels.filter(({ spec }) => spec.section === null || spec.section === undefined || !dashboard.sections?.[spec.section]);
  main.replaceChildren();
  let from = -Infinity;
  for (const section of sections) {
    addGrid(main, loose.filter(({ spec }) => spec.grid.y >= from && spec.grid.y < section.y));
    from = section.y;
    main.append(sectionNode(section, panels.filter(({ spec }) => spec.section === section.index), ontoggle));
  }
  addGrid(main, loose.filter(({ spec }) => spec.grid.y >= from));
}

function sectionNode(section, panels, ontoggle) {
  const [bodyId, headId] = [nextId("section"), nextId("section-head")];
  const count = el("span", { class: "subdued", text: `${panels.length} ${panels.length === 1 ? "panel" : "panels"}` });
  const button = el("button", { type: "button", class: "section-button", "aria-controls": bodyId, id: headId }, icon("down"), el("span", { text: section.title }), count);
  const body = el("div", { id: bodyId });
  addGrid(body, panels);
  const show = (isOpen) => {
    button.setAttribute("aria-expanded", String(isOpen));
    body.hidden = !isOpen;
  };
  button.addEventListener("click", () => {
    show(body.hidden);
    ontoggle(section.index, !body.hidden);
  });
  show(!section.is_collapsed);
  return el("section", { class: "section", "aria-labelledby": headId }, el("h2", {}, button), body);
}

function addGrid(parent, panels) {
  if (panels.length === 0) return;
  const grid = el("div", { class: "grid" });
  for (const { panel, x, y, w, h } of compact(panels)) {
    const height = Math.max(PHONE_HEIGHT.min, Math.min(PHONE_HEIGHT.max, h * ROW_PX + (h - 1) * GAP_PX));
    setStyle(panel.root, { "--x": x + 1, "--y": y + 1, "--w": w, "--h": h, "--phone-height": `${height}px` });
    grid.append(panel.root);
  }
  parent.append(grid);
}

const whole = (value, low, high) => Math.max(low, Math.min(high, Math.round(Number(value) || 0)));

/** Positions in reading order, each panel moved up until it meets another. */
export function compact(panels) {
  const placed = [];
  const sorted = [...panels].sort((a, b) => a.spec.grid.y - b.spec.grid.y || a.spec.grid.x - b.spec.grid.x);
  for (const panel of sorted) {
    const x = whole(panel.spec.grid.x, 0, COLUMNS - 1);
    const w = whole(panel.spec.grid.w, 1, COLUMNS - x);
    const h = whole(panel.spec.grid.h, 1, 500);
    const y = placed.filter((other) => other.x < x + w && x < other.x + other.w).reduce((low, other) => Math.max(low, other.y + other.h), 0);
    placed.push({ panel, x, y, w, h });
  }
  return placed.sort((a, b) => a.y - b.y || a.x - b.x);
}
