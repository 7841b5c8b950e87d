// Time ranges in words, dates in the browser's zone, and the way from them to plotly's axis and back.

export const QUICK_RANGES = [
  ["now-15m", "now", "Last 15 minutes"],
  ["now-30m", "now", "Last 30 minutes"],
  ["now-1h", "now", "Last 1 hour"],
  ["now-4h", "now", "Last 4 hours"],
  ["now-7h", "now", "Last 7 hours"],
  ["now-24h", "now", "Last 24 hours"],
  ["now-7d", "now", "Last 7 days"],
  ["now-30d", "now", "Last 30 days"],
  ["now-90d", "now", "Last 90 days"],
  ["now-1y", "now", "Last 1 year"],
  ["now/d", "now/d", "Today"],
  ["now/w", "now/w", "This week"],
];

export const UNITS = [["s", "seconds"], ["m", "minutes"], ["h", "hours"], ["d", "days"], ["w", "weeks"], ["M", "months"], ["y", "years"]];

const dateFormat = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", year: "numeric" });
const clockFormat = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const secondsFormat = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

const two = (number) => String(number).padStart(2, "0");

/** `HH:mm:ss` of now. */
export const clock = (ms) => secondsFormat.format(ms);

/** `Nov 24, 2026 10:05`, with seconds when there are any. */
export function moment(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  return `${dateFormat.format(date)} ${date.getSeconds() ? secondsFormat.format(date) : clockFormat.format(date)}`;
}

/** The bucket that begins at `ms`, in words. */
export function bucket(ms, interval_ms) {
  if (!interval_ms) return moment(ms);
  const end = ms + interval_ms;
  if (interval_ms >= 86_400_000) return interval_ms > 86_400_000 ? `${dateFormat.format(ms)} to ${dateFormat.format(end - 1)}` : dateFormat.format(ms);
  const format = interval_ms % 60_000 ? secondsFormat : clockFormat;
  return `${dateFormat.format(ms)} ${format.format(ms)} to ${format.format(end)}`;
}

/** A range of date math or instants in words. */
export function rangeLabel(from, to) {
  const quick = QUICK_RANGES.find(([start, end]) => start === from && end === to);
  if (quick) return quick[2];
  const last = /^now-(\d+)([smhdwMy])$/.exec(from);
  const unit = last && UNITS.find(([letter]) => letter === last[2]);
  if (unit && to === "now") return `Last ${last[1]} ${last[1] === "1" ? unit[1].slice(0, -1) : unit[1]}`;
  const [start, end] = [instant(from), instant(to)];
  if (start !== null && end !== null && dateFormat.format(start) === dateFormat.format(end)) {
    return `${moment(start)} to ${moment(end).slice(dateFormat.format(end).length + 1)}`;
  }
  return `${start === null ? from : moment(start)} to ${end === null ? to : moment(end)}`;
}

/** Milliseconds of an ISO date or of epoch milliseconds; `null` for date math. */
export function instant(text) {
  if (/^\d{11,}$/.test(text)) return Number(text);
  // What else `Date.parse` reads a date from, the server does not.
  const ms = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** Whether the range ends at a moving `now`. */
export const isMoving = (to) => to.startsWith("now");

/** For an `<input type="datetime-local">`. */
export function inputValue(ms) {
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** An instant in plotly's own reckoning, where a wall clock's time counts as UTC. */
export const wallMs = (ms) => ms - new Date(ms).getTimezoneOffset() * 60_000;

/** The same as text, which plotly takes as it stands (numbers it would shift once more). */
export const toAxis = (ms) => new Date(wallMs(ms)).toISOString().slice(0, 23);

/** The instant of a position that plotly gives back: a wall clock's time, `2026-11-24 05:30:12.1234` or shorter. */
export function fromAxis(text) {
  const date = new Date(`${text.replace(" ", "T")}${text.includes(":") ? "" : "T00:00"}Z`);
  const wall = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()];
  return new Date(...wall).getTime();
}
