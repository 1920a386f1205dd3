// A grid of shares: arrows move, Enter or a click chooses a cell, which the page then follows.

import { buildSwatch, clamp, make } from "./canvas.js";

/** @param {any} component */
export default function (component) {
  const table = component.parentElement.querySelector(".matrix");
  const version = JSON.stringify(component.data);
  table.choose = (/** @type {number} */ row, /** @type {number} */ column) => component.setTriggerValue("cell", { row, column });
  if (table.version === version) return;
  table.version = version;
  drawMatrix(table, component.data);
}

/**
 * @param {any} table
 * @param {import("./types.js").Matrix} data
 */
function drawMatrix(table, { rows, columns, name, leadsTo }) {
  const longest = Math.max(...columns.map((column) => column.length), 4);
  table.style.setProperty("--head", `${24 + 4.6 * longest}px`);
  table.style.marginRight = `${4 * longest}px`;
  table.setAttribute("aria-label", `${name} of dimensions and factors`);
  const head = make("tr");
  head.append(make("td"), ...columns.map((column) => headOf(column)));
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...rows.map((row, index) => rowOf(row, index, { columns, name, leadsTo }, table)));
  const buttons = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("button")]);
  buttons[0]?.[0] && (buttons[0][0].tabIndex = 0);
  table.onkeydown = (/** @type {any} */ event) => moveFocus(event, buttons);
}

/** @param {string} column */
function headOf(column) {
  const cell = make("th", "", { scope: "col" });
  const text = make("span");
  text.textContent = column;
  cell.append(text);
  return cell;
}

/**
 * @param {import("./types.js").Matrix["rows"][number]} row
 * @param {number} index
 * @param {Omit<import("./types.js").Matrix, "rows">} data
 * @param {any} table
 */
function rowOf(row, index, { columns, name, leadsTo }, table) {
  const element = make("tr");
  const head = make("th", "", { scope: "row" });
  const title = buttonOf(row.title, `${row.title}: ${leadsTo}`, () => table.choose(index, -1));
  if (row.colour) title.prepend(buildSwatch(row.colour));
  head.append(title);
  element.append(head);
  row.values.forEach((value, column) => {
    const beyond = value > row.least[column];
    const words = `${row.title}, ${columns[column]}: ${name} ${share(value, 2)}, ${beyond ? "beyond" : "within"} chance (${share(row.least[column], 2)})`;
    const button = buttonOf(value < 0.095 ? "" : share(value, 2), `${words}. ${leadsTo}`, () => table.choose(index, column));
    button.style.setProperty("--share", String(beyond ? clamp(value, 0, 1) : 0));
    button.classList.toggle("beyond", beyond);
    const cell = make("td");
    cell.append(button);
    element.append(cell);
  });
  return element;
}

/**
 * @param {string} text
 * @param {string} words
 * @param {() => void} onclick
 */
function buttonOf(text, words, onclick) {
  const button = make("button", "", { type: "button", tabindex: "-1", title: words, "aria-label": words });
  button.textContent = text;
  button.onclick = onclick;
  return button;
}

/**
 * Arrows, Home and End inside the grid; one stop for Tab.
 * @param {any} event
 * @param {HTMLButtonElement[][]} buttons
 */
function moveFocus(event, buttons) {
  const row = buttons.findIndex((line) => line.includes(event.target));
  if (row < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const column = buttons[row].indexOf(event.target);
  const last = buttons[row].length - 1;
  /** @type {Record<string, [number, number]>} */
  const places = {
    ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
    ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
    Home: [row, 0], End: [row, last],
  };
  const to = places[event.key];
  if (!to) return;
  event.preventDefault();
  const next = buttons[clamp(to[0], 0, buttons.length - 1)][clamp(to[1], 0, last)];
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

const share = (/** @type {number} */ value, /** @type {number} */ digits) => value.toFixed(digits).replace(/^0/, "");
