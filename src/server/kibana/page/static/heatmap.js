// A heatmap: cells coloured by the server's bands, with a legend of the bands.

import { baseAxis, baseLayout, Chart, plain, short } from "./chart.js";
import { themed } from "./colour.js";
import { arrange, frame } from "./legend.js";
import { el } from "./dom.js";
import { bucket, toAxis } from "./time.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

const LABEL_LENGTH_MAX = 20;
const GAPS_CELLS_MAX = 4_000;

export class Heatmap {
  constructor(body, context) {
    Object.assign(this, { context, figure: null });
    this.legend = { root: el("ul", { class: "legend", "aria-label": "Legend" }) };
    Object.assign(this, frame(body, this.legend));
    this.chart = new Chart(this.host, { hover: (event) => this.hover(event), unhover: hideTooltip, click: (event) => this.click(event) });
  }

  update(figure) {
    this.figure = figure;
    this.legend.root.replaceChildren(...figure.bands.map(({ color, label }) => el("li", {}, el("span", { class: "legend-name is-still" }, el("span", { class: "swatch", style: { background: color } }), el("span", { class: "legend-text", text: label })))));
    arrange(this.root, this.legend, { is_visible: figure.shows_legend, position: "right" }, figure.bands.length);
    this.host.setAttribute("role", "img");
    this.host.setAttribute("aria-label", `${this.context.title}: heatmap of ${figure.y.values.length} rows and ${figure.x.values.length} columns`);
    return this.redraw();
  }

  redraw() {
    return this.chart.draw((width, height) => draft(this.figure, width, height));
  }

  cell(event) {
    const [row, column] = event.points?.[0]?.pointIndex ?? [];
    const value = this.figure.z[row]?.[column];
    return value === null || value === undefined ? null : { row, column, value };
  }

  hover(event) {
    const found = this.cell(event);
    if (!found) return hideTooltip();
    const { row, column, value } = found;
    const { x, y, text, bands } = this.figure;
    const band = bands[bandOf(bands, value)];
    const interval_ms = x.values.length > 1 ? x.values[1] - x.values[0] : null;
    const title = x.kind === "time" ? bucket(x.values[column], interval_ms) : String(x.values[column]);
    showTooltip(event.event, title, [{ color: band?.color, name: String(y.values[row]), value: text?.[row]?.[column] ?? String(value), isStrong: true }]);
    this.host.style.setProperty("--pointer", this.filters(found).length ? "pointer" : "default");
  }

  filters({ row, column }) {
    const { x, y } = this.figure;
    return [y.filters?.[row], x.filters?.[column]].filter(Boolean);
  }

  click(event) {
    const found = this.cell(event);
    if (found) this.context.addFilters(this.filters(found));
  }

  destroy() {
    hideTooltip();
    this.chart.destroy();
    this.root.remove();
  }
}

/** The band of a value: from its lower end on, the upper end left out; the last takes its upper end too. */
function bandOf(bands, value) {
  const found = bands.findIndex(({ from, to }) => (from === null || value >= from) && (to === null || value < to));
  if (found >= 0) return found;
  return bands.length && value === bands.at(-1).to ? bands.length - 1 : -1;
}

function draft(figure, width, height) {
  const { x, y, z, bands, text } = figure;
  const count = Math.max(bands.length, 1);
  const levels = z.map((row) => row.map((value) => {
    const band = value === null ? -1 : bandOf(bands, value);
    return band < 0 ? null : band + 0.5;
  }));
  const scale = bands.length ? bands.flatMap(({ color }, index) => [[index / count, color], [(index + 1) / count, color]]) : [[0, themed("grid")], [1, themed("grid")]];
  const isTime = x.kind === "time";
  const gap = z.length * x.values.length > GAPS_CELLS_MAX ? 0 : 1;
  const cells = {
    type: "heatmap", z: levels, zmin: 0, zmax: count, colorscale: scale, showscale: false, hoverinfo: "none", xgap: gap, ygap: gap, hoverongaps: false,
    x: isTime ? x.values.map(toAxis) : x.values.map((_, at) => at), y: y.values.map((_, at) => at),
  };
  if (figure.shows_values) Object.assign(cells, { text: (text ?? []).map((row) => row.map((cell) => plain(cell))), texttemplate: "%{text}", textfont: { size: 11 } });
  const layout = { ...baseLayout(width, height), hovermode: "closest", dragmode: false };
  layout.xaxis = isTime
    ? { ...baseAxis({ title: x.title, showsGrid: false }), type: "date", nticks: Math.max(2, Math.floor(width / 110)) }
    : categoryAxis(x, width, 64);
  layout.yaxis = { ...categoryAxis(y, height, 16), autorange: "reversed" };
  return { data: [cells], layout };
}

function categoryAxis({ title, values }, length, room) {
  const every = Math.max(1, Math.ceil((values.length * room) / Math.max(length, 1)));
  const ticks = values.map((_, at) => at).filter((at) => at % every === 0);
  return { ...baseAxis({ title, showsGrid: false }), type: "linear", tickmode: "array", tickvals: ticks, ticktext: ticks.map((at) => short(values[at], LABEL_LENGTH_MAX)) };
}
