// Lines, areas and bars over time, categories or numbers: tooltip, legend, click to filter, drag to zoom in time.

import { Chart } from "./chart.js";
import { arrange, frame, Legend } from "./legend.js";
import { bucket, fromAxis } from "./time.js";
import { hideTooltip, showTooltip } from "./tooltip.js";
import { draft } from "./xy_draw.js";

const NEAR_PX = 14;
const ZOOM_MS_MIN = 1_000;

export class Xy {
  constructor(body, context) {
    Object.assign(this, { context, figure: null, drawn: null, off: new Set() });
    this.legend = new Legend({ ontoggle: (name) => this.toggle(name), addFilters: context.addFilters });
    Object.assign(this, frame(body, this.legend));
    this.chart = new Chart(this.host, {
      hover: (event) => this.hover(event),
      unhover: hideTooltip,
      click: (event) => this.click(event),
      relayout: (change) => this.zoom(change),
    });
  }

  update(figure) {
    this.figure = figure;
    const items = figure.series.map((series) => ({ name: series.name, color: series.color, filter: series.split_filter, value: figure.x.kind === "time" ? lastText(series) : "" }));
    this.legend.update(unique(items), this.off);
    arrange(this.root, this.legend, figure.legend, figure.series.length);
    this.host.setAttribute("role", "img");
    this.host.setAttribute("aria-label", describe(figure, this.context.title));
    return this.redraw();
  }

  redraw() {
    const figure = this.figure;
    return this.chart.draw((width, height) => {
      this.drawn = draft(figure, (series) => !this.off.has(series.name), width, height);
      return this.drawn;
    });
  }

  toggle(name) {
    if (!this.off.delete(name)) this.off.add(name);
    this.update(this.figure);
  }

  /** The points at the pointer's x, with the distance of the pointer to each. */
  at(event) {
    const point = event.points?.find(({ data }) => data.meta?.shape);
    if (!point) return null;
    const x = point.data.meta.shape.xs[point.pointIndex];
    const rows = [];
    for (const shape of this.drawn.shapes) {
      const at = shape.xs.indexOf(x);
      const index = at < 0 ? -1 : shape.points[at];
      if (index < 0 || shape.series.y[index] === null) continue;
      rows.push({ shape, at, index, distance: this.distance(shape, at, event.event) });
    }
    return { x, rows, nearest: rows.reduce((best, row) => (!best || row.distance < best.distance ? row : best), null) };
  }

  distance(shape, at, { clientX, clientY }) {
    const layout = this.host._fullLayout;
    const isRight = shape.series.axis === "right";
    const isFlat = this.figure.is_horizontal;
    const value = isFlat ? layout[isRight ? "xaxis2" : "xaxis"] : layout[isRight ? "yaxis2" : "yaxis"];
    const place = isFlat ? layout.yaxis : layout.xaxis;
    const box = this.host.getBoundingClientRect();
    const [pointerX, pointerY] = [clientX - box.left, clientY - box.top];
    const [along, across] = isFlat ? [pointerY, pointerX] : [pointerX, pointerY];
    const pixel = (axis, number) => axis._offset + axis.l2p(number);
    const level = (number) => pixel(value, value.type === "log" ? Math.log10(number) : number);
    const [low, high] = shape.series.type === "line" ? [shape.tops[at], shape.tops[at]] : [shape.bases?.[at] ?? 0, shape.tops[at]];
    const off = outside(across, level(low), level(high));
    if (shape.series.type !== "bar") return off;
    const [start, end] = this.drawn.span(shape, at);
    return off + outside(along, pixel(place, start), pixel(place, end));
  }

  hover(event) {
    const found = this.at(event);
    if (!found || found.rows.length === 0) return hideTooltip();
    const { x, rows, nearest } = found;
    const title = this.figure.x.kind === "time" ? bucket(x, this.figure.x.interval_ms) : String(x);
    showTooltip(event.event, title, rows.map((row) => ({ color: row.shape.series.color, name: row.shape.series.name, value: valueText(row), isStrong: row === nearest && rows.length > 1 })));
    this.host.style.setProperty("--pointer", nearest.distance <= NEAR_PX && filtersOf(nearest).length ? "pointer" : "crosshair");
  }

  click(event) {
    const nearest = this.at(event)?.nearest;
    if (!nearest || nearest.distance > NEAR_PX) return;
    this.context.addFilters(filtersOf(nearest));
  }

  zoom(change) {
    const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (from === undefined || this.figure.x.kind !== "time" || this.figure.is_horizontal) return;
    const [start, end] = [fromAxis(from), fromAxis(to)].map(Math.round);
    if (end - start >= ZOOM_MS_MIN) this.context.setTime(start, end);
    else this.redraw();
  }

  destroy() {
    hideTooltip();
    this.chart.destroy();
    this.root.remove();
  }
}

const outside = (at, one, other) => Math.max(0, Math.min(one, other) - at, at - Math.max(one, other));

function filtersOf({ shape, index }) {
  return [shape.series.split_filter, shape.series.point_filters?.[index]].filter(Boolean);
}

function valueText({ shape, at, index }) {
  const text = shape.series.text?.[index] ?? String(shape.series.y[index]);
  if (!shape.isPercent) return text;
  return `${text} (${((shape.tops[at] - shape.bases[at]) * 100).toFixed(1)}%)`;
}

function lastText(series) {
  for (let at = series.y.length - 1; at >= 0; at -= 1) if (series.y[at] !== null) return series.text?.[at] ?? "";
  return "";
}

/** Series of several layers may share a name; they are shown and hidden together. */
function unique(items) {
  const seen = new Set();
  return items.filter(({ name }) => !seen.has(name) && seen.add(name));
}

function describe(figure, title) {
  const kinds = [...new Set(figure.series.map(({ type }) => type))].join(" and ");
  const names = figure.series.slice(0, 10).map((series) => `${series.name} ${lastText(series)}`.trim());
  return `${title}: ${kinds || "empty"} chart of ${figure.series.length} series. ${names.join("; ")}`;
}
