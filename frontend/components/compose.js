// Several dimensions moved at once: the browser adds up the change of each row until the model's own picture arrives.

import { clamp } from "./canvas.js";

/**
 * Add to `sum` the difference between a row's picture at a place and the base, pixel by pixel; all are RGBA.
 * @param {Float32Array} sum of one cell
 * @param {Uint8ClampedArray} strip a row of `columns` cells beside each other
 * @param {Uint8ClampedArray} base one cell
 * @param {{ cell: number, columns: number }} size in pixels, and in cells
 * @param {number} place 0 is the first column; between two columns both are mixed
 */
export function addChange(sum, strip, base, { cell, columns }, place) {
  const at = clamp(place, 0, columns - 1);
  const left = Math.min(Math.floor(at), Math.max(0, columns - 2));
  const mix = at - left;
  const width = 4 * cell * columns;
  const right = columns > 1 ? 4 * cell : 0;
  for (let y = 0; y < cell; y++) {
    let from = y * width + 4 * cell * left;
    let to = 4 * cell * y;
    for (let x = 0; x < 4 * cell; x++, from++, to++) {
      sum[to] += strip[from] + (strip[from + right] - strip[from]) * mix - base[to];
    }
  }
}

/**
 * The base with every change added, opaque.
 * @param {Uint8ClampedArray} base
 * @param {Float32Array} sum
 */
export function changed(base, sum) {
  const pixels = new Uint8ClampedArray(base.length);
  for (let i = 0; i < base.length; i++) pixels[i] = base[i] + sum[i];
  for (let i = 3; i < base.length; i += 4) pixels[i] = 255;
  return pixels;
}

/**
 * The place of a value among equally spaced ones: 0 is the first.
 * @param {number} value
 * @param {number[]} values
 */
export function placeOf(value, values) {
  const step = (values[values.length - 1] - values[0]) / Math.max(1, values.length - 1);
  return step ? (value - values[0]) / step : 0;
}
