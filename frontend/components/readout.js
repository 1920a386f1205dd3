// The words and numbers that the scrubber shows for the cell under the cursor.

import { clamp, make, signed } from "./canvas.js";

export const CLASS = "class"; // the unit where a latent is one of several classes

/**
 * Numbers of a cell: the readout, the head of the columns, and a description for screen readers.
 * @param {HTMLElement} root
 * @param {HTMLElement} strip
 * @param {import("./types.js").Row} row
 * @param {number} column
 * @param {import("./types.js").Atlas} data
 */
export function drawReadout(root, strip, row, column, { base, unit }) {
  /** @type {(selector: string) => any} */
  const find = (selector) => root.querySelector(selector);
  const sigma = row.sigmas[column];
  const words = `${row.title}, ${unit === CLASS ? valueOf(sigma, 1, unit) : `${signed(sigma, 1)} sigma`}`;
  strip.setAttribute("aria-valuenow", String(column + 1));
  strip.setAttribute("aria-valuetext", words);
  find(".picture").setAttribute("aria-label", `Decoded picture: ${words}`);
  find(".caption").textContent = captionOf(row, sigma, base, unit);
  find(".readout").replaceChildren(
    text("title", row.title), text("sub", row.note),
    ...numbersOf(row, column, base, unit),
  );
  find(".headlabel").textContent = unit;
  [...find(".values").children].forEach((head, index) => {
    head.textContent = unit === CLASS ? row.sigmas[index].toFixed(0) : signed(row.sigmas[index], 1);
    head.className = index === column ? "here" : "";
  });
}

/**
 * The caption of the large picture: the edit, and beside it the frame's own value or the value held instead.
 * @param {import("./types.js").Row} row
 * @param {number} sigma
 * @param {string} base
 * @param {string} [unit]
 */
export function captionOf(row, sigma, base, unit) {
  const [here, held, own] = [sigma, row.held?.sigma, row.frame?.sigma].map((value) => valueOf(value ?? 0, 1, unit));
  if (row.held) return `Edited to ${here}; held value ${held}`;
  return row.frame ? `Edited to ${here}; the ${base} lies at ${own}` : `Decoded at ${here}`;
}

/**
 * A value with its unit: `+0.2 σ`, or `class 17` where a latent is one of several classes.
 * @param {number} value
 * @param {number} digits
 * @param {string} [unit]
 */
export function valueOf(value, digits, unit) {
  return unit === CLASS ? `${CLASS} ${value.toFixed(0)}` : `${signed(value, digits)} σ`;
}

/**
 * @param {import("./types.js").Row} row
 * @param {number} column
 * @param {string} base
 * @param {string} unit
 */
function numbersOf(row, column, base, unit) {
  const [sigma, from] = [row.sigmas[column], base === "frame" ? "frame" : "prior"];
  if (unit === CLASS) return [number(CLASS, sigma.toFixed(0)), number(`of the ${from}`, row.frame ? row.frame.sigma.toFixed(0) : "none")];
  return [
    number("in σ", signed(sigma, 2)), number("latent value", signed(row.values[column], 2)),
    number(`from ${from}`, row.frame ? `${signed(sigma - row.frame.sigma, 2)} σ` : "none"),
  ];
}

/**
 * The column nearest to the row's frame, or to its held value.
 * @param {import("./types.js").Row} row
 * @param {number} columns
 */
export function homeColumn(row, columns) {
  const place = (row.held ?? row.frame)?.column ?? (columns - 1) / 2;
  return clamp(Math.round(place), 0, columns - 1);
}

/**
 * @param {string} className
 * @param {string} words
 */
function text(className, words) {
  const element = make("span", className);
  element.textContent = words;
  return element;
}

/**
 * @param {string} name
 * @param {string} value
 */
function number(name, value) {
  const element = make("span");
  const strong = make("b");
  strong.textContent = value;
  element.append(name, strong);
  return element;
}
