// The inspector: what a panel asked Elasticsearch and what came back, as JSON to read and copy.

import { figures } from "./api.js";
import { announce, el, icon, setText } from "./dom.js";

const SHOWN_LENGTH_MAX = 400_000;

export async function inspect(state, panel) {
  const content = el("div", { class: "inspect-content" }, el("p", { class: "wait", text: "Asking again, to show the search …" }));
  const close = el("button", { type: "button", class: "icon-button", "aria-label": "Close", autofocus: true, on: { click: () => dialog.close() } }, icon("cross"));
  const dialog = el("dialog", { class: "inspect", "aria-label": `Inspect ${panel.title}` }, el("header", {}, el("h2", { text: `Inspect: ${panel.title}` }), close), content);
  const asked = new AbortController();
  dialog.addEventListener("close", () => {
    asked.abort();
    dialog.remove();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  try {
    let line = null;
    await figures(state.id, state.body({ panels: [panel.spec.id], inspect: true }), asked.signal, (found) => {
      if (found.panel === panel.spec.id) line = found;
    });
    fill(content, line);
  } catch (error) {
    if (!asked.signal.aborted) content.replaceChildren(el("p", { class: "wait", text: `The search cannot be shown: ${error.message}` }));
  }
}

function fill(content, line) {
  content.replaceChildren();
  const searches = line?.searches ?? [];
  if (line) content.append(el("p", { class: "subdued", text: `${searches.length} ${searches.length === 1 ? "search" : "searches"}, ${line.took_ms} ms` }));
  if (line?.figure?.kind === "error") content.append(el("p", { class: "query-error", text: line.figure.message }));
  if (searches.length === 0) content.append(el("p", { class: "wait", text: "This panel asks nothing of Elasticsearch." }));
  searches.forEach((search, index) => {
    const name = searches.length > 1 ? ` ${index + 1}` : "";
    content.append(block(`Request${name}: POST /${search.index}/_search`, search.request, true), block(`Response${name}`, search.response, searches.length === 1));
  });
  if (line?.figure) content.append(block("Figure drawn from it", line.figure, false));
}

function block(title, value, isOpen) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const copy = el("button", { type: "button", class: "plain-button small" }, icon("copy"), el("span", { text: "Copy" }));
  copy.addEventListener("click", async () => {
    const isDone = await copyText(text);
    setText(copy.lastChild, isDone ? "Copied" : "Not copied");
    announce(isDone ? `${title} copied` : "The browser does not let the page copy");
    setTimeout(() => setText(copy.lastChild, "Copy"), 2_000);
  });
  const shown = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}\n… ${text.length.toLocaleString("en")} characters in all; copy takes them all` : text;
  const pre = el("pre", { tabindex: 0, text: shown, "aria-label": title });
  return el("details", { open: isOpen, class: "inspect-block" }, el("summary", { text: title }), el("div", { class: "inspect-tools" }, copy), pre);
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** For pages that are not served from this machine, where browsers withhold the clipboard. */
function copyBySelection(text) {
  const area = el("textarea", { class: "visually-hidden" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}
