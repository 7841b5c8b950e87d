// The one tooltip of the page: a heading and rows of colour, name and value, beside the pointer.

import { el, setStyle } from "./dom.js";

const ROWS_MAX = 16;
const OFFSET_PX = 14;

const box = el("div", { class: "tooltip", "aria-hidden": "true", hidden: true });

/** `rows`: `{ color, name, value, isStrong }`; `event`: where the pointer is. */
export function showTooltip(event, title, rows) {
  if (!box.isConnected) document.body.append(box);
  const shown = rows.length > ROWS_MAX ? withStrong(rows) : rows;
  box.replaceChildren();
  if (title) box.append(el("div", { class: "tooltip-title", text: title }));
  box.append(...shown.map(rowOf));
  if (rows.length > shown.length) box.append(el("div", { class: "subdued", text: `and ${rows.length - shown.length} more` }));
  box.hidden = false;
  place(event);
}

function rowOf({ color, name, value, isStrong }) {
  const swatch = el("span", { class: "swatch", style: { background: color ?? "transparent" } });
  return el("div", { class: `tooltip-row${isStrong ? " is-strong" : ""}` }, swatch, el("span", { class: "tooltip-name", text: name ?? "" }), el("span", { class: "tooltip-value", text: value ?? "" }));
}

/** The first rows, and the one under the pointer among them. */
function withStrong(rows) {
  const first = rows.slice(0, ROWS_MAX);
  const strong = rows.find(({ isStrong }) => isStrong);
  if (strong && !first.includes(strong)) first[ROWS_MAX - 1] = strong;
  return first;
}

function place({ clientX, clientY }) {
  const { offsetWidth: width, offsetHeight: height } = box;
  const isLeft = clientX + OFFSET_PX + width > innerWidth - 8;
  const left = isLeft ? clientX - OFFSET_PX - width : clientX + OFFSET_PX;
  const top = Math.min(clientY + OFFSET_PX, innerHeight - height - 8);
  setStyle(box, { left: `${Math.max(4, left)}px`, top: `${Math.max(4, top)}px` });
}

export function hideTooltip() {
  box.hidden = true;
}
