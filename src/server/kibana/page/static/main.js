// The start of the page: routes, header, theme, full screen and the list of dashboards.

import * as api from "./api.js";
import { loadPlotly } from "./chart.js";
import { DashboardPage } from "./dashboard.js";
import { el, icon, iconButton } from "./dom.js";
import { readHash } from "./state.js";

const byId = (id) => document.getElementById(id);
const places = { bar: byId("bar"), controls: byId("controls"), main: byId("main"), updated: byId("updated"), notify };
let page = null;
let routes = 0;

function notify(text) {
  const notice = byId("notice");
  if (notice.textContent !== (text ?? "")) notice.textContent = text ?? "";
  notice.hidden = !text;
}

async function route() {
  const { id, params } = readHash(location.hash);
  if (page && page.dashboard.id === id) return location.hash === page.state.hash() ? undefined : page.state.follow(params);
  const turn = (routes += 1);
  page?.destroy();
  page = null;
  notify(null);
  try {
    if (id === null) await showList(turn);
    else await showDashboard(id, params, turn);
  } catch (error) {
    if (turn === routes) showFailure(error, id);
  }
}

async function showDashboard(id, params, turn) {
  const dashboard = await api.dashboard(id);
  if (turn !== routes) return;
  setTitle(dashboard.title);
  page = new DashboardPage(dashboard, params, places);
}

async function showList(turn) {
  const dashboards = await api.dashboards();
  if (turn !== routes) return;
  if (dashboards.length === 1 && location.hash !== "#/list") {
    history.replaceState(null, "", `#/view/${encodeURIComponent(dashboards[0].id)}`);
    return route();
  }
  clear("Dashboards");
  const link = ({ id, title, description }) => el("li", {}, el("a", { href: `#/view/${encodeURIComponent(id)}` }, el("strong", { text: title }), el("span", { class: "subdued", text: description ?? "" })));
  places.main.replaceChildren(dashboards.length
    ? el("ul", { class: "dashboards", "aria-label": "Dashboards" }, ...dashboards.map(link))
    : el("p", { class: "wait", text: "There is no dashboard yet. `stockdev dashboard import` brings one in." }));
}

function showFailure(error, id) {
  clear(error.status === 404 ? "Not found" : "Dashboards");
  const text = error.status === 404 ? `There is no dashboard ${id}: ${error.message}` : `The server did not answer as expected: ${error.message}`;
  const again = el("button", { type: "button", class: "primary-button", text: "Try again", on: { click: route } });
  places.main.replaceChildren(el("div", { class: "message is-error is-page", role: "alert" }, icon("warning"), el("p", { text }), el("p", {}, again, " ", el("a", { href: "#/list", text: "All dashboards" }))));
}

function clear(title) {
  setTitle(title);
  places.bar.hidden = true;
  places.controls.hidden = true;
}

function setTitle(title) {
  byId("title").textContent = title;
  byId("title").title = title;
  document.title = `${title} · stockdev`;
}

function themeButton() {
  const root = document.documentElement;
  const button = iconButton("moon", "", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("stockdev-theme", theme);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    setTheme(theme);
  });
  const show = () => {
    const isDark = root.dataset.theme === "dark";
    button.replaceChildren(icon(isDark ? "sun" : "moon"));
    button.title = isDark ? "Light theme" : "Dark theme";
    button.setAttribute("aria-label", button.title);
  };
  const setTheme = (theme) => {
    root.dataset.theme = theme;
    show();
    page?.redraw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("stockdev-theme");
    } catch {
      // As above.
    }
    if (!chosen) setTheme(matches ? "dark" : "light");
  });
  show();
  return button;
}

function fullScreenButton() {
  const button = iconButton("expand", "Full screen", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.().catch(() => notify("The browser does not allow full screen here."));
  });
  document.addEventListener("fullscreenchange", () => {
    const isFull = !!document.fullscreenElement;
    document.body.classList.toggle("is-full-screen", isFull);
    button.replaceChildren(icon(isFull ? "shrink" : "expand"));
    button.title = isFull ? "Leave full screen" : "Full screen";
    button.setAttribute("aria-label", button.title);
  });
  return button;
}

byId("top-actions").append(themeButton(), fullScreenButton());
// The skip link's own address would be taken for a route.
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault();
  places.main.focus();
});
// Back, forward and links; a link may fire both, and the second finds the page there already.
window.addEventListener("popstate", route);
window.addEventListener("hashchange", route);
route();
// The chart library is large: it comes after the first paint, while the first answer is under way.
requestAnimationFrame(() => setTimeout(() => loadPlotly().catch(() => {})));
