// When figures are asked for: at most one refresh under way, at most two a second, none while the tab is hidden.

import { liveUrl } from "./api.js";

const GAP_MS_MIN = 500;
const RECONNECT_MS = 3_000;

export class Refresher {
  /** `run(signal, isByReader)` does one refresh; `onlive(isConnected)` when the live stream comes or goes. */
  constructor(state, run, onlive) {
    Object.assign(this, { state, run, onlive, asked: null, isWaiting: false, startedMs: 0, timer: 0, every: 0, source: null, reconnect: 0, isGone: false });
    this.onvisible = () => this.setup();
    document.addEventListener("visibilitychange", this.onvisible);
    this.setup();
  }

  /** The reader asked: what is under way is out of date and given up. */
  now() {
    this.asked?.abort();
    this.asked = null;
    this.startedMs = 0;
    this.start(true);
  }

  /** Something changed: refresh as soon as the limits allow. */
  request() {
    this.isWaiting = true;
    if (this.asked || this.isGone || document.hidden || this.timer) return;
    const wait_ms = Math.max(0, this.startedMs + GAP_MS_MIN - performance.now());
    this.timer = setTimeout(() => this.start(false), wait_ms);
  }

  async start(isByReader) {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.isGone) return;
    this.isWaiting = false;
    this.startedMs = performance.now();
    const asked = (this.asked = new AbortController());
    await this.run(asked.signal, isByReader);
    if (this.asked !== asked) return;
    this.asked = null;
    if (this.isWaiting) this.request();
  }

  /** Interval and live stream as the state and the tab's visibility ask. */
  setup() {
    clearInterval(this.every);
    const isOn = !this.state.isPaused && !document.hidden && !this.isGone;
    if (!isOn) return this.disconnect();
    if (this.state.refreshMs) this.every = setInterval(() => this.request(), Math.max(GAP_MS_MIN, this.state.refreshMs));
    this.connect();
    // While hidden or paused changes went by unseen.
    if (this.startedMs) this.request();
  }

  connect() {
    if (this.source) return;
    const source = (this.source = new EventSource(liveUrl(this.state.id)));
    source.addEventListener("open", () => this.onlive(true));
    source.addEventListener("change", () => this.request());
    source.addEventListener("error", () => {
      this.onlive(false);
      // Most breaks the browser mends itself; an answer that is no stream it does not.
      if (source.readyState !== EventSource.CLOSED || this.source !== source) return;
      this.disconnect();
      this.reconnect = setTimeout(() => this.setup(), RECONNECT_MS);
    });
  }

  disconnect() {
    clearTimeout(this.reconnect);
    this.source?.close();
    this.source = null;
  }

  destroy() {
    this.isGone = true;
    this.asked?.abort();
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onvisible);
    this.setup();
  }
}
