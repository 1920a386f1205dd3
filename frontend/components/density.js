// The density of the data and the model's uncertainty, drawn under a row, and a veil over the cells beyond the data.

import { make, penOf } from "./canvas.js";

const HEIGHT = 12;

/**
 * The curve under a row: `density` are heights from 0 to 1 over the whole width.
 * @param {import("./types.js").Row} data
 */
export function buildDensity({ density, data, title }) {
  const [low, high] = data;
  const words = `The data of ${title} lie between ${low.toFixed(1)} and ${high.toFixed(1)} σ`;
  const canvas = make("canvas", "dense", { role: "img", "aria-label": words, title: words });
  canvas.width = density.length;
  canvas.height = HEIGHT;
  const pen = penOf(canvas);
  pen.fillStyle = "#6a86c8";
  density.forEach((height, x) => pen.fillRect(x, HEIGHT * (1 - height), 1, HEIGHT * height));
  return canvas;
}

/**
 * A band of one shade per cell: a quarter where the model is as unsure as usual, full at four times as much.
 * @param {import("./types.js").Row} data
 */
export function buildDoubt({ doubt, title }) {
  if (!doubt || !doubt.length) return [];
  const [least, most] = [Math.min(...doubt), Math.max(...doubt)].map((value) => value.toFixed(1));
  const words = `Doubt about what follows, along ${title}: ${least} to ${most} times the usual`;
  const canvas = make("canvas", "doubt", { role: "img", "aria-label": words, title: words });
  canvas.width = doubt.length;
  canvas.height = 1;
  const pen = penOf(canvas);
  doubt.forEach((value, x) => {
    pen.fillStyle = `rgb(194 106 20 / ${shadeOf(value)})`;
    pen.fillRect(x, 0, 1, 1);
  });
  return [canvas];
}

/**
 * The share of the band that is filled for a doubt, which is a multiple of the usual one.
 * @param {number} times
 */
export const shadeOf = (times) => Math.min(1, Math.max(0, times / 4));

/**
 * Veils over the ends of a row that no frame of the data reaches.
 * @param {import("./types.js").Row} data
 */
export function buildBeyond({ data: [low, high], sigmas }) {
  const columns = sigmas.length;
  const step = columns > 1 ? (sigmas[columns - 1] - sigmas[0]) / (columns - 1) : 1;
  const share = (/** @type {number} */ sigma) => Math.min(1, Math.max(0, (sigma - sigmas[0] + step / 2) / (step * columns)));
  const veil = (/** @type {string} */ side, /** @type {number} */ width) => {
    const element = make("div", `beyond ${side}`, { title: "No frame of the data reaches here" });
    element.style.width = `${100 * width}%`;
    return element;
  };
  return [veil("lower", share(low)), veil("upper", 1 - share(high))].filter((element) => parseFloat(element.style.width) > 0);
}
