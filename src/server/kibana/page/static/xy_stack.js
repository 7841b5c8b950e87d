// The geometry of xy series: stacks, percent of stacks, and where each bar or point lies in axis units.

const identity = (value) => value;
const signedRoot = (value) => (value === null ? null : Math.sign(value) * Math.sqrt(Math.abs(value)));

/** How values of an axis are placed: scaled by its format's factor, by their root for `sqrt`. */
export function placer(axis) {
  const factor = axis?.format?.factor ?? 1;
  const shape = axis?.scale === "sqrt" ? signedRoot : identity;
  return (value) => (value === null || value === undefined ? null : shape(value * factor));
}

/** All x values of some series in reading order: by size, or for categories as they come. */
export function positions(series, isCategory) {
  const all = [...new Set(series.flatMap(({ x }) => x))];
  return isCategory ? all : all.sort((a, b) => a - b);
}

/** `series.x` to the index of its point. */
const indexOf = (series) => new Map(series.x.map((x, index) => [x, index]));

/**
 * One entry a series, in drawing order: `{ series, index, xs, bases, tops, points, group, isStacked, isPercent }`. `points[i]` is the point of
 * the series at `xs[i]` (-1: none), `group` names what shares a place among bars. `shown` tells which series are not hidden.
 */
export function shapes(figure, shown) {
  const isCategory = figure.x.kind === "category";
  const stacks = new Map();
  const found = [];
  figure.series.forEach((series, index) => {
    if (!shown(series)) return;
    if (!series.stack || series.type === "line") return found.push(single(series, index, figure));
    const key = `${series.type} ${series.axis} ${series.stack}`;
    if (!stacks.has(key)) stacks.set(key, []);
    stacks.get(key).push({ series, index });
  });
  const stacked = [...stacks].flatMap(([key, members]) => stack(key, members, figure, isCategory));
  return [...stacked, ...found].sort((a, b) => layerOf(a.series) - layerOf(b.series));
}

// Areas lie behind bars, bars behind lines; within a kind the order stays (sort is stable), which fills of areas rely on.
const layerOf = ({ type }) => (type === "area" ? 0 : type === "bar" ? 1 : 2);

function single(series, index, figure) {
  const place = placer(series.axis === "right" ? figure.right : figure.left);
  const points = series.x.map((_, at) => at);
  return { series, index, xs: series.x, bases: null, tops: series.y.map(place), points, group: `own ${index}`, isStacked: false, isPercent: false };
}

function stack(group, members, figure, isCategory) {
  const xs = positions(members.map(({ series }) => series), isCategory);
  const isPercent = members[0].series.stack === "percent";
  const place = isPercent ? identity : placer(members[0].series.axis === "right" ? figure.right : figure.left);
  const maps = members.map(({ series }) => indexOf(series));
  const value = (member, x) => members[member].series.y[maps[member].get(x)] ?? 0;
  const totals = xs.map((x) => members.reduce((sum, _, member) => sum + Math.abs(value(member, x)), 0));
  const [up, down] = [xs.map(() => 0), xs.map(() => 0)];
  return members.map(({ series, index }, member) => {
    const [bases, tops] = [[], []];
    xs.forEach((x, at) => {
      const own = isPercent ? (totals[at] ? value(member, x) / totals[at] : 0) : value(member, x);
      const sums = own < 0 ? down : up;
      bases.push(place(sums[at]));
      sums[at] += own;
      tops.push(place(sums[at]));
    });
    return { series, index, xs, bases, tops, points: xs.map((x) => maps[member].get(x) ?? -1), group, isStacked: true, isPercent };
  });
}

/**
 * Where bars lie beside their x: `{ offset, width }` of a group by its number, in axis units (milliseconds for time, categories count as 1).
 * `null` when the page leaves it to the chart library (numbers without an interval).
 */
export function barPlace(figure, groups, group) {
  const unit = figure.x.kind === "time" ? figure.x.interval_ms : figure.x.kind === "category" ? 1 : numberStep(figure);
  if (!unit) return null;
  const used = figure.x.kind === "category" ? 0.8 : 0.94;
  const width = (unit * used) / groups.length;
  const start = figure.x.kind === "time" ? (unit * (1 - used)) / 2 : (-unit * used) / 2;
  return { offset: start + groups.indexOf(group) * width, width };
}

function numberStep(figure) {
  const xs = positions(figure.series.filter(({ type }) => type === "bar"), false);
  let step = Infinity;
  for (let at = 1; at < xs.length; at += 1) step = Math.min(step, xs[at] - xs[at - 1]);
  return Number.isFinite(step) ? step : 1;
}
