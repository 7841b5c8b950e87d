// Gauges: horizontal and vertical bullets, arcs and circles, with bands, goal and ticks.

import { el, setText, svg } from "./dom.js";
import { themed } from "./colour.js";

const ARCS = { arc: [-2.1, 2.1], semi_circle: [-Math.PI / 2, Math.PI / 2], circle: [0, 2 * Math.PI - 1e-4] };

export class Gauge {
  constructor(body, context) {
    this.context = context;
    this.title = el("div", { class: "gauge-title" });
    this.subtitle = el("div", { class: "gauge-subtitle subdued" });
    this.host = el("div", { class: "gauge-host" });
    this.root = el("div", { class: "gauge" }, this.title, this.subtitle, this.host);
    body.append(this.root);
  }

  update(figure) {
    this.figure = figure;
    setText(this.title, figure.title ?? "");
    setText(this.subtitle, figure.subtitle ?? "");
    this.root.setAttribute("role", "meter");
    this.root.setAttribute("aria-label", figure.title ?? this.context.title);
    this.root.setAttribute("aria-valuemin", figure.min);
    this.root.setAttribute("aria-valuemax", figure.max);
    if (figure.value !== null) this.root.setAttribute("aria-valuenow", figure.value);
    this.root.setAttribute("aria-valuetext", `${figure.text}${figure.goal === null ? "" : `, goal ${compact(figure.goal)}`}`);
    this.redraw();
  }

  redraw() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!this.figure || width < 20 || height < 20) return;
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
    const frame = { figure: this.figure, width, height, share: shareOf(this.figure) };
    const isArc = this.figure.shape in ARCS;
    root.append(...(isArc ? arcs(frame) : this.figure.shape === "vertical_bullet" ? upright(frame) : flat(frame)));
    this.host.replaceChildren(root);
  }

  destroy() {
    this.root.remove();
  }
}

const compactFormat = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

function compact(value, format) {
  return `${format?.prefix ?? ""}${compactFormat.format(value * (format?.factor ?? 1))}${format?.suffix ?? ""}`;
}

/** Where a value lies between the ends, 0 to 1. */
const shareOf = ({ min, max }) => (value) => (max > min ? Math.min(1, Math.max(0, (value - min) / (max - min))) : 0);

const bandsOf = (figure) => (figure.bands.length ? figure.bands : [{ from: figure.min, to: figure.max, color: null }]);

/** The band that holds the value gives the bar its colour. */
function colourOf(figure) {
  const band = figure.bands.find(({ from, to }) => (from ?? -Infinity) <= figure.value && figure.value < (to ?? Infinity)) ?? figure.bands.at(-1);
  return band?.color ?? themed("accent");
}

function ticksOf({ figure, share, width }) {
  if (figure.ticks === "hidden") return [];
  const values = figure.ticks === "bands" && figure.bands.length ? [figure.min, ...figure.bands.map(({ to }) => to ?? figure.max)] : roundTicks(figure, width);
  const seen = new Set();
  // In a full circle both ends meet.
  const high = figure.shape === "circle" ? (value) => value < figure.max : (value) => value <= figure.max;
  return values.filter((value) => value >= figure.min && high(value) && !seen.has(value) && seen.add(value)).map((value) => ({ share: share(value), text: compact(value, figure.format) }));
}

function roundTicks({ min, max }, length) {
  const count = Math.max(2, Math.min(6, Math.floor(length / 70)));
  const rough = (max - min) / count;
  if (!(rough > 0)) return [min];
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((value) => value >= rough);
  const ticks = [];
  for (let value = Math.ceil(min / step) * step; value <= max + step * 1e-9; value += step) ticks.push(Number(value.toPrecision(12)));
  return ticks;
}

const label = (x, y, text, props = {}) => svg("text", { x, y, class: "gauge-tick", fill: themed("subdued"), "text-anchor": "middle", ...props, text });
const reading = (x, y, size, text) => svg("text", { x, y, class: "gauge-value", fill: themed("text"), "text-anchor": "middle", "font-size": size, text });

function flat(frame) {
  const { figure, width, height, share } = frame;
  const left = 18;
  const long = width - 2 * left;
  const size = Math.max(15, Math.min(28, height * 0.26));
  const thick = Math.max(12, Math.min(44, height - size - 34));
  const top = Math.max(size + 10, (height - thick + size - 12) / 2);
  const x = (value) => left + share(value) * long;
  const parts = bandsOf(figure).map(({ from, to, color }) => {
    const start = x(from ?? figure.min);
    return svg("rect", { x: start, y: top, width: Math.max(0, x(to ?? figure.max) - start), height: thick, fill: color ?? themed("grid"), "fill-opacity": color ? 0.45 : 1 });
  });
  if (figure.value !== null) parts.push(svg("rect", { x: x(figure.min), y: top + thick * 0.3, width: x(figure.value) - x(figure.min), height: thick * 0.4, fill: themed("text") }));
  if (figure.goal !== null) parts.push(svg("rect", { x: x(figure.goal) - 1.5, y: top - 3, width: 3, height: thick + 6, fill: themed("down") }));
  parts.push(...ticksOf({ ...frame, width: long }).map((tick) => label(left + tick.share * long, top + thick + 14, tick.text)));
  parts.push(svg("text", { x: left, y: top - 8, class: "gauge-value", fill: themed("text"), "font-size": size, text: figure.text }));
  return parts;
}

function upright(frame) {
  const { figure, width, height, share } = frame;
  const size = 20;
  const [top, bottom] = [10, height - size - 12];
  const long = bottom - top;
  const thick = Math.max(12, Math.min(44, width * 0.25));
  const left = (width - thick) / 2;
  const y = (value) => bottom - share(value) * long;
  const parts = bandsOf(figure).map(({ from, to, color }) => {
    const end = y(to ?? figure.max);
    return svg("rect", { x: left, y: end, width: thick, height: Math.max(0, y(from ?? figure.min) - end), fill: color ?? themed("grid"), "fill-opacity": color ? 0.45 : 1 });
  });
  if (figure.value !== null) parts.push(svg("rect", { x: left + thick * 0.3, y: y(figure.value), width: thick * 0.4, height: bottom - y(figure.value), fill: themed("text") }));
  if (figure.goal !== null) parts.push(svg("rect", { x: left - 3, y: y(figure.goal) - 1.5, width: thick + 6, height: 3, fill: themed("down") }));
  parts.push(...ticksOf({ ...frame, width: long * 1.6 }).map((tick) => label(left + thick + 6, bottom - tick.share * long + 4, tick.text, { "text-anchor": "start" })));
  parts.push(reading(width / 2, height - 4, size, figure.text));
  return parts;
}

function arcs(frame) {
  const { figure, width, height, share } = frame;
  const [start, end] = ARCS[figure.shape];
  const lowest = figure.shape === "semi_circle" ? 0.12 : figure.shape === "arc" ? Math.abs(Math.cos(end)) : 1;
  const room = figure.ticks === "hidden" ? 6 : 20;
  const radius = Math.max(10, Math.min(width / 2 - room * 1.9, (height - room * 1.6) / (1 + lowest)));
  const center = [width / 2, (height - radius * (1 + lowest)) / 2 + radius];
  const thick = radius * 0.22;
  const angle = (value) => start + share(value) * (end - start);
  const rim = (from, to, at, wide, color, opacity = 1) => svg("path", { d: arc(center, at, from, to), fill: "none", stroke: color, "stroke-width": wide, "stroke-opacity": opacity });
  const middle = radius - thick / 2;
  const parts = [rim(start, end, middle, thick, themed("grid"))];
  for (const { from, to, color } of figure.bands) parts.push(rim(angle(from ?? figure.min), angle(to ?? figure.max), radius - 1.5, 3, color));
  if (figure.value !== null) parts.push(rim(start, angle(figure.value), middle - 2, thick - 6, colourOf(figure)));
  if (figure.goal !== null) parts.push(rim(angle(figure.goal) - 0.012, angle(figure.goal) + 0.012, middle, thick + 6, themed("down")));
  parts.push(...ticksOf({ ...frame, width: radius * 3 }).map((tick) => {
    const turn = start + tick.share * (end - start);
    const [x, y] = spot(center, radius + 5, turn);
    const anchor = Math.abs(Math.sin(turn)) < 0.25 ? "middle" : Math.sin(turn) > 0 ? "start" : "end";
    return label(x, y + (Math.cos(turn) > 0.5 ? -1 : 4), tick.text, { "text-anchor": anchor });
  }));
  const size = Math.min(radius * 0.36, (radius * 2.1) / Math.max(4, figure.text.length));
  parts.push(reading(center[0], center[1] + (figure.shape === "semi_circle" ? -4 : size * 0.35), size, figure.text));
  return parts;
}

const spot = ([x, y], radius, angle) => [x + radius * Math.sin(angle), y - radius * Math.cos(angle)];

function arc(center, radius, from, to) {
  const large = to - from > Math.PI ? 1 : 0;
  const at = (angle) => spot(center, radius, angle).map((number) => number.toFixed(2)).join(" ");
  return `M ${at(from)} A ${radius} ${radius} 0 ${large} 1 ${at(to)}`;
}
