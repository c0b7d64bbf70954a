/** Tables whose rows stay the same elements while what they say changes: a reader's place and selection stay. */
import { h } from "../dom.js";

/** @typedef {import("./rows.js").Cell} Cell */

/**
 * @param {string} title
 * @param {{label: string, number?: boolean}[]} columns
 * @param {string} nothing what stands there without rows
 */
export function table(title, columns, nothing) {
  const body = h("tbody");
  const head = h("tr", {}, ...columns.map(({ label, number }) => h("th", { scope: "col", class: number && "number" }, label)));
  const whole = h("table", {}, h("thead", {}, head), body);
  const empty = h("p", { class: "nothing" }, nothing);
  const element = h("section", {}, h("h2", {}, title), whole, empty);
  /** @type {Map<string, {row: HTMLTableRowElement, shown: string}>} */
  const rows = new Map();

  /** @param {[string, Cell[]][]} wanted rows by what names them, in order */
  function show(wanted) {
    whole.hidden = wanted.length === 0;
    empty.hidden = !whole.hidden;
    const names = new Set(wanted.map(([name]) => name));
    for (const [name, { row }] of rows) {
      if (!names.has(name)) {
        row.remove();
        rows.delete(name);
      }
    }
    wanted.forEach(([name, cells], at) => {
      const shown = JSON.stringify(cells);
      const known = rows.get(name) ?? { row: h("tr"), shown: "" };
      rows.set(name, known);
      if (known.shown !== shown) {
        known.shown = shown;
        known.row.replaceChildren(...cells.map((cell, column) => cellOf(cell, columns[column])));
      }
      if (body.children[at] !== known.row) body.insertBefore(known.row, body.children[at] ?? null);
    });
  }
  show([]);
  return { element, show };
}

/** @param {Cell} cell @param {{label: string, number?: boolean}} column */
function cellOf(cell, { label, number }) {
  const text = cell.href ? h("a", { href: cell.href }, cell.text) : cell.text;
  const main = cell.state ? h("span", { class: "state", "data-state": cell.state }, text) : text;
  const small = cell.small ? [h("small", {}, cell.small)] : [];
  return h("td", { class: number && "number", "data-label": label }, main, ...small);
}
