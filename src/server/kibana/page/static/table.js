// A table of the data: sorting, pages, a head that stays, cells that filter, and a short tint where a number moved.

import { el, icon, nextId, setStyle, setText } from "./dom.js";
import { contrast, parse, readable, textOn, themed } from "./colour.js";

const PAGE_SIZE_MAX = 200;
/** Longer texts wrap. */
const LINE_LENGTH_MAX = 28;

export class Table {
  constructor(body, context) {
    Object.assign(this, { context, page: 0, sort: undefined, before: new Map() });
    this.table = el("table", { "aria-label": context.title });
    this.scroll = el("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": `${context.title}, scrolls` }, this.table);
    this.pager = el("div", { class: "pager" });
    this.root = el("div", { class: "table-figure", id: nextId("table") }, this.scroll, this.pager);
    body.append(this.root);
  }

  update(figure) {
    this.figure = figure;
    this.redraw();
  }

  redraw() {
    const { figure } = this;
    if (!figure) return;
    const sort = this.sort === undefined ? figure.sort : this.sort;
    const rows = sorted(figure, sort);
    const size = Math.min(figure.page_size ?? PAGE_SIZE_MAX, PAGE_SIZE_MAX);
    const pages = Math.max(1, Math.ceil(rows.length / size));
    this.page = Math.min(this.page, pages - 1);
    const headKey = JSON.stringify([figure.columns, sort, figure.summary?.length]);
    if (headKey !== this.headKey) {
      this.headKey = headKey;
      this.table.replaceChildren(columnWidths(figure), this.head(figure, sort), el("tbody"), el("tfoot"));
    }
    this.body(rows.slice(this.page * size, (this.page + 1) * size));
    this.table.tFoot.replaceChildren(...summaryRow(figure));
    this.drawPager(rows.length, size, pages);
    this.remember(figure);
  }

  head(figure, sort) {
    const head = el("thead");
    if (figure.columns.some(({ group }) => group)) head.append(groupRow(figure.columns));
    const row = el("tr");
    for (const column of figure.columns) {
      const direction = sort?.column === column.id ? sort.direction : null;
      const mark = el("span", { class: `sort-mark${direction ? ` is-${direction}` : ""}`, "aria-hidden": "true" }, icon("down"));
      const button = el("button", { type: "button", class: "sort", title: `${column.title}: sort`, on: { click: () => this.turn(column, direction) } }, el("span", { text: column.title }), mark);
      row.append(el("th", { scope: "col", class: `is-${column.align}`, "aria-sort": direction ? `${direction}ending` : "none", "data-column": column.id }, button));
    }
    head.append(row);
    return head;
  }

  /** One click after another: descending first for numbers, then the other way, then as the server sent it. */
  turn(column, direction) {
    const [first, second] = column.is_numeric ? ["desc", "asc"] : ["asc", "desc"];
    this.sort = direction === null ? { column: column.id, direction: first } : direction === first ? { column: column.id, direction: second } : null;
    this.page = 0;
    this.redraw();
    [...this.table.tHead.querySelectorAll("th")].find((cell) => cell.dataset.column === column.id)?.querySelector("button").focus();
  }

  /** Rows and cells are kept and changed in place, so that focus, selection and scroll stay where they are. */
  body(rows) {
    const body = this.table.tBodies[0];
    while (body.rows.length > rows.length) body.lastElementChild.remove();
    rows.forEach((cells, at) => {
      const row = body.rows[at] ?? body.appendChild(el("tr"));
      while (row.cells.length > cells.length) row.lastElementChild.remove();
      cells.forEach((cell, index) => this.cell(row.cells[index] ?? row.appendChild(el("td")), cell, index, cells));
    });
  }

  cell(node, cell, index, cells) {
    const column = this.figure.columns[index];
    node.className = `is-${column?.align ?? "left"}${cell.text.length > LINE_LENGTH_MAX ? " is-long" : ""}`;
    this.content(node, cell);
    const background = cell.background ?? null;
    const under = background ?? themed("panel");
    setStyle(node, { background, color: cellColour(cell, background, under) });
    const before = this.before.get(`${cells[0].text} ${index}`);
    if (!background && column?.is_numeric && index > 0 && typeof before === "number" && typeof cell.raw === "number" && before !== cell.raw) tint(node, cell.raw > before);
  }

  content(node, cell) {
    let inner = node.firstElementChild;
    const tag = cell.filter ? "BUTTON" : "SPAN";
    if (inner?.tagName !== tag) {
      inner = cell.filter ? el("button", { type: "button", class: "cell-button" }) : el("span");
      node.replaceChildren(inner);
    }
    setText(inner, cell.text);
    inner.title = cell.filter ? `Filter for ${cell.text}` : cell.text;
    inner.onclick = cell.filter ? () => this.context.addFilters([cell.filter]) : null;
  }

  /** What each row (named by its first cell) shows, to tint what moves next. */
  remember(figure) {
    this.before = new Map();
    for (const cells of figure.rows.slice(0, 1_000)) cells.forEach((cell, index) => index > 0 && this.before.set(`${cells[0].text} ${index}`, cell.raw));
  }

  drawPager(count, size, pages) {
    this.pager.hidden = pages < 2;
    if (pages < 2) return;
    const go = (page) => () => {
      this.page = page;
      this.redraw();
      this.scroll.scrollTop = 0;
    };
    const button = (name, text, page, isOff) => el("button", { type: "button", class: "icon-button", "aria-label": text, disabled: isOff, "data-page": name, on: { click: go(page) } }, icon(name));
    const focused = this.pager.contains(document.activeElement) ? document.activeElement.dataset.page : null;
    const first = this.page * size;
    this.pager.replaceChildren(
      el("span", { class: "subdued", text: `${(first + 1).toLocaleString("en")} to ${Math.min(first + size, count).toLocaleString("en")} of ${count.toLocaleString("en")}` }),
      button("left", "Previous page", this.page - 1, this.page === 0), button("right", "Next page", this.page + 1, this.page === pages - 1),
    );
    if (focused) this.pager.querySelector(`[data-page="${focused}"]`)?.focus();
  }

  destroy() {
    this.root.remove();
  }
}

function cellColour(cell, background, under) {
  if (!background) return cell.color ? readable(cell.color, under) : null;
  const [own, back] = [parse(cell.color), parse(background)];
  return own && back && contrast(own, back) >= 4.5 ? cell.color : textOn(background);
}

function tint(node, isUp) {
  node.getAnimations().forEach((animation) => animation.cancel());
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  node.animate([{ backgroundColor: themed(isUp ? "up-tint" : "down-tint") }, {}], { duration: 900, easing: "ease-out" });
}

function sorted({ rows, columns }, sort) {
  const index = sort ? columns.findIndex(({ id }) => id === sort.column) : -1;
  if (index < 0) return rows;
  const sign = sort.direction === "desc" ? -1 : 1;
  const isNone = (raw) => raw === null || raw === undefined;
  return [...rows].sort((a, b) => {
    const [one, other] = [a[index]?.raw, b[index]?.raw];
    // What has no value stays at the end, whichever way.
    if (isNone(one) || isNone(other)) return Number(isNone(one)) - Number(isNone(other));
    return sign * (typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true }));
  });
}

const columnWidths = ({ columns }) => el("colgroup", {}, ...columns.map(({ width }) => el("col", width ? { style: { width: `${width}px` } } : {})));

function groupRow(columns) {
  const row = el("tr", { class: "group-row" });
  for (let at = 0; at < columns.length; ) {
    let end = at + 1;
    while (end < columns.length && columns[end].group === columns[at].group) end += 1;
    row.append(columns[at].group ? el("th", { scope: "colgroup", colspan: end - at, text: columns[at].group }) : el("td", { colspan: end - at }));
    at = end;
  }
  return row;
}

function summaryRow({ summary, columns }) {
  if (!summary?.length) return [];
  const cells = columns.map((column) => {
    const found = summary.find((entry) => entry.column === column.id);
    return el("td", { class: `is-${column.align}` }, ...(found ? [el("span", { class: "subdued", text: `${found.label}: ` }), found.text] : []));
  });
  return [el("tr", {}, ...cells)];
}
