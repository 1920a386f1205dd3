// Small helpers that the scrubber and the player share: pictures, heat colours, numbers, motion.

const HEAT = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];

/**
 * Decode a data URI; resolves to an image that can be drawn at once.
 * @param {string} uri
 */
export async function loadPicture(uri) {
  const picture = new Image();
  picture.src = uri;
  await picture.decode();
  return picture;
}

/**
 * A new element: make("div", "row", {title: "..."}).
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {Record<string, string | number>} [attributes]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className = "", attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * A dot in the colour of a dimension, shown before its name.
 * @param {string} colour
 */
export function buildSwatch(colour) {
  const dot = make("i", "swatch", { "aria-hidden": "true" });
  Object.assign(dot.style, {
    display: "inline-block", width: "0.65em", height: "0.65em", borderRadius: "50%", marginRight: "0.4em", background: colour,
  });
  return dot;
}

/**
 * What draws on a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function penOf(canvas, settings) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", settings));
}

/**
 * Draw one cell (x, y counted in cells) of an atlas onto a canvas of one cell.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasImageSource} atlas
 * @param {number} cell
 * @param {number} x
 * @param {number} y
 */
export function drawCell(canvas, atlas, cell, x, y) {
  if (canvas.width !== cell) canvas.width = canvas.height = cell;
  const context = penOf(canvas);
  context.imageSmoothingEnabled = false;
  context.drawImage(atlas, x * cell, y * cell, cell, cell, 0, 0, cell, cell);
}

/**
 * Turn a grey picture into heat colours. `veil`: opacity follows the heat, to be laid over another picture.
 * @param {HTMLImageElement} picture
 * @param {boolean} veil
 */
export function heatPicture(picture, veil) {
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  const context = penOf(canvas, { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const heat = pixels.data[i] / 255;
    const at = Math.min(heat * (HEAT.length - 1), HEAT.length - 1.001);
    const [low, high, mix] = [HEAT[Math.floor(at)], HEAT[Math.floor(at) + 1], at % 1];
    for (let c = 0; c < 3; c++) pixels.data[i + c] = low[c] + (high[c] - low[c]) * mix;
    pixels.data[i + 3] = veil ? Math.min(255, heat * 420) : 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * A signed number with a true minus: signed(-1.25, 1) -> "−1.3".
 * @param {number} value
 * @param {number} digits
 */
export function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "−" : "+") + text;
}

export const clamp = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.min(high, Math.max(low, value));
export const motionIsReduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * The colours of charts in the page's theme.
 * @param {Element} element
 */
export function paletteOf(element) {
  return getComputedStyle(element).getPropertyValue("--st-chart-categorical-colors").split(",");
}
