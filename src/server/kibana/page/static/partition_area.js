// Treemap, mosaic and waffle: rectangles and squares whose areas are the values.

import { el, svg } from "./dom.js";
import { partProps, shownValue, sum } from "./partition_tree.js";
import { textOn } from "./colour.js";

const HEAD_PX = 18;
const CHARACTER_PX = 7.2;
const WAFFLE_SIDE = 10;

export function drawTreemap({ figure, roots, width, height }) {
  const root = el("div", { class: "areas" });
  place(root, figure, roots, { x: 0, y: 0, width, height });
  return root;
}

function place(root, figure, nodes, box) {
  for (const { node, rect } of squarify(nodes, box)) {
    const isParent = node.children.length > 0 && rect.height > HEAD_PX * 2 && rect.width > 40;
    root.append(area(figure, node, rect, isParent));
    if (isParent) place(root, figure, node.children, { x: rect.x, y: rect.y + HEAD_PX, width: rect.width, height: rect.height - HEAD_PX });
  }
}

/** One rectangle with its name and value; CSS cuts what does not fit. */
function area(figure, node, { x, y, width, height }, isHead = false) {
  const style = { left: `${x}px`, top: `${y}px`, width: `${Math.max(0, width - 1)}px`, height: `${Math.max(0, height - 1)}px`, background: node.color, color: textOn(node.color) };
  const props = partProps(node);
  const box = el("div", { ...props, class: `${props.class} area${isHead ? " is-head" : ""}`, style });
  if (figure.labels !== "hide" && width > 44 && height > 15) {
    box.append(el("span", { class: "area-name", text: node.label }));
    const value = shownValue(figure, node);
    if (isHead ? width > 120 : height > 32 && width > value.length * CHARACTER_PX + 8) box.append(el("span", { class: "area-value", text: value }));
  }
  return box;
}

/** Rectangles as near to squares as rows of them allow (Bruls, Huizing, van Wijk). */
function squarify(nodes, box) {
  const rest = nodes.filter(({ size }) => size > 0).sort((a, b) => b.size - a.size);
  const total = sum(rest);
  const unit = total > 0 ? (box.width * box.height) / total : 0;
  const placed = [];
  let free = { ...box };
  while (rest.length) {
    const side = Math.min(free.width, free.height);
    const row = [rest.shift()];
    while (rest.length && worst([...row, rest[0]], side, unit) <= worst(row, side, unit)) row.push(rest.shift());
    free = layRow(row, free, unit, placed);
  }
  return placed;
}

function worst(row, side, unit) {
  const sizes = row.map(({ size }) => size * unit);
  const all = sizes.reduce((a, b) => a + b, 0);
  return Math.max((side * side * Math.max(...sizes)) / (all * all), (all * all) / (side * side * Math.min(...sizes)));
}

function layRow(row, free, unit, placed) {
  const isUpright = free.width >= free.height;
  const side = isUpright ? free.height : free.width;
  const depth = side > 0 ? (sum(row) * unit) / side : 0;
  let along = isUpright ? free.y : free.x;
  for (const node of row) {
    const length = depth > 0 ? (node.size * unit) / depth : 0;
    placed.push({ node, rect: isUpright ? { x: free.x, y: along, width: depth, height: length } : { x: along, y: free.y, width: length, height: depth } });
    along += length;
  }
  return isUpright ? { ...free, x: free.x + depth, width: free.width - depth } : { ...free, y: free.y + depth, height: free.height - depth };
}

/** Columns as wide as the first level, split by the second in percent. */
export function drawMosaic({ figure, roots, total, width, height }) {
  const root = el("div", { class: "areas" });
  let x = 0;
  for (const node of roots.filter(({ size }) => size > 0)) {
    const wide = (node.size / total) * width;
    root.append(el("span", { class: "mosaic-name", text: node.label, title: node.label, style: { left: `${x}px`, width: `${wide}px` } }));
    const parts = node.children.length ? node.children : [node];
    const all = sum(parts);
    let y = HEAD_PX;
    for (const part of parts) {
      const high = all > 0 ? (part.size / all) * (height - HEAD_PX) : 0;
      if (high > 0) root.append(area(figure, part, { x, y, width: wide, height: high }));
      y += high;
    }
    x += wide;
  }
  return root;
}

/** A hundred squares, shared out by the largest remainders. */
export function drawWaffle({ roots, total, width, height }) {
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}` });
  const count = WAFFLE_SIDE * WAFFLE_SIDE;
  const shares = roots.map((node) => ({ node, exact: total > 0 ? (node.size / total) * count : 0 })).map((share) => ({ ...share, squares: Math.floor(share.exact) }));
  const left = total > 0 ? count - shares.reduce((used, { squares }) => used + squares, 0) : 0;
  [...shares].sort((a, b) => b.exact - b.squares - (a.exact - a.squares)).slice(0, left).forEach((share) => (share.squares += 1));
  const step = Math.min(width, height) / WAFFLE_SIDE;
  const [startX, startY] = [(width - step * WAFFLE_SIDE) / 2, (height - step * WAFFLE_SIDE) / 2];
  let at = 0;
  for (const { node, squares } of shares) {
    const group = svg("g", partProps(node));
    for (let square = 0; square < squares; square += 1, at += 1) {
      group.append(svg("rect", { x: startX + (at % WAFFLE_SIDE) * step + 1, y: startY + Math.floor(at / WAFFLE_SIDE) * step + 1, width: step - 2, height: step - 2, rx: 2, fill: node.color }));
    }
    root.append(group);
  }
  return root;
}
