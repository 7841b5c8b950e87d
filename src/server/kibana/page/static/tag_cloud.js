// A tag cloud: words as buttons, placed from the middle outwards on a spiral so that none overlap.

import { el } from "./dom.js";
import { readable, themed } from "./colour.js";
import { fontFamily } from "./chart.js";

const SHRINK = [1, 0.92, 0.85, 0.78, 0.72, 0.66, 0.6, 0.55, 0.5, 0.42, 0.36, 0.3];
const SIZE_PX_MIN = 10;
const SPIRAL_STEPS_MAX = 1_200;
const TURNS = { single: [0], right_angled: [0, 90], multiple: [-45, 0, 45, 90] };

export class TagCloud {
  constructor(body, context) {
    this.context = context;
    this.host = el("ul", { class: "tags", "aria-label": context.title });
    this.measure = document.createElement("canvas").getContext("2d");
    body.append(this.host);
  }

  update(figure) {
    this.figure = figure;
    this.redraw();
  }

  redraw() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!this.figure || width < 20 || height < 20) return;
    const words = [...this.figure.words].sort((a, b) => b.size - a.size);
    // The largest scale at which all words have a place; at the smallest, those that have none are left out.
    const scale = SHRINK.find((factor) => this.place(words, factor, width, height, true));
    const placed = this.place(words, scale ?? SHRINK.at(-1), width, height, false);
    const background = themed("panel");
    this.host.replaceChildren(...placed.map((spot) => this.tag(spot, background)));
  }

  /** Places for the words; `null` when `isStrict` and one has none. */
  place(words, scale, width, height, isStrict) {
    const turns = TURNS[this.figure.orientation] ?? TURNS.single;
    const family = fontFamily();
    const placed = [];
    for (const [index, word] of words.entries()) {
      const size = Math.max(SIZE_PX_MIN, word.size * scale);
      const turn = turns[index % turns.length];
      this.measure.font = `600 ${size}px ${family}`;
      const box = turned(this.measure.measureText(word.text).width + 8, size * 1.2, turn);
      const spot = free(placed, box, width, height);
      if (spot) placed.push({ ...spot, ...box, word, size, turn });
      else if (isStrict) return null;
    }
    return placed;
  }

  tag({ x, y, word, size, turn }, background) {
    const style = { left: `${x}px`, top: `${y}px`, "font-size": `${size}px`, color: readable(word.color, background), transform: `translate(-50%, -50%) rotate(${turn}deg)` };
    const words = `${word.text}: ${word.value}`;
    const props = { class: "tag", style, title: words, text: word.text };
    if (!word.filter) return el("li", {}, el("span", props));
    return el("li", {}, el("button", { ...props, type: "button", "aria-label": words, on: { click: () => this.context.addFilters([word.filter]) } }));
  }

  destroy() {
    this.host.remove();
  }
}

/** The box round a turned box. */
function turned(width, height, degrees) {
  const [sine, cosine] = [Math.abs(Math.sin((degrees * Math.PI) / 180)), Math.abs(Math.cos((degrees * Math.PI) / 180))];
  return { width: width * cosine + height * sine, height: width * sine + height * cosine };
}

/** The first place on the spiral where a box lies inside and apart from all others; `null` when there is none. */
function free(placed, box, width, height) {
  for (let step = 0; step < SPIRAL_STEPS_MAX; step += 1) {
    const angle = step * 0.35;
    const away = step * 0.0009;
    const x = width / 2 + width * away * Math.cos(angle);
    const y = height / 2 + height * away * Math.sin(angle);
    const isInside = x - box.width / 2 >= 0 && x + box.width / 2 <= width && y - box.height / 2 >= 0 && y + box.height / 2 <= height;
    if (isInside && !placed.some((other) => Math.abs(other.x - x) * 2 < other.width + box.width && Math.abs(other.y - y) * 2 < other.height + box.height)) return { x, y };
  }
  return null;
}
