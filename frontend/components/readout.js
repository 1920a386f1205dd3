// What the scrubber says in words and numbers of the cell under the cursor.

import { clamp, make, signed } from "./canvas.js";

/**
 * Numbers of a cell: the readout, the head of the columns, and the words for those who cannot see the picture.
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
  const words = `${row.title}, ${signed(sigma, 1)} sigma`;
  strip.setAttribute("aria-valuenow", String(column + 1));
  strip.setAttribute("aria-valuetext", words);
  find(".picture").setAttribute("aria-label", `Decoded picture: ${words}`);
  find(".caption").textContent = captionOf(row, sigma, base);
  find(".readout").replaceChildren(
    text("title", row.title), text("sub", row.note),
    number("in σ", signed(sigma, 2)), number("latent value", signed(row.values[column], 2)),
    number(`from ${base === "frame" ? "frame" : "prior"}`, row.frame ? `${signed(sigma - row.frame.sigma, 2)} σ` : "none"),
  );
  find(".headlabel").textContent = unit;
  [...find(".values").children].forEach((head, index) => {
    head.textContent = signed(row.sigmas[index], 1);
    head.className = index === column ? "here" : "";
  });
}

/**
 * What the large picture shows: the edit, beside where the frame lies or the value that is held instead.
 * @param {import("./types.js").Row} row
 * @param {number} sigma
 * @param {string} base
 */
export function captionOf(row, sigma, base) {
  if (row.held) return `Edited to ${signed(sigma, 1)} σ; held value ${signed(row.held.sigma, 1)} σ`;
  return row.frame ? `Edited to ${signed(sigma, 1)} σ; the ${base} lies at ${signed(row.frame.sigma, 1)} σ` : `Decoded at ${signed(sigma, 1)} σ`;
}

/**
 * The column nearest to where the row's frame, or its held value, lies.
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
