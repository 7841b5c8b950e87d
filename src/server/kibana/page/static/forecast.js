// Small charts of prices and what is predicted of them: a solid line, a dashed one that goes on, and the interval as a band.

import { baseAxis, baseLayout, Chart } from "./chart.js";
import { themed, withAlpha } from "./colour.js";
import { el, setText } from "./dom.js";
import { bucket, moment, toAxis } from "./time.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

const DOTS_MAX = 3;
const TIME_TICKS = [
  { dtickrange: [null, 60_000], value: "%H:%M:%S" },
  { dtickrange: [60_000, 86_400_000], value: "%H:%M" },
  { dtickrange: [86_400_000, null], value: "%b %-d" },
];

export class Forecast {
  constructor(body, context) {
    Object.assign(this, { context, charts: new Map() });
    this.band = el("span", {});
    this.note = el("span", { class: "forecast-note" });
    const key = (kind, text) => el("li", {}, el("span", { class: `forecast-key is-${kind}`, "aria-hidden": "true" }), text);
    this.legend = el("ul", { class: "forecast-legend", "aria-label": "Legend" }, key("price", el("span", { text: "Last price" })), key("forecast", el("span", { text: "Forecast" })), key("band", this.band));
    this.list = el("ul", { class: "forecast-charts" });
    this.root = el("div", { class: "forecast" }, el("div", { class: "forecast-head" }, this.legend, this.note), this.list);
    body.append(this.root);
  }

  update(figure) {
    this.figure = figure;
    setText(this.band, figure.interval_name);
    setText(this.note, figure.notes.join("; "));
    const names = new Set(figure.charts.map(({ name }) => name));
    for (const [name, chart] of this.charts) if (!names.has(name)) this.remove(name, chart);
    figure.charts.forEach((spec, at) => {
      let chart = this.charts.get(spec.name);
      if (!chart) this.charts.set(spec.name, (chart = new SmallChart(spec, this.context)));
      if (this.list.children[at] !== chart.root) this.list.insertBefore(chart.root, this.list.children[at] ?? null);
      chart.update(spec, figure);
    });
    return this.redraw();
  }

  redraw() {
    return Promise.all([...this.charts.values()].map((chart) => chart.redraw()));
  }

  remove(name, chart) {
    chart.destroy();
    this.charts.delete(name);
  }

  destroy() {
    hideTooltip();
    for (const [name, chart] of this.charts) this.remove(name, chart);
    this.root.remove();
  }
}

class SmallChart {
  constructor({ name, filter }, { addFilters }) {
    const words = `Filter for ${name}`;
    this.name = el("button", { type: "button", class: "forecast-name", title: words, "aria-label": words, text: name, on: { click: () => addFilters([filter]) } });
    this.caption = el("span", { class: "forecast-caption" });
    this.host = el("div", { class: "chart-host", role: "img" });
    this.root = el("li", { class: "forecast-chart", "data-instrument": name }, el("div", { class: "forecast-title" }, this.name, this.caption), this.host);
    this.chart = new Chart(this.host, { hover: (event) => this.hover(event), unhover: hideTooltip });
  }

  update(spec, figure) {
    Object.assign(this, { spec, figure });
    setText(this.caption, spec.caption);
    if (this.host.getAttribute("aria-label") !== spec.description) this.host.setAttribute("aria-label", spec.description);
  }

  redraw() {
    const { spec, figure } = this;
    return this.chart.draw((width, height) => draft(spec, figure, width, height));
  }

  /** What is drawn at the place that is nearest to the pointer. */
  hover({ event, points }) {
    const near = points.filter(({ data }) => data.meta?.rows).map((point) => ({ ...point.data.meta.rows[point.pointIndex], off: Math.abs(pixel(this.host, point.data.x[point.pointIndex]) - event.clientX) }));
    const nearest = near.reduce((best, row) => (!best || row.off < best.off ? row : best), null);
    if (!nearest) return hideTooltip();
    showTooltip(event, nearest.title, near.filter(({ x }) => x === nearest.x).flatMap(({ rows }) => rows));
  }

  destroy() {
    this.chart.destroy();
    this.root.remove();
  }
}

function pixel(host, x) {
  const axis = host._fullLayout.xaxis;
  return host.getBoundingClientRect().left + axis._offset + axis.d2p(x);
}

function draft(spec, figure, width, height) {
  const place = baseAxis({});
  const xaxis = { ...place, type: "date", range: [toAxis(figure.from), toAxis(figure.to)], nticks: Math.max(2, Math.floor(width / 60)), tickformatstops: TIME_TICKS };
  const yaxis = { ...place, nticks: Math.max(2, Math.floor(height / 36)), tickformat: ",~f", exponentformat: "none", rangemode: "normal" };
  const data = [...bandTraces(spec), priceTrace(spec, figure), forecastTrace(spec, figure)];
  return { data, layout: { ...baseLayout(width, height), xaxis, yaxis, hovermode: "x", dragmode: false } };
}

/** The forecast's places and one of its lists, from the last tick on where it follows from there. */
function joined({ forecast, last, is_joined: isJoined }, name) {
  const x = forecast.x.map(toAxis);
  return isJoined ? { x: [toAxis(last.x), ...x], y: [last.y, ...forecast[name]] } : { x, y: forecast[name] };
}

function bandTraces(spec) {
  const edge = { type: "scatter", mode: "lines", line: { width: 0 }, hoverinfo: "skip" };
  return [{ ...joined(spec, "low"), ...edge }, { ...joined(spec, "high"), ...edge, fill: "tonexty", fillcolor: withAlpha(themed("forecast"), 0.2) }];
}

function priceTrace({ prices, last }, { interval_ms: interval }) {
  const color = themed("accent");
  const rows = prices.x.map((x, at) => ({ x, title: bucket(x, interval), rows: [{ color, name: "Last price", value: prices.text[at] }] }));
  rows.push({ x: last.x, title: moment(last.x), rows: [{ color, name: "Last price", value: last.text }] });
  // In a live stream the figure's ends are of two moments: a line never goes back.
  const isLast = prices.x.every((x) => x <= last.x);
  const [x, y] = isLast ? [[...prices.x, last.x], [...prices.y, last.y]] : [prices.x, prices.y];
  return { x: x.map(toAxis), y, type: "scatter", mode: mode(x), line: { color, width: 2 }, marker: { color, size: 5 }, hoverinfo: "none", meta: { kind: "price", rows } };
}

function forecastTrace(spec, figure) {
  const color = themed("forecast");
  const { forecast, is_joined: isJoined } = spec;
  const band = (text) => (text ? [{ color: withAlpha(color, 0.4), name: figure.interval_name, value: text }] : []);
  const rows = forecast.x.map((x, at) => ({ x, title: moment(x), rows: [{ color, name: "Forecast", value: forecast.text[at] }, ...band(forecast.interval_text[at])] }));
  if (isJoined) rows.unshift({ x: spec.last.x, title: moment(spec.last.x), rows: [] });
  return { ...joined(spec, "y"), type: "scatter", mode: mode(forecast.x), line: { color, width: 2, dash: "dash" }, marker: { color, size: 5 }, hoverinfo: "none", meta: { kind: "forecast", rows } };
}

/** Few points would be hard to see as a line. */
const mode = (points) => (points.length <= DOTS_MAX ? "lines+markers" : "lines");
