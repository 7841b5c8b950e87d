// From an xy figure to plotly's traces and layout.

import { baseAxis, baseLayout, plain, short } from "./chart.js";
import { textOn, themed, withAlpha } from "./colour.js";
import { toAxis, wallMs } from "./time.js";
import { marksOf, unseen } from "./xy_marks.js";
import { barPlace, placer, positions, shapes } from "./xy_stack.js";

const SPLINE_POINTS_MAX = 1_000;
const DOTS_MAX = 12;
const LABEL_LENGTH_MAX = 22;
const CHARACTER_PX = 7;
const LINE_PX = 18;
// About what the labels of horizontal bars take.
const PLACE_PX = 120;

/** `{ data, layout, shapes, span }`; `span(shape, at)` is where a bar begins and ends along the x axis. */
export function draft(figure, shown, width, height) {
  const all = shapes(figure, shown);
  const groups = [...new Set(all.filter(({ series }) => series.type === "bar").map(({ group }) => group))];
  const categories = figure.x.kind === "category" ? positions(figure.series, true) : null;
  const place = new Map(all.map((shape) => [shape, barPlace(figure, groups, shape.group)]));
  // Categories are numbered by the page, so that equal texts and their order stay the server's.
  const numbers = categories && new Map(categories.map((category, index) => [category, index]));
  const isTime = figure.x.kind === "time";
  const numberOf = (x) => (isTime ? wallMs(x) : numbers ? numbers.get(x) : x);
  const frame = { figure, categories, place, numberOf, plotted: isTime ? toAxis : numberOf };
  const data = [];
  all.forEach((shape, order) => data.push(shape.series.type === "bar" ? barTrace(shape, frame) : lineTrace(shape, frame, all[order - 1])));
  const ranges = { left: filledRange(figure, all, "left"), right: filledRange(figure, all, "right") };
  const marks = marksOf(figure, width, ranges);
  data.push(...marks.traces, ...textRoom(figure, all, width, height));
  const layout = { ...baseLayout(width, height), ...axes({ ...frame, ranges }, all, width, height), bargap: 0, barmode: "overlay", shapes: marks.shapes, annotations: marks.annotations };
  layout.hovermode = figure.is_horizontal ? "y" : "x";
  layout.dragmode = canDrag(figure) ? "zoom" : false;
  return { data, layout, shapes: all, span: (shape, at) => spanOf(shape, at, frame) };
}

// On a touch screen a drag scrolls the page.
const canDrag = (figure) => figure.x.kind === "time" && !figure.is_horizontal && !matchMedia("(pointer: coarse)").matches;

/** Unseen points beyond the longest bars, so that the values written at their ends have room. */
function textRoom(figure, all, width, height) {
  const bars = all.filter(({ series, isPercent }) => figure.shows_values && series.type === "bar" && !isPercent);
  return ["left", "right"].flatMap((side) => {
    const own = bars.filter(({ series }) => series.axis === side);
    const ends = own.flatMap(({ tops }) => tops.filter(Number.isFinite));
    if (ends.length === 0 || figure[side]?.scale === "log") return [];
    const longest = Math.max(...own.flatMap(({ series }) => (series.text ?? []).map(({ length }) => length)), 1);
    const wanted = figure.is_horizontal ? (longest * CHARACTER_PX) / Math.max(60, width - PLACE_PX) : LINE_PX / Math.max(60, height - 60);
    const share = Math.min(0.36, wanted);
    const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
    const pad = ((high - low) * share) / (1 - 2 * share);
    return [low < 0 ? low - pad : 0, high > 0 ? high + pad : 0].map((value) => unseen(figure, axisName(figure, side), value));
  });
}

const axisName = (figure, side) => `${figure.is_horizontal ? "x" : "y"}${side === "right" ? "2" : ""}`;

function spanOf(shape, at, { place, numberOf }) {
  const { offset, width } = place.get(shape) ?? { offset: -0.5, width: 1 };
  const start = numberOf(shape.xs[at]) + offset;
  return [start, start + width];
}

/** Points laid out for plotly: turned for horizontal charts, on the right axis when asked. */
function oriented(shape, frame, values) {
  const { figure, plotted } = frame;
  const xs = shape.xs.map(plotted);
  const isRight = shape.series.axis === "right";
  if (figure.is_horizontal) return { x: values, y: xs, xaxis: isRight ? "x2" : "x", yaxis: "y", orientation: "h" };
  return { x: xs, y: values, xaxis: "x", yaxis: isRight ? "y2" : "y", orientation: "v" };
}

function common(shape, frame) {
  const { series } = shape;
  const texts = frame.figure.shows_values ? shape.points.map((point) => (point < 0 ? "" : plain(series.text?.[point] ?? ""))) : undefined;
  return { name: plain(series.name), meta: { shape }, hoverinfo: "none", text: texts };
}

function barTrace(shape, frame) {
  const place = frame.place.get(shape);
  const lengths = shape.tops.map((top, at) => (top === null ? null : top - (shape.bases?.[at] ?? 0)));
  return {
    ...common(shape, frame), ...oriented(shape, frame, lengths), type: "bar", base: shape.bases ?? undefined, offset: place?.offset, width: place?.width,
    marker: { color: shape.series.color, line: { width: 0 } }, textposition: frame.figure.shows_values ? "auto" : "none", textangle: 0,
    insidetextfont: { color: textOn(shape.series.color) }, outsidetextfont: { color: themed("text") }, constraintext: "both", cliponaxis: false,
  };
}

function lineTrace(shape, frame, previous) {
  const { series } = shape;
  const { figure } = frame;
  const isArea = series.type === "area";
  const isAbove = isArea && shape.isStacked && previous?.group === shape.group;
  const towards = figure.is_horizontal ? "x" : "y";
  return {
    ...common(shape, frame), ...oriented(shape, frame, shape.tops), type: "scatter", mode: figure.shows_values ? "lines+markers+text" : "lines+markers", textposition: "top center",
    line: { color: series.color, width: isArea ? 1.5 : 2, shape: curveOf(figure, shape), smoothing: 0.6 }, connectgaps: false,
    marker: { color: series.color, size: markerSizes(shape), line: { width: 0 } },
    fill: isArea ? (isAbove ? `tonext${towards}` : `tozero${towards}`) : "none", fillcolor: isArea ? withAlpha(series.color, series.fill_opacity ?? 0.3) : undefined,
  };
}

function curveOf(figure, shape) {
  if (figure.curve === "step") return "hv";
  return figure.curve === "monotone" && shape.xs.length <= SPLINE_POINTS_MAX ? "spline" : "linear";
}

/** A point without neighbours would be invisible as a line; few points are easier to read with dots. */
function markerSizes({ tops }) {
  if (tops.length <= DOTS_MAX) return 5;
  const isNone = (at) => tops[at] === null || tops[at] === undefined;
  return tops.map((top, at) => (top !== null && isNone(at - 1) && isNone(at + 1) ? 5 : 0));
}

function axes(frame, all, width, height) {
  const { figure } = frame;
  const isPercent = (side) => all.some((shape) => shape.isPercent && shape.series.axis === side);
  const left = valueAxis(figure.left, isPercent("left"), frame, { all, side: "left", width, height });
  const right = figure.right && { ...valueAxis(figure.right, isPercent("right"), frame, { all, side: "right", width, height }), showgrid: !figure.left && figure.right.shows_grid };
  if (figure.is_horizontal) {
    const place = { ...placeAxis(frame, height, 18, width), autorange: frame.categories ? "reversed" : undefined, range: frame.categories ? undefined : rangeOf(frame) };
    return { xaxis: left, yaxis: place, ...(right && { xaxis2: { ...right, overlaying: "x", side: "top" } }) };
  }
  const place = { ...placeAxis(frame, width, 64, width * 2), range: rangeOf(frame), ...spikes() };
  return { xaxis: place, yaxis: left, ...(right && { yaxis2: { ...right, overlaying: "y", side: "right" } }) };
}

const spikes = () => ({ showspikes: true, spikemode: "across", spikesnap: "hovered data", spikethickness: 1, spikedash: "solid", spikecolor: themed("subdued") });

function placeAxis({ figure, categories }, length, room, width) {
  const axis = baseAxis({ title: figure.x.title, showsLabels: figure.x.shows_labels, showsGrid: figure.x.shows_grid && !categories });
  if (figure.x.kind === "time") return { ...axis, type: "date", fixedrange: !canDrag(figure), nticks: Math.max(2, Math.floor(length / 75)), tickformatstops: TIME_TICKS };
  if (!categories) return { ...axis, type: "linear", nticks: Math.max(2, Math.floor(length / 50)) };
  const every = Math.max(1, Math.ceil((categories.length * room) / Math.max(length, 1)));
  const ticks = categories.map((_, at) => at).filter((at) => at % every === 0);
  return { ...axis, type: "linear", tickmode: "array", tickvals: ticks, ticktext: ticks.map((at) => short(categories[at], Math.max(8, Math.min(LABEL_LENGTH_MAX, Math.round(width / 20))))), zeroline: false };
}

// Plotly puts the part after the line break under the first tick and wherever it changes.
const TIME_TICKS = [
  { dtickrange: [null, 1_000], value: "%H:%M:%S.%L\n%b %-d, %Y" },
  { dtickrange: [1_000, 60_000], value: "%H:%M:%S\n%b %-d, %Y" },
  { dtickrange: [60_000, 86_400_000], value: "%H:%M\n%b %-d, %Y" },
  { dtickrange: [86_400_000, "M1"], value: "%b %-d\n%Y" },
  { dtickrange: ["M1", "M12"], value: "%b\n%Y" },
  { dtickrange: ["M12", null], value: "%Y" },
];

function rangeOf({ figure, categories }) {
  if (figure.x.kind === "time") return [toAxis(figure.x.from), toAxis(figure.x.to)];
  return categories ? [-0.5, Math.max(0, categories.length - 1) + 0.5] : undefined;
}

function valueAxis(axis, isPercent, frame, { all, side, width, height }) {
  if (!axis) return { ...baseAxis({ showsLabels: false, showsGrid: false }), visible: false };
  const base = baseAxis({ title: axis.title, showsLabels: axis.shows_labels, showsGrid: axis.shows_grid });
  base.nticks = frame.figure.is_horizontal ? Math.max(2, Math.floor((width - 120) / 60)) : Math.max(2, Math.floor(height / 50));
  base.tickangle = 0;
  if (isPercent) return { ...base, type: "linear", range: [0, 1], tickformat: ".0%" };
  const format = axis.format ?? {};
  const fixed = frame.ranges[side];
  const named = { ...base, tickformat: format.d3 || undefined, tickprefix: plain(format.prefix), ticksuffix: plain(format.suffix), exponentformat: "none", rangemode: axis.from_zero ? "tozero" : "normal" };
  if (axis.scale === "sqrt") return { ...named, type: "linear", ...rootTicks(axis, all, side), range: fixed ?? extentOf(axis, placer(axis)) };
  if (axis.scale !== "log") return { ...named, type: "linear", range: fixed ?? extentOf(axis, placer(axis)) };
  return { ...named, type: "log", rangemode: "normal", range: fixed?.map(Math.log10) ?? extentOf(axis, (value) => (value > 0 ? Math.log10(value * (format.factor ?? 1)) : null)) };
}

function extentOf({ extent }, place) {
  if (!extent) return undefined;
  const range = extent.map((end) => (end === null ? null : place(end)));
  return range.every((end) => end === null) ? undefined : range;
}

/**
 * The ends of a value axis that has a filled reference line: shapes widen an automatic axis, so a fill up to the edge needs to know the
 * edge. `null` without such a line.
 */
function filledRange(figure, all, side) {
  const lines = (figure.reference_lines ?? []).filter((line) => line.axis === side);
  const axis = figure[side];
  if (!axis || !lines.some(({ fill }) => fill === "above" || fill === "below")) return null;
  const place = placer(axis);
  const shown = all.filter(({ series }) => series.axis === side).flatMap(({ tops, bases }) => [...tops, ...(bases ?? [])]);
  const isLog = axis.scale === "log";
  const values = [...shown, ...lines.flatMap(({ value, to }) => [place(value), place(to ?? null)])].filter((value) => Number.isFinite(value) && (!isLog || value > 0));
  if (axis.from_zero && !isLog) values.push(0);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = (high - low || Math.abs(high) || 1) * 0.06;
  const found = isLog ? [low / 1.3, high * 1.3] : [low === 0 ? 0 : low - pad, high === 0 ? 0 : high + pad];
  return found.map((end, index) => place(axis.extent?.[index] ?? null) ?? end);
}

/** Ticks of a square root axis, which plotly lacks: round numbers at the place of their root. */
function rootTicks(axis, all, side) {
  const tops = all.filter(({ series }) => series.axis === side).flatMap((shape) => shape.tops.filter(Number.isFinite));
  const most = Math.max(1e-9, ...tops.map(Math.abs)) ** 2;
  const unit = 10 ** Math.floor(Math.log10(most));
  const values = [0, 0.1, 0.25, 0.5, 1, 2, 4, 6, 8, 10].map((part) => part * unit).filter((value) => value <= most * 1.05);
  const texts = values.map((value) => plain(`${axis.format?.prefix ?? ""}${value.toLocaleString("en")}${axis.format?.suffix ?? ""}`));
  return { tickmode: "array", tickvals: values.map(Math.sqrt), ticktext: texts };
}
