// Reference lines and annotations of an xy figure as plotly's shapes, labels and (to widen the axis) unseen points.

import { plain, short } from "./chart.js";
import { readable, themed, withAlpha } from "./colour.js";
import { toAxis } from "./time.js";
import { placer } from "./xy_stack.js";

const LABELS_MAX = 6;
const CHARACTER_PX = 6;
const DASHES = { solid: "solid", dashed: "dash", dotted: "dot" };

/** `width` of the chart in pixels decides how long labels may be; `ranges` are the value axes' ends, where filled lines fix them. */
export function marksOf(figure, width, ranges) {
  const all = { shapes: [], annotations: [], traces: [], ranges, length: Math.max(8, Math.min(40, Math.round((width * 0.35) / CHARACTER_PX))) };
  for (const line of figure.reference_lines ?? []) (line.axis === "bottom" ? uprightLine : valueLine)(figure, line, all);
  (figure.annotations ?? []).forEach((annotation) => event(figure, annotation, all));
  return all;
}

const pen = (line) => ({ color: line.color, width: line.width ?? 1, dash: DASHES[line.style] ?? "solid" });
const tag = ({ length }, text, color) => ({ text: short(text, length), showarrow: false, font: { size: 10, color: readable(color, themed("panel")) }, bgcolor: withAlpha(themed("panel"), 0.75), borderpad: 1 });

function valueLine(figure, line, all) {
  const isRight = line.axis === "right";
  const axis = isRight ? figure.right : figure.left;
  const place = placer(axis);
  const isFlat = figure.is_horizontal;
  const name = `${isFlat ? "x" : "y"}${isRight ? "2" : ""}`;
  const [value, end] = [place(line.value), line.to === null || line.to === undefined ? null : place(line.to)];
  const across = (low, high) => (isFlat ? { xref: name, yref: "paper", x0: low, x1: high, y0: 0, y1: 1 } : { xref: "paper", yref: name, x0: 0, x1: 1, y0: low, y1: high });
  all.shapes.push({ type: "line", ...across(value, value), line: pen(line) });
  if (end !== null) all.shapes.push({ type: "rect", ...across(value, end), fillcolor: withAlpha(line.color, 0.12), line: { width: 0 }, layer: "below" });
  else if (line.fill && line.fill !== "none") {
    const edge = all.ranges[isRight ? "right" : "left"]?.[line.fill === "above" ? 1 : 0] ?? value;
    all.shapes.push({ type: "rect", ...across(value, edge), fillcolor: withAlpha(line.color, 0.12), line: { width: 0 }, layer: "below" });
  }
  if (line.label) {
    const spot = axis?.scale === "log" ? Math.log10(value) : value;
    const where = isFlat ? { xref: name, x: spot, yref: "paper", y: 1, xanchor: "left", yanchor: "top" } : { xref: "paper", x: 1, yref: name, y: spot, xanchor: "right", yanchor: "bottom" };
    all.annotations.push({ ...tag(all, line.label, line.color), ...where });
  }
  all.traces.push(unseen(figure, name, value));
}

/** A point that nobody sees, so that an automatic axis reaches a line outside the data. */
export function unseen(figure, name, value) {
  const spot = figure.x.kind === "time" ? toAxis(figure.x.from) : figure.series[0]?.x[0] ?? 0;
  const other = figure.x.kind === "category" ? 0 : spot;
  const at = figure.is_horizontal ? { x: [value], y: [other], xaxis: name, yaxis: "y" } : { x: [other], y: [value], xaxis: "x", yaxis: name };
  return { ...at, type: "scatter", mode: "markers", marker: { opacity: 0, size: 1 }, hoverinfo: "skip", showlegend: false };
}

function uprightLine(figure, line, all) {
  const at = (value) => (figure.x.kind === "time" ? toAxis(value) : value);
  const along = (start, end) => (figure.is_horizontal ? { xref: "paper", x0: 0, x1: 1, yref: "y", y0: start, y1: end } : { yref: "paper", y0: 0, y1: 1, xref: "x", x0: start, x1: end });
  const value = at(line.value);
  all.shapes.push({ type: "line", ...along(value, value), line: pen(line) });
  if (line.to !== null && line.to !== undefined) all.shapes.push({ type: "rect", ...along(value, at(line.to)), fillcolor: withAlpha(line.color, 0.12), line: { width: 0 }, layer: "below" });
  if (line.label) all.annotations.push({ ...tag(all, line.label, line.color), ...top(figure, value) });
}

/** Beside the top of an upright line, on the side with more room. */
const top = (figure, value) => (figure.is_horizontal ? { xref: "paper", x: 1, yref: "y", y: value, xanchor: "right", yanchor: "bottom" } : { xref: "x", x: value, yref: "paper", y: 1, xanchor: isLate(figure, value) ? "right" : "left", yanchor: "top" });
const isLate = ({ x }, value) => x.kind === "time" && value > toAxis((x.from + x.to) / 2);

function event(figure, { at, until, label, color }, all) {
  const start = toAxis(at);
  const upright = (from, to) => ({ yref: "paper", y0: 0, y1: 1, xref: "x", x0: from, x1: to });
  if (until !== null && until !== undefined) all.shapes.push({ type: "rect", ...upright(start, toAxis(until)), fillcolor: withAlpha(color, 0.15), line: { width: 0 }, layer: "below" });
  all.shapes.push({ type: "line", ...upright(start, start), line: { color, width: 1, dash: "dash" } });
  const isCrowded = figure.annotations.length > LABELS_MAX;
  const text = isCrowded ? { ...tag(all, "▾", color), hovertext: plain(label), captureevents: true } : tag(all, label ?? "", color);
  if (label) all.annotations.push({ ...text, ...top(figure, start) });
}
