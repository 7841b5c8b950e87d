// Small helpers for making elements, icons and popovers; text enters the page only as text.

const SVG = "http://www.w3.org/2000/svg";

/** An element; `props` are attributes, except `text`, `class`, `style` (an object) and `on` (listeners). */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "class") node.setAttribute("class", value);
    else if (name === "style") setStyle(node, value);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Sets CSS properties by their CSS names; `null` removes one. */
export function setStyle(node, style) {
  for (const [name, value] of Object.entries(style)) {
    if (value === null || value === undefined) node.style.removeProperty(name);
    else node.style.setProperty(name, String(value));
  }
}

/** Writes text only when it differs, so that a live page does not touch what stays. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const ICONS = {
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  expand: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  shrink: "M6 2v4H2M14 6h-4V2M10 14v-4h4M2 10h4v4",
  refresh: "M13.5 8a5.5 5.5 0 1 1-1.6-3.9M13.5 1.5V5H10",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M5 3l7 5-7 5z",
  inspect: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3L14 14",
  info: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 7.2V11M8 5v.2",
  warning: "M8 2.5L14.5 13.5h-13zM8 6.5v3.4M8 11.6v.2",
  empty: "M2.5 9.5L4.5 3h7l2 6.5V13h-11zM2.5 9.5H6l.8 1.5h2.4l.8-1.5h3.5",
  cross: "M4 4l8 8M12 4l-8 8",
  down: "M4 6l4 4 4-4",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8V8l2.4 1.6",
  copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  left: "M10 4L6 8l4 4",
  right: "M6 4l4 4-4 4",
  add: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5.2v5.6M5.2 8h5.6",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3L14 14",
};

/** A 16 px line icon, hidden from screen readers (its button carries the name). */
export function icon(name) {
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] ?? "" }));
}

/** A button that shows an icon only, named for screen readers and by its tooltip. */
export function iconButton(name, label, onclick) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: onclick } }, icon(name));
}

let count = 0;
export const nextId = (prefix) => `${prefix}-${++count}`;

/**
 * A popover under `button`: `build(box, close)` fills it each time it opens. Escape and a click outside close it,
 * and focus goes back to the button (the browser's own popover does both).
 */
export function popover(button, label, build, { onclose = null } = {}) {
  const box = el("div", { popover: "auto", class: "popover", role: "dialog", "aria-label": label, id: nextId("popover") });
  button.after(box);
  button.popoverTargetElement = box;
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");
  const place = () => placeNear(box, button.getBoundingClientRect());
  const close = () => box.hidePopover();
  box.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    box.replaceChildren();
    build(box, close);
  });
  box.addEventListener("toggle", (event) => {
    const isOpen = event.newState === "open";
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      place();
      (box.querySelector("[autofocus], input, button, select") ?? box).focus();
      window.addEventListener("resize", place);
    } else {
      window.removeEventListener("resize", place);
      onclose?.();
    }
  });
  return { box, close, place };
}

function placeNear(box, anchor) {
  const edge = 8;
  const width = box.offsetWidth;
  const left = Math.max(edge, Math.min(anchor.left, innerWidth - width - edge));
  const below = innerHeight - anchor.bottom - edge - 4;
  const isAbove = below < Math.min(box.scrollHeight, 260) && anchor.top > below;
  const room = isAbove ? anchor.top - edge - 4 : below;
  setStyle(box, { left: `${left}px`, "max-height": `${Math.max(120, room)}px` });
  if (isAbove) setStyle(box, { top: "auto", bottom: `${innerHeight - anchor.top + 4}px` });
  else setStyle(box, { bottom: "auto", top: `${anchor.bottom + 4}px` });
}

/** Says something to screen readers, politely. */
export function announce(text) {
  const status = document.getElementById("status");
  if (status) status.textContent = text;
}

/** Calls `act` once nothing has asked for it during `wait_ms`. */
export function debounce(wait_ms, act) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), wait_ms);
  };
}
