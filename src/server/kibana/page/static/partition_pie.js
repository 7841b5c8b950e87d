// Pies and donuts: a ring a level, with names where they fit.

import { partProps, shownValue } from "./partition_tree.js";
import { svg } from "./dom.js";
import { textOn, themed } from "./colour.js";

const TURN = 2 * Math.PI;
const LINE_PX = 14;
const CHARACTER_PX = 6.8;
// Boxes of text have empty corners.
const SLACK_PX = 2;

export function drawPie({ figure, roots, total, width, height }) {
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}` });
  if (total <= 0) return root;
  const outer = Math.min(width, height) / 2 - 4;
  const hole = figure.shape === "donut" ? outer * Math.min(0.9, figure.hole || 0.4) : 0;
  const levels = 1 + Math.max(...roots.map(deepest));
  const frame = { figure, levels, center: [width / 2, height / 2], hole, thickness: (outer - hole) / levels, parts: [], labels: [] };
  ring(frame, roots, 0, TURN / total);
  root.append(...frame.parts, ...frame.labels);
  return root;
}

const deepest = (node) => (node.children.length ? 1 + Math.max(...node.children.map(deepest)) : 0);

function ring(frame, nodes, start, turnPerUnit) {
  let angle = start;
  for (const node of nodes) {
    const end = angle + node.size * turnPerUnit;
    if (node.size > 0) slice(frame, node, angle, end);
    ring(frame, node.children, angle, turnPerUnit);
    angle = end;
  }
}

function slice(frame, node, start, end) {
  const low = frame.hole + frame.thickness * node.depth;
  const high = low + frame.thickness;
  const path = svg("path", { ...partProps(node), d: sector(frame.center, low, high, start, end), fill: node.color, stroke: end - start > TURN - 1e-3 ? "none" : themed("panel"), "stroke-width": 1.5 });
  frame.parts.push(path);
  if (frame.figure.labels !== "hide") frame.labels.push(...label(frame, node, low, high, (start + end) / 2, end - start));
}

const spot = ([x, y], radius, angle) => [x + radius * Math.sin(angle), y - radius * Math.cos(angle)];
const text = (numbers) => numbers.map((number) => number.toFixed(2)).join(" ");

function sector(center, low, high, start, end) {
  // A whole turn cannot be one arc.
  const stop = Math.min(end, start + TURN - 1e-4);
  const large = stop - start > Math.PI ? 1 : 0;
  const outer = `M ${text(spot(center, high, start))} A ${high} ${high} 0 ${large} 1 ${text(spot(center, high, stop))}`;
  if (low <= 0) return `${outer} L ${text(center)} Z`;
  return `${outer} L ${text(spot(center, low, stop))} A ${low} ${low} 0 ${large} 0 ${text(spot(center, low, start))} Z`;
}

/** Name and value in the middle of a slice, as far as their box lies inside it. */
function label(frame, node, low, high, middle, turn) {
  const radius = low > 0 ? (low + high) / 2 : high * 0.62;
  const chord = 2 * radius * Math.sin(Math.min(turn, Math.PI) / 2);
  const depth = low > 0 ? high - low : Math.min(high * 0.75, 2 * (high - radius));
  const [sine, cosine] = [Math.abs(Math.sin(middle)), Math.abs(Math.cos(middle))];
  const fits = (lines) => {
    const width = Math.max(0, ...lines.map(({ length }) => length)) * CHARACTER_PX;
    const height = lines.length * LINE_PX;
    return width * sine + height * cosine <= depth + SLACK_PX && width * cosine + height * sine <= chord + SLACK_PX;
  };
  const value = shownValue(frame.figure, node);
  // The value alone says nothing where names repeat, ring by ring.
  const choices = [[node.label, value], [node.label], frame.levels === 1 ? [value] : []].map((lines) => lines.filter(Boolean));
  const lines = choices.find((choice) => choice.length > 0 && fits(choice)) ?? [];
  const [x, y] = spot(frame.center, radius, middle);
  return lines.map((line, index) => svg("text", {
    x: x.toFixed(1), y: (y + (index - (lines.length - 1) / 2) * LINE_PX).toFixed(1), fill: textOn(node.color), "text-anchor": "middle", "dominant-baseline": "central",
    class: "part-text", "font-weight": line === value ? 600 : 400, text: line,
  }));
}
