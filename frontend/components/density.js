// How dense the data lie along a row, drawn under it, and a veil over the cells that lie beyond all of the data.

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
