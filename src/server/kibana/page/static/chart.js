// A plotly chart in an element: loads plotly.js once, draws without flicker, hands on hover, click and zoom, leaves nothing behind.

import { themed } from "./colour.js";

const CONFIG = { displayModeBar: false, displaylogo: false, responsive: false, doubleClick: false, scrollZoom: false, showTips: false, showAxisDragHandles: false, showAxisRangeEntryBoxes: false, plotlyServerURL: "", topojsonURL: "" };

let loading = null;

/** plotly.js, fetched when the first chart needs it and after the page's first paint. */
export function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/static/plotly.js";
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = null;
      reject(new Error("the chart library (/static/plotly.js) could not be loaded"));
    };
    document.head.append(script);
  });
  return loading;
}

/** Text as plotly shows it: its own small markup is taken from no data. */
export const plain = (text) => String(text ?? "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** The same, cut to a length. */
export const short = (text, length_max) => plain(String(text).length > length_max ? `${String(text).slice(0, length_max - 1)}…` : text);

export const fontFamily = () => getComputedStyle(document.body).fontFamily;

/** What all charts share. */
export function baseLayout(width, height) {
  return {
    width, height, autosize: false, showlegend: false, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 10, t: 8, b: 8, pad: 0 }, font: { family: fontFamily(), size: 11, color: themed("subdued") },
    hoverdistance: 40, spikedistance: -1, modebar: { remove: [] },
  };
}

/** What all axes share. */
export function baseAxis({ title, showsLabels = true, showsGrid = true }) {
  return {
    title: title ? { text: plain(title), font: { size: 11, color: themed("text") }, standoff: 8 } : undefined,
    automargin: true, fixedrange: true, showgrid: showsGrid, gridcolor: themed("grid"), zeroline: false, showline: false,
    showticklabels: showsLabels, ticks: "", ticklabelstandoff: 4, tickfont: { size: 11, color: themed("subdued") },
  };
}

let queue = Promise.resolve();

/** One drawing a task, so that scrolling and typing get their turn between the charts of a refresh. */
function inTurn(draw) {
  const turn = queue.then(() => new Promise((resolve) => setTimeout(resolve))).then(draw);
  queue = turn.catch(() => {});
  return turn;
}

export class Chart {
  /** `listeners`: any of `hover`, `unhover`, `click`, `relayout`, each with plotly's event. */
  constructor(host, listeners) {
    Object.assign(this, { host, listeners, make: null, isBusy: false, isHeld: false, isGone: false, isBound: false, isSeen: true, isScrolled: false, size: "" });
    this.watch = new IntersectionObserver((entries) => this.see(entries.at(-1).isIntersecting), { rootMargin: "200px" });
    this.watch.observe(host);
    host.addEventListener("pointerdown", () => this.hold());
  }

  /** Draws `make(width, height)` (`{ data, layout }`, `null` for nothing); while a drawing is under way only the last one waits. */
  async draw(make) {
    this.make = make;
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      const Plotly = await loadPlotly();
      while (this.isDue) await inTurn(() => this.drawOnce(Plotly));
    } finally {
      this.isBusy = false;
    }
  }

  /** Out of sight only the first drawing is done; later ones wait until the chart is near the window again. */
  get isDue() {
    return this.make !== null && !this.isHeld && !this.isGone && (this.isSeen || !this.isBound);
  }

  see(isSeen) {
    this.isSeen = isSeen;
    if (this.isDue) this.draw(this.make);
  }

  async drawOnce(Plotly) {
    if (!this.isDue) return;
    const { clientWidth: width, clientHeight: height } = this.host;
    const make = this.make;
    this.make = null;
    if (width < 20 || height < 20) return;
    const { data, layout } = make(width, height);
    // A hover line drawn for another size would stay behind.
    if (this.isBound && this.size !== `${width} ${height}`) Plotly.Fx.unhover(this.host);
    this.size = `${width} ${height}`;
    await Plotly.react(this.host, data, layout, CONFIG);
    if (!this.isBound) this.bind();
  }

  bind() {
    this.isBound = true;
    for (const [name, listener] of Object.entries(this.listeners)) this.host.on(`plotly_${name}`, (event) => (name === "click" && this.isScrolled ? undefined : listener(event)));
  }

  /** While a pointer drags in the chart a redraw would end the drag, so it waits. */
  hold() {
    this.isHeld = true;
    this.isScrolled = false;
    const release = (event) => {
      // The browser took the touch for scrolling; plotly would call its end a click.
      this.isScrolled = event.type === "pointercancel";
      window.removeEventListener("pointerup", release);
      window.removeEventListener("pointercancel", release);
      // Plotly's own handlers of the same event come first.
      setTimeout(() => {
        this.isHeld = false;
        if (this.isDue) this.draw(this.make);
      });
    };
    window.addEventListener("pointerup", release);
    window.addEventListener("pointercancel", release);
  }

  destroy() {
    this.isGone = true;
    this.watch.disconnect();
    if (this.isBound) window.Plotly?.purge(this.host);
    this.host.remove();
  }
}
