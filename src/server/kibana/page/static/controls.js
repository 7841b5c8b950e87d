// The row of controls: an options list, a range of numbers or a slice of time each, kept in the state.

import { el, nextId } from "./dom.js";
import { optionsControl } from "./control_options.js";
import { sliceControl } from "./control_slice.js";

/** Fills `root`; `shown()` is the time range last shown, in milliseconds. */
export function drawControls(root, dashboard, state, shown) {
  const controls = dashboard.controls ?? [];
  root.replaceChildren(...controls.map((control) => frame(control, state, shown)));
  root.hidden = controls.length === 0;
}

function frame(control, state, shown) {
  const labelId = nextId("control");
  const label = el("span", { class: "control-label", id: labelId, text: control.title || control.field || "Time slider", title: control.title || control.field });
  const make = { options: optionsControl, range: rangeControl, time: sliceControl }[control.kind];
  const body = make ? make(control, state, labelId, shown) : el("span", { class: "subdued", text: `no such control here: ${control.kind}` });
  const classes = `control control-${control.kind} control-${control.width ?? "medium"}${control.grow ? " control-grows" : ""}`;
  return el("div", { class: classes, role: "group", "aria-labelledby": labelId, "data-control": control.id }, label, body);
}

function rangeControl(control, state) {
  const input = (words) => el("input", { type: "number", step: "any", placeholder: words, "aria-label": words });
  const [low, high] = [input("Min"), input("Max")];
  const apply = () => {
    const isCrossed = low.value !== "" && high.value !== "" && Number(low.value) > Number(high.value);
    high.setCustomValidity(isCrossed ? "The maximum must not be below the minimum" : "");
    if (isCrossed) return high.reportValidity();
    state.setControl(control.id, { range: [low.value, high.value] });
  };
  const update = () => {
    const range = state.controls[control.id]?.range;
    if (document.activeElement !== low) low.value = range?.[0] ?? "";
    if (document.activeElement !== high) high.value = range?.[1] ?? "";
  };
  for (const field of [low, high]) field.addEventListener("change", apply);
  update();
  state.addEventListener("change", update);
  return el("div", { class: "control-body control-range-body" }, low, el("span", { class: "subdued", text: "to" }), high);
}
