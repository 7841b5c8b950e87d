// Colours that stay readable: contrast by WCAG 2, and the nearest shade of a colour that reaches 4.5 to 1.

const TEXT_CONTRAST_MIN = 4.5;

/** `#rrggbb` or `#rgb` as three numbers of 0 to 255; anything else is `null`. */
export function parse(colour) {
  const long = /^#([0-9a-f]{6})/i.exec(colour ?? "");
  if (long) return [0, 2, 4].map((at) => parseInt(long[1].slice(at, at + 2), 16));
  const short = /^#([0-9a-f]{3})$/i.exec(colour ?? "");
  return short ? [...short[1]].map((digit) => parseInt(digit + digit, 16)) : null;
}

const hex = (rgb) => `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;

function luminance(rgb) {
  const [r, g, b] = rgb.map((part) => {
    const unit = part / 255;
    return unit <= 0.04045 ? unit / 12.92 : ((unit + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** Black or white, whichever reads better on `background`. */
export function textOn(background) {
  const rgb = parse(background) ?? [255, 255, 255];
  if (contrast(rgb, [16, 21, 28]) >= TEXT_CONTRAST_MIN) return "#10151c";
  return contrast(rgb, [0, 0, 0]) >= contrast(rgb, [255, 255, 255]) ? "#000000" : "#ffffff";
}

/** `colour` itself when it reads well on `background`, else the nearest lighter or darker shade that does. */
export function readable(colour, background) {
  const from = parse(colour);
  const under = parse(background) ?? parse(panelBackground());
  if (!from || contrast(from, under) >= TEXT_CONTRAST_MIN) return colour;
  const target = luminance(under) > 0.18 ? [0, 0, 0] : [255, 255, 255];
  for (let share = 0.05; share < 1; share += 0.05) {
    const shade = from.map((part, index) => part + (target[index] - part) * share);
    if (contrast(shade, under) >= TEXT_CONTRAST_MIN) return hex(shade);
  }
  return hex(target);
}

/** A colour with an opacity, for fills. */
export function withAlpha(colour, alpha) {
  const rgb = parse(colour) ?? [128, 128, 128];
  return `rgba(${rgb.join(",")},${alpha})`;
}

/** A custom property of the theme, by its name without the dashes. */
export const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const panelBackground = () => themed("panel");
