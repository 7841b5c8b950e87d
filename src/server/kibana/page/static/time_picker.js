// The time picker: quick ranges, "last n units", absolute dates, refresh interval, pause and refresh.

import { announce, el, icon, nextId, popover, setText } from "./dom.js";
import { inputValue, QUICK_RANGES, rangeLabel, UNITS } from "./time.js";

const INTERVALS = [[null, "On new data"], [1_000, "1 s"], [2_000, "2 s"], [5_000, "5 s"], [10_000, "10 s"], [30_000, "30 s"], [60_000, "1 min"], [300_000, "5 min"], [900_000, "15 min"]];

/** `shown()` is the range last shown, in milliseconds; `refresh()` asks for all figures now. */
export function timePicker(state, { shown, refresh }) {
  const label = el("span");
  const button = el("button", { type: "button", class: "field-button time-button" }, icon("clock"), label, icon("down"));
  const root = el("div", { class: "time-picker", role: "group", "aria-label": "Time" });
  root.append(button);
  popover(button, "Time range", (box, close) => buildRanges(box, close, state, shown));
  const { nodes, show } = refreshControls(state, refresh);
  root.append(...nodes);
  const update = () => {
    const words = rangeLabel(state.from, state.to);
    setText(label, words);
    button.setAttribute("aria-label", `Time range: ${words}`);
    show();
  };
  update();
  state.addEventListener("change", update);
  return root;
}

function buildRanges(box, close, state, shown) {
  const choose = (from, to) => {
    close();
    if (from !== state.from || to !== state.to) state.set({ from, to });
    announce(`Time range: ${rangeLabel(from, to)}`);
  };
  const quick = el("div", { class: "quick-ranges" });
  for (const [from, to, words] of QUICK_RANGES) {
    const isChosen = from === state.from && to === state.to;
    quick.append(el("button", { type: "button", text: words, "aria-pressed": String(isChosen), autofocus: isChosen, on: { click: () => choose(from, to) } }));
  }
  box.append(el("h2", { text: "Quick ranges" }), quick, stepButtons(choose, shown), lastForm(choose), absoluteForm(choose, shown));
}

/** Earlier, later, and twice as wide, from the range now shown. */
function stepButtons(choose, shown) {
  const range = shown();
  const iso = (ms) => new Date(ms).toISOString();
  const length = range.to - range.from;
  const move = (start, end) => () => choose(iso(range.from + length * start), iso(range.to + length * end));
  const make = (text, start, end) => el("button", { type: "button", class: "plain-button", text, on: { click: move(start, end) } });
  return el("div", { class: "row" }, make("‹ Earlier", -0.5, -0.5), make("Zoom out", -0.5, 0.5), make("Later ›", 0.5, 0.5));
}

function lastForm(choose) {
  const count = el("input", { type: "number", min: 1, max: 9999, value: 2, required: true, "aria-label": "How many" });
  const unit = el("select", { "aria-label": "Unit" }, ...UNITS.map(([value, text]) => el("option", { value, text, selected: value === "h" })));
  const submit = (event) => {
    event.preventDefault();
    choose(`now-${Math.round(Number(count.value))}${unit.value}`, "now");
  };
  return el("form", { class: "row", on: { submit } }, el("span", { text: "Last" }), count, unit, el("button", { class: "plain-button", text: "Apply" }));
}

function absoluteForm(choose, shown) {
  const range = shown();
  const [fromId, toId] = [nextId("from"), nextId("to")];
  const input = (id, ms) => el("input", { type: "datetime-local", step: 1, id, value: inputValue(ms), required: true });
  const from = input(fromId, range.from);
  const to = input(toId, range.to);
  const check = () => to.setCustomValidity(from.value && to.value && from.value >= to.value ? "The end must be later than the start" : "");
  for (const field of [from, to]) field.addEventListener("input", check);
  const submit = (event) => {
    event.preventDefault();
    choose(new Date(from.value).toISOString(), new Date(to.value).toISOString());
  };
  return el("form", { class: "absolute", on: { submit } }, el("h2", { text: "Absolute" }),
    el("label", { for: fromId, text: "From" }), from, el("label", { for: toId, text: "To" }), to,
    el("button", { class: "primary-button", text: "Apply" }));
}

function refreshControls(state, refresh) {
  const live = el("button", { type: "button", class: "field-button live-button", on: { click: () => state.set({ isPaused: !state.isPaused }) } }, el("span", { class: "live-dot", "aria-hidden": "true" }), el("span", { class: "live-word" }));
  const every = el("select", { class: "every", "aria-label": "Refresh every", title: "Refresh every", on: { change: () => state.set({ refreshMs: Number(every.value) || null, isPaused: false }) } });
  const now = el("button", { type: "button", class: "field-button refresh-button", "aria-label": "Refresh", title: "Refresh", on: { click: refresh } }, icon("refresh"), el("span", { class: "wide-only", text: "Refresh" }));
  const show = () => {
    const known = INTERVALS.some(([ms]) => ms === state.refreshMs) ? INTERVALS : [...INTERVALS, [state.refreshMs, `${state.refreshMs / 1000} s`]];
    every.replaceChildren(...known.map(([ms, text]) => el("option", { value: ms ?? 0, text: ms ? `Every ${text}` : text })));
    every.value = String(state.refreshMs ?? 0);
    live.dataset.isPaused = String(state.isPaused);
    setText(live.lastChild, state.isPaused ? "Paused" : "Live");
    live.setAttribute("aria-pressed", String(!state.isPaused));
    const act = state.isPaused ? "Paused: go on refreshing" : "Live: pause refreshing";
    live.setAttribute("aria-label", act);
    live.title = act;
  };
  return { nodes: [live, every, now], show };
}
