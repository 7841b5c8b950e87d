// One dashboard on the page: its bar, controls and panels, and the refresh that fills them.

import { ApiError, figures } from "./api.js";
import { drawControls } from "./controls.js";
import { announce, el, setText } from "./dom.js";
import { Fields } from "./fields.js";
import { filterPills } from "./filter_pills.js";
import { layOut } from "./grid.js";
import { inspect } from "./inspect.js";
import { Panel } from "./panel.js";
import { queryBar } from "./query_bar.js";
import { Refresher } from "./refresh.js";
import { State } from "./state.js";
import { clock } from "./time.js";
import { timePicker } from "./time_picker.js";

const QUIET_FIELDS = new Set(["refreshMs", "isPaused"]);

export class DashboardPage {
  constructor(dashboard, params, places) {
    Object.assign(this, { dashboard, places, maximised: null, range: { from: Date.now() - 900_000, to: Date.now() } });
    this.state = new State(dashboard, params);
    history.replaceState(null, "", this.state.hash());
    this.closed = new Set((dashboard.sections ?? []).flatMap((section, index) => (section.is_collapsed ? [index] : [])));
    this.context = {
      addFilters: (filters) => this.addFilters(filters),
      setTime: (start, end) => this.state.set({ from: new Date(start).toISOString(), to: new Date(end).toISOString() }),
      inspect: (panel) => inspect(this.state, panel),
      maximise: (panel) => this.maximise(panel === this.maximised ? null : panel),
    };
    this.panels = new Map(dashboard.panels.map((spec) => [spec.id, new Panel(spec, this.context, dashboard.hide_titles)]));
    this.drawBar();
    drawControls(places.controls, dashboard, this.state, () => this.range);
    this.drawPanels();
    this.refresher = new Refresher(this.state, (signal, isByReader) => this.refresh(signal, isByReader), (isConnected) => this.setLive(isConnected));
    this.state.addEventListener("change", (event) => this.changed(event.detail));
    this.onkey = (event) => event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open], [popover]:popover-open") && this.maximise(null);
    document.addEventListener("keydown", this.onkey);
    this.refresher.now();
  }

  drawBar() {
    const { bar } = this.places;
    this.query = queryBar(this.state, new Fields(this.dashboard.id));
    this.picker = timePicker(this.state, { shown: () => this.range, refresh: () => this.refresher.now() });
    bar.replaceChildren(this.query.root, this.picker, filterPills(this.state));
    bar.hidden = false;
  }

  drawPanels() {
    const { main } = this.places;
    layOut(main, this.dashboard, [...this.panels.values()], (section, isOpen) => {
      if (!isOpen) return this.closed.add(section);
      this.closed.delete(section);
      this.refresher.now();
    });
    const warnings = this.dashboard.warnings ?? [];
    if (warnings.length) main.prepend(el("details", { class: "warnings" }, el("summary", { text: `${warnings.length} ${warnings.length === 1 ? "thing" : "things"} of this dashboard could not be taken over` }), el("ul", {}, ...warnings.map((text) => el("li", { text })))));
    if (this.panels.size === 0) main.append(el("p", { class: "wait", text: "This dashboard has no panels." }));
  }

  addFilters(filters) {
    const words = this.state.addFilters(filters);
    if (words) announce(`Filter added: ${words}`);
  }

  changed(fields) {
    if (fields.some((field) => QUIET_FIELDS.has(field))) this.refresher.setup();
    if (fields.includes("isPaused")) announce(this.state.isPaused ? "Refreshing is paused" : "Refreshing goes on");
    if (fields.some((field) => !QUIET_FIELDS.has(field))) this.refresher.now();
  }

  /** Panels of open sections; `null` asks for all. The forecast is asked for in any case: it may be there now. */
  wanted() {
    const all = [...this.panels.values()];
    const open = all.filter(({ spec }) => !this.closed.has(spec.section));
    const ids = new Set(open.map(({ spec }) => spec.id));
    if (this.dashboard.forecast) ids.add(this.dashboard.forecast.id);
    return { list: open, ids: open.length === all.length ? null : [...ids] };
  }

  async refresh(signal, isByReader) {
    const { list, ids } = this.wanted();
    const missing = new Set(list);
    if (isByReader) list.forEach((panel) => panel.wait());
    try {
      await figures(this.dashboard.id, this.state.body({ panels: ids }), signal, (line) => {
        if (!signal.aborted) this.line(line, missing);
      });
      if (signal.aborted) return;
      for (const panel of missing) this.isForecast(panel.spec.id) ? this.dropForecast() : panel.fail("the server sent no answer for this panel");
      this.settle(isByReader);
    } catch (error) {
      if (!signal.aborted) this.failed(error, list);
    }
  }

  line(line, missing) {
    if (line.range) {
      this.range = line.range;
      return;
    }
    const panel = this.panels.get(line.panel) ?? this.addForecast(line);
    if (!panel) return;
    missing.delete(panel);
    panel.show(line.figure);
  }

  isForecast(id) {
    return id === this.dashboard.forecast?.id;
  }

  /** The panel that is there only while there are forecasts, below all others. An error is none of its own before that. */
  addForecast(line) {
    if (!this.isForecast(line.panel) || line.figure.kind === "error") return null;
    const panel = new Panel(this.dashboard.forecast, this.context, this.dashboard.hide_titles);
    this.panels.set(line.panel, panel);
    this.places.main.append(el("div", { class: "below" }, panel.root));
    return panel;
  }

  dropForecast() {
    const panel = this.panels.get(this.dashboard.forecast.id);
    if (panel === this.maximised) this.maximise(null);
    this.panels.delete(panel.spec.id);
    const place = panel.root.parentElement;
    panel.destroy();
    place.remove();
  }

  settle(isByReader) {
    this.query.showError(null);
    this.places.notify(null);
    setText(this.places.updated, `Updated ${clock(Date.now())}`);
    if (isByReader) announce(`Dashboard refreshed, ${this.panels.size} panels`);
  }

  failed(error, list) {
    list.forEach((panel) => (panel.figure ? panel.rest() : panel.fail("no answer yet", error.message)));
    if (error instanceof ApiError && error.status === 400) return this.query.showError(error.message);
    const isAway = !(error instanceof ApiError);
    this.places.notify(isAway ? "The server cannot be reached; what is shown may be out of date. Trying again." : `The refresh failed: ${error.message}`);
    if (isAway) setTimeout(() => this.refresher.request(), 2_000);
  }

  setLive(isConnected) {
    this.picker.dataset.live = String(isConnected);
  }

  maximise(panel) {
    if (panel === this.maximised) return;
    const last = this.maximised;
    this.maximised = panel;
    last?.setMaximised(false);
    panel?.setMaximised(true);
    document.body.classList.toggle("has-maximised", !!panel);
    (panel ?? last).maximiseButton.focus();
  }

  redraw() {
    for (const panel of this.panels.values()) panel.redraw();
  }

  destroy() {
    this.refresher.destroy();
    document.removeEventListener("keydown", this.onkey);
    document.body.classList.remove("has-maximised");
    for (const panel of this.panels.values()) panel.destroy();
    this.places.bar.replaceChildren();
    this.places.controls.replaceChildren();
    setText(this.places.updated, "");
  }
}
