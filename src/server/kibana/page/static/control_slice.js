// A time slider: two handles over the page's time range, steps to both sides, and play.

import { el, icon, iconButton, setStyle, setText } from "./dom.js";
import { moment } from "./time.js";

const STEPS = 200;
const PLAY_MS = 1_500;

export function sliceControl(control, state, labelId, shown) {
  const handle = (words) => el("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": words });
  const [low, high] = [handle("Start of the slice"), handle("End of the slice")];
  const track = el("div", { class: "slice-track" }, el("div", { class: "slice-fill" }), low, high);
  const words = el("span", { class: "slice-words subdued" });
  const read = () => state.controls[control.id]?.slice ?? [0, 1];

  const draw = () => {
    const [start, end] = [Number(low.value) / STEPS, Number(high.value) / STEPS];
    setStyle(track, { "--start": start, "--end": end });
    const { from, to } = shown();
    const at = (share) => moment(Math.round((from + (to - from) * share) / 1000) * 1000);
    const text = start === 0 && end === 1 ? "Whole range" : `${at(start)} to ${at(end)}`;
    setText(words, text);
    low.setAttribute("aria-valuetext", at(start));
    high.setAttribute("aria-valuetext", at(end));
  };
  const write = (slice, isStep = true) => state.setControl(control.id, { slice }, isStep);
  const clamp = (moved, other, isLow) => {
    if (Number(low.value) >= Number(high.value)) moved.value = String(Number(other.value) + (isLow ? -1 : 1));
    draw();
  };
  low.addEventListener("input", () => clamp(low, high, true));
  high.addEventListener("input", () => clamp(high, low, false));
  for (const field of [low, high]) field.addEventListener("change", () => write([Number(low.value) / STEPS, Number(high.value) / STEPS]));

  /** Moves the slice by its own length; at the end it begins again. A whole range becomes its first tenth. */
  const step = (direction, isStep) => {
    const [start, end] = read();
    const length = end - start >= 1 ? 0.1 : end - start;
    let next = end - start >= 1 ? 0 : start + direction * length;
    if (next + length > 1.0001) next = 0;
    if (next < -0.0001) next = 1 - length;
    write([Math.max(0, next), Math.min(1, next + length)], isStep);
  };
  const player = playButton(() => step(1, false));
  const update = () => {
    const [start, end] = read();
    low.value = String(Math.round(start * STEPS));
    high.value = String(Math.round(end * STEPS));
    draw();
  };
  update();
  state.addEventListener("change", update);
  return el("div", { class: "control-body slice" }, iconButton("left", "Earlier slice", () => step(-1)), player, iconButton("right", "Later slice", () => step(1)), track, words);
}

function playButton(step) {
  let timer = 0;
  const button = iconButton("play", "Play", () => {
    const isPlaying = timer !== 0;
    clearInterval(timer);
    timer = isPlaying ? 0 : setInterval(() => (button.isConnected ? step() : clearInterval(timer)), PLAY_MS);
    button.replaceChildren(icon(isPlaying ? "play" : "pause"));
    button.setAttribute("aria-label", isPlaying ? "Play" : "Pause");
    button.title = isPlaying ? "Play" : "Pause";
  });
  return button;
}
