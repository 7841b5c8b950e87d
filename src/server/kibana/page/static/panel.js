// One panel: its frame and buttons, the figure inside, and the states that say why there is none.

import { el, icon, iconButton, nextId } from "./dom.js";
import { Forecast } from "./forecast.js";
import { Gauge } from "./gauge.js";
import { Heatmap } from "./heatmap.js";
import { Metric } from "./metric.js";
import { Partition } from "./partition.js";
import { Table } from "./table.js";
import { TagCloud } from "./tag_cloud.js";
import { rangeLabel } from "./time.js";
import { Xy } from "./xy.js";

const LOADING_SHOWN_AFTER_MS = 300;
const RENDERERS = { xy: Xy, metric: Metric, table: Table, pie: Partition, heatmap: Heatmap, gauge: Gauge, tag_cloud: TagCloud, forecast: Forecast };

export class Panel {
  /** `context`: `addFilters`, `setTime`, `inspect(panel)`, `maximise(panel)`; `hidesTitles` of the dashboard. */
  constructor(spec, context, hidesTitles) {
    Object.assign(this, { spec, context, renderer: null, figure: null, text: "", loading: 0 });
    const titleId = nextId("panel-title");
    const title = spec.title || "Untitled panel";
    this.body = el("div", { class: "panel-body" }, el("div", { class: "skeleton", "aria-hidden": "true" }));
    this.maximiseButton = iconButton("expand", `Maximise ${title}`, () => context.maximise(this));
    const head = el("header", { class: "panel-head" }, el("h3", { id: titleId, text: spec.title || "", title: spec.title }), ...notes(spec),
      el("div", { class: "panel-actions" }, iconButton("inspect", `Inspect ${title}`, () => context.inspect(this)), this.maximiseButton));
    this.root = el("section", { class: "panel", "aria-labelledby": titleId, "aria-busy": "true", "data-panel": spec.id, "data-kind": spec.kind }, head, el("div", { class: "progress", "aria-hidden": "true" }), this.body);
    if (!spec.title) this.root.setAttribute("aria-label", title);
    this.root.classList.toggle("is-untitled", hidesTitles || spec.hides_title || !spec.title);
    this.watch = new ResizeObserver(() => this.redraw());
    this.watch.observe(this.body);
  }

  get title() {
    return this.spec.title || "Untitled panel";
  }

  /** Shows that an answer is awaited, once the wait is long enough to notice. */
  wait() {
    clearTimeout(this.loading);
    this.loading = setTimeout(() => this.root.classList.add("is-loading"), LOADING_SHOWN_AFTER_MS);
    if (!this.figure) this.root.setAttribute("aria-busy", "true");
  }

  rest() {
    clearTimeout(this.loading);
    this.root.classList.remove("is-loading");
    this.root.setAttribute("aria-busy", "false");
  }

  /** Shows a figure; the same figure again costs nothing. */
  async show(figure) {
    this.rest();
    const text = JSON.stringify(figure);
    if (text === this.text) return;
    this.text = text;
    const isOfKind = this.figure && this.renderer && RENDERERS[figure.kind] === this.renderer.constructor;
    this.figure = figure;
    this.root.dataset.figure = figure.kind;
    this.root.dataset.state = figure.kind in RENDERERS || figure.kind === "markdown" ? "drawn" : figure.kind;
    try {
      if (!isOfKind) this.mount(figure);
      await this.renderer?.update(figure);
    } catch (error) {
      this.fail(`this figure could not be drawn: ${error.message}`);
    }
  }

  mount(figure) {
    this.clear();
    const Renderer = RENDERERS[figure.kind];
    if (Renderer) this.renderer = new Renderer(this.body, { ...this.context, title: this.title });
    else this.body.append(figure.kind === "markdown" ? markdown(figure) : message(figure));
  }

  fail(text, hint = null) {
    this.clear();
    this.text = "";
    this.figure = { kind: "error", message: text, hint };
    this.root.dataset.state = "error";
    this.body.append(message(this.figure));
    this.rest();
  }

  clear() {
    this.renderer?.destroy();
    this.renderer = null;
    this.body.replaceChildren();
  }

  /** Draws again: the size or the theme changed. */
  redraw() {
    if (this.renderer && this.figure) this.renderer.redraw?.();
  }

  setMaximised(isMaximised) {
    this.root.classList.toggle("is-maximised", isMaximised);
    this.maximiseButton.replaceChildren(icon(isMaximised ? "shrink" : "expand"));
    const words = `${isMaximised ? "Restore" : "Maximise"} ${this.title}`;
    this.maximiseButton.setAttribute("aria-label", words);
    this.maximiseButton.title = words;
  }

  destroy() {
    clearTimeout(this.loading);
    this.watch.disconnect();
    this.clear();
    this.root.remove();
  }
}

function notes(spec) {
  const found = [];
  if (spec.description) found.push(el("span", { class: "panel-note", tabindex: 0, role: "note", "aria-label": spec.description, title: spec.description }, icon("info")));
  if (spec.time) found.push(el("span", { class: "panel-time", title: "This panel has its own time range", text: rangeLabel(spec.time.from, spec.time.to) }));
  return found;
}

/** The server makes this html itself and lets none of the author's through; it is the one place where html is taken. */
function markdown(figure) {
  const box = el("div", { class: "markdown" });
  box.innerHTML = figure.html;
  for (const link of box.querySelectorAll("a[href]")) {
    if (!link.getAttribute("href").startsWith("#")) Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
  }
  return box;
}

const MESSAGES = {
  empty: (figure) => ["empty", "No results", figure.reason],
  error: (figure) => ["warning", "This panel has an error", figure.message, figure.hint],
  unsupported: (figure) => ["info", `Not shown here: ${figure.what}`, figure.reason],
};

function message(figure) {
  const make = MESSAGES[figure.kind] ?? (() => ["info", `Not shown here: ${figure.kind}`, "this page does not know the figure"]);
  const [sign, title, text, hint] = make(figure);
  return el("div", { class: `message is-${figure.kind}`, role: "note" }, icon(sign), el("strong", { text: title }), el("p", { text: text ?? "" }), hint ? el("p", { class: "subdued", text: hint }) : null);
}
