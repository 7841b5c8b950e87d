// Parts of a whole: pie, donut, treemap, mosaic and waffle, with tooltip, legend and click to filter.

import { el, setStyle } from "./dom.js";
import { arrange, frame, Legend } from "./legend.js";
import { drawPie } from "./partition_pie.js";
import { drawMosaic, drawTreemap, drawWaffle } from "./partition_area.js";
import { sum, tree } from "./partition_tree.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

const DRAWERS = { pie: drawPie, donut: drawPie, treemap: drawTreemap, mosaic: drawMosaic, waffle: drawWaffle };

export class Partition {
  constructor(body, context) {
    Object.assign(this, { context, figure: null, off: new Set(), nodes: new Map() });
    this.legend = new Legend({ ontoggle: (name) => this.toggle(name), addFilters: context.addFilters });
    Object.assign(this, frame(body, this.legend));
    this.host.addEventListener("mousemove", (event) => this.hover(event));
    this.host.addEventListener("mouseleave", hideTooltip);
    this.host.addEventListener("click", (event) => this.click(event));
    this.host.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && this.click(event));
  }

  update(figure) {
    this.figure = figure;
    const roots = figure.nodes.filter(({ parent }) => parent === null || parent === undefined);
    this.legend.update(roots.map(({ label, color, filter, text }) => ({ name: label, color, filter, value: text })), this.off);
    arrange(this.root, this.legend, figure.legend, roots.length);
    this.host.setAttribute("role", "group");
    this.host.setAttribute("aria-label", `${this.context.title}: ${figure.shape} of ${roots.length} parts`);
    this.redraw();
  }

  redraw() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!this.figure || width < 20 || height < 20) return;
    const roots = tree(this.figure.nodes, this.off);
    const total = sum(roots);
    this.nodes = new Map();
    const visit = (node) => {
      this.nodes.set(node.id, node);
      if (this.off.size && total > 0) node.percent = `${((node.size / total) * 100).toFixed(2)}%`;
      node.children.forEach(visit);
    };
    roots.forEach(visit);
    const focused = this.host.contains(document.activeElement) ? document.activeElement.dataset.node : null;
    if (total <= 0) return this.host.replaceChildren(el("p", { class: "wait", text: "No part is larger than zero." }));
    const drawing = (DRAWERS[this.figure.shape] ?? drawPie)({ figure: this.figure, roots, total, width, height });
    setStyle(drawing, { width: `${width}px`, height: `${height}px` });
    this.host.replaceChildren(drawing);
    if (focused) [...this.host.querySelectorAll("[data-node]")].find((node) => node.dataset.node === focused)?.focus();
  }

  toggle(name) {
    if (!this.off.delete(name)) this.off.add(name);
    this.update(this.figure);
  }

  find(event) {
    return this.nodes.get(event.target.closest?.("[data-node]")?.dataset.node);
  }

  hover(event) {
    const node = this.find(event);
    if (!node) return hideTooltip();
    const path = [];
    for (let at = node; at; at = at.up) path.unshift({ color: at.color, name: at.label, value: `${at.text ?? ""}  ${at.percent ?? ""}`.trim(), isStrong: at === node });
    showTooltip(event, "", path);
  }

  click(event) {
    const filters = [];
    for (let at = this.find(event); at; at = at.up) if (at.filter) filters.unshift(at.filter);
    if (filters.length === 0) return;
    event.preventDefault();
    this.context.addFilters(filters);
  }

  destroy() {
    hideTooltip();
    this.root.remove();
  }
}
