// Metric tiles: a large number with title, subtitle, secondary value, progress and trend line.

import { el, setStyle, setText, svg } from "./dom.js";
import { textOn } from "./colour.js";

const TREND_WIDTH = 100;
const TREND_HEIGHT = 100;

export class Metric {
  constructor(body, context) {
    this.context = context;
    this.root = el("div", { class: "metrics" });
    body.append(this.root);
    this.tiles = [];
  }

  update(figure) {
    const key = JSON.stringify(figure.tiles.map(({ filter, title }) => [!!filter, title]));
    if (key !== this.key) {
      this.key = key;
      this.tiles = figure.tiles.map((tile) => new Tile(tile, this.context));
      this.root.replaceChildren(...this.tiles.map(({ root }) => root));
    }
    const columns = Math.max(1, Math.min(figure.columns_max || 1, figure.tiles.length));
    setStyle(this.root, { "--columns": columns, "--columns-narrow": Math.min(2, columns), "--chars": Math.max(5, ...figure.tiles.map(({ value }) => value.length)) });
    figure.tiles.forEach((tile, index) => this.tiles[index].update(tile));
  }

  redraw() {}

  destroy() {
    this.root.remove();
  }
}

class Tile {
  constructor(tile, context) {
    const part = (name) => el("span", { class: `tile-${name}` });
    Object.assign(this, { tile, title: part("title"), subtitle: part("subtitle"), value: part("value"), secondary: part("secondary"), progress: part("progress") });
    this.trend = svg("svg", { class: "tile-trend", viewBox: `0 0 ${TREND_WIDTH} ${TREND_HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path", { class: "trend-area" }), svg("path", { class: "trend-line" }));
    const parts = [this.trend, this.progress, this.title, this.subtitle, this.secondary, this.value];
    const click = () => this.tile.filter && context.addFilters([this.tile.filter]);
    this.root = tile.filter ? el("button", { type: "button", class: "tile is-clickable", on: { click } }, ...parts) : el("div", { class: "tile" }, ...parts);
  }

  update(tile) {
    this.tile = tile;
    setText(this.title, tile.title ?? "");
    setText(this.subtitle, tile.subtitle ?? "");
    setText(this.value, tile.value);
    const { label, value } = tile.secondary ?? {};
    setText(this.secondary, tile.secondary ? `${label ? `${label} ` : ""}${value}` : "");
    setStyle(this.root, { background: tile.color, color: tile.color ? textOn(tile.color) : null });
    this.root.classList.toggle("is-coloured", !!tile.color);
    this.drawProgress(tile.progress);
    this.drawTrend(tile.trend);
  }

  drawProgress(progress) {
    this.progress.hidden = !progress;
    if (!progress) return;
    this.progress.dataset.direction = progress.direction;
    setStyle(this.progress, { "--fraction": Math.min(1, Math.max(0, progress.fraction)) });
  }

  drawTrend(trend) {
    const points = trend ? trend.x.map((x, at) => [x, trend.y[at]]).filter(([, y]) => y !== null) : [];
    this.trend.toggleAttribute("hidden", points.length < 2);
    if (points.length < 2) return;
    const ys = points.map(([, y]) => y);
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    const [start, end] = [points[0][0], points.at(-1)[0]];
    const x = (value) => ((value - start) / (end - start || 1)) * TREND_WIDTH;
    const y = (value) => TREND_HEIGHT - 6 - (high > low ? (value - low) / (high - low) : 0.5) * (TREND_HEIGHT - 12);
    const line = points.map(([at, value], index) => `${index ? "L" : "M"}${x(at).toFixed(2)} ${y(value).toFixed(2)}`).join("");
    this.trend.children[0].setAttribute("d", `${line}L${TREND_WIDTH} ${TREND_HEIGHT}L0 ${TREND_HEIGHT}Z`);
    this.trend.children[1].setAttribute("d", line);
  }
}
