// The history of a play: the film strip of its last steps, and its charts.

import { penOf } from "./canvas.js";
import { buildCurve, coloursOf } from "./curves.js";

const SHOWN = 48; // steps of the film strip
const CELL = 64;

/** @typedef {import("./types.js").Moment} Moment */

/**
 * Draw the film strip up to a step: the simulator above the model, and a line that marks what the model has seen.
 * @param {HTMLCanvasElement} film
 * @param {Moment[]} moments
 * @param {number} index
 */
export function drawFilm(film, moments, index) {
  const first = Math.max(0, Math.min(index - SHOWN + 1, moments.length - SHOWN));
  Object.assign(film, { width: SHOWN * CELL, height: 2 * CELL });
  const pen = penOf(film);
  moments.slice(first, first + SHOWN).forEach(({ real, model, looked }, place) => {
    pen.drawImage(real, place * CELL, 0, CELL, CELL);
    pen.drawImage(model, place * CELL, CELL, CELL, CELL);
    pen.fillStyle = looked ? "#2e9e5b" : "#d64545";
    pen.fillRect(place * CELL, 2 * CELL - 4, CELL, 4);
  });
}

/**
 * Charts of reward, value and difference, those that have numbers, with the cursor at a step.
 * @param {Moment[]} moments
 * @param {number} index
 * @param {string[]} palette
 */
export function chartsOf(moments, index, palette) {
  const steps = Math.max(moments.length, 12);
  const rewards = [{ name: "true", values: moments.map(({ reward }) => reward) }, { name: "model", values: moments.map((moment) => moment.predicted_reward) }];
  const all = [
    { title: "Reward", lines: rewards },
    { title: "Value", lines: [{ name: "model", values: moments.map(({ value }) => value) }] },
    { title: "Difference in grey levels", lines: [{ name: "model", values: moments.map(({ difference }) => difference) }] },
  ];
  return all
    .map(({ title, lines }) => ({ title, lines: lines.filter(({ values }) => values.some(Number.isFinite)) }))
    .filter(({ lines }) => lines.length)
    .map((chart) => {
      const curve = buildCurve(chart, { steps, context: steps - 1 }, coloursOf([chart], palette));
      curve.show(index);
      return curve.element;
    });
}

/**
 * A picture over the whole of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasImageSource} picture
 */
export function drawWhole(canvas, picture) {
  if (canvas.width !== CELL) canvas.width = canvas.height = CELL;
  const pen = penOf(canvas);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, 0, 0, CELL, CELL);
}
