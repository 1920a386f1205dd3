// One row of the grid: label with its KL bar, the strip of cells with its marks, and the footprint.

import { buildSwatch, clamp, drawCell, make, penOf, signed } from "./canvas.js";
import { CLASS, homeColumn, valueOf } from "./readout.js";
import { buildBeyond, buildDensity, buildDoubt } from "./density.js";

const FULL_KL = 5; // nats of a full bar, in every view, so that bars can be compared

/**
 * Build the row of a dimension from the atlas and the heat pictures.
 * @param {import("./types.js").Row} data
 * @param {{ atlas: CanvasImageSource, heat: CanvasImageSource, sliders: import("./sliders.js").Sliders, data: import("./types.js").Atlas }} data
 */
export function buildRow(data, { atlas, heat, sliders, data: { cell, columns, base, unit } }) {
  const element = make("div", "row");
  const home = homeColumn(data, columns);
  const strip = make("div", "strip", {
    role: "slider", tabindex: "-1", "aria-label": `${data.title}, value`, "aria-valuemin": "1", "aria-valuemax": String(columns),
    "aria-valuenow": String(home + 1), "aria-valuetext": `${data.title}, ${valueOf(data.sigmas[home], 1, unit).replace("σ", "sigma")}`,
  });
  const canvas = make("canvas", "", { "aria-hidden": "true" });
  canvas.width = columns * cell;
  canvas.height = cell;
  const [width, top] = [columns * cell, data.row * cell];
  penOf(canvas).drawImage(atlas, 0, top, width, cell, 0, 0, width, cell);
  const cursor = make("div", "mark cursor");
  cursor.style.width = `${100 / columns}%`;
  strip.append(canvas, cursor, ...buildBeyond(data), ...buildMarks(data, columns, base, unit));
  const axis = make("div", "axis");
  axis.append(buildDensity(data), sliders.build(data, canvas));
  element.append(buildLabel(data), buildNumbered(strip, axis, data, unit), buildPrint(data, heat, cell));
  return { data, element, strip, cursor };
}

/**
 * The marks of the frame and of a held value in the row: a line, or an arrow beyond an end.
 * @param {import("./types.js").Row} data
 * @param {number} columns
 * @param {string} base
 * @param {string} unit
 */
function buildMarks({ frame, held }, columns, base, unit) {
  const place = (/** @type {import("./types.js").Mark} */ mark, /** @type {string} */ kind, /** @type {string} */ words) => {
    const share = (mark.column + 0.5) / columns;
    const element = make("div", `lies ${kind}`, { title: `${words}, ${valueOf(mark.sigma, 2, unit)}` });
    element.style.left = `${100 * clamp(share, 0, 1)}%`;
    if (share < 0) element.classList.add("below");
    if (share > 1) element.classList.add("above");
    return element;
  };
  return [...(frame ? [place(frame, "own", `the ${base}`)] : []), ...(held ? [place(held, "holding", "held value")] : [])];
}

/**
 * The strip; below it the density of the data with a slider, and the values of its cells, which are shown on demand.
 * @param {HTMLElement} strip
 * @param {HTMLElement} axis
 * @param {import("./types.js").Row} data
 * @param {string} unit
 */
function buildNumbered(strip, axis, data, unit) {
  const box = make("div");
  const numbers = make("div", "cells", { "aria-hidden": "true" });
  numbers.append(...data.sigmas.map((value) => Object.assign(make("span"), { textContent: unit === CLASS ? value.toFixed(0) : signed(value, 1) })));
  box.append(strip, ...buildDoubt(data), axis, numbers);
  return box;
}

/**
 * @param {import("./types.js").Row} data
 * @param {CanvasImageSource} heat
 * @param {number} cell
 */
function buildPrint(data, heat, cell) {
  const box = make("div", "footbox");
  const print = make("canvas", "print", { role: "img", "aria-label": `Where ${data.title} changes the picture` });
  drawCell(print, heat, cell, 0, data.row);
  const change = make("span", "change", { title: "Largest change of a pixel along the row, as a share of the range of colours" });
  change.textContent = data.change.toFixed(2);
  box.append(print, change);
  return box;
}

/** @param {import("./types.js").Row} data */
function buildLabel(data) {
  const label = make("div", "label");
  const name = make("div", "name");
  name.textContent = name.title = data.title;
  name.prepend(buildSwatch(data.colour));
  const words = `KL ${data.kl.toFixed(2)} nats; a full bar is ${FULL_KL}`;
  const bar = make("span", "bar", { role: "img", "aria-label": words, title: words });
  const fill = make("i");
  bar.append(fill);
  fill.style.width = `${Math.min(100, (100 * data.kl) / FULL_KL)}%`;
  const facts = make("div", "kl");
  facts.textContent = data.facts;
  label.append(name, bar, facts);
  return label;
}

/**
 * A button that releases a held value.
 * @param {{ text: string }} data
 * @param {() => void} release
 */
export function buildChip({ text }, release) {
  const chip = make("button", "", { type: "button", "aria-label": `Let go of ${text}` });
  chip.textContent = `${text}  ×`;
  chip.onclick = release;
  return chip;
}
