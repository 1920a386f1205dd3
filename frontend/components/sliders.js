// A slider under every row: continuous, and any number of them at once.

import { make, penOf } from "./canvas.js";
import { addChange, changed, placeOf } from "./compose.js";
import { CLASS, valueOf } from "./readout.js";

const REST = 300; // milliseconds without a move before the model is asked

/** @typedef {{ place: string, values: { dim: number, value: number }[] }} Slid where the sliders rest, for the page */

export class Sliders {
  /**
   * @param {() => void} moved the picture has to be drawn again
   * @param {(slid: Slid) => void} rested the hand let go
   */
  constructor(moved, rested) {
    this.moved = moved;
    this.rested = rested;
    this.rest = 0;
    /** @type {Uint8ClampedArray | null} the pixels of the reconstruction */
    this.base = null;
    this.size = { cell: 0, columns: 0, unit: "" };
    /** @type {{ input: HTMLInputElement, start: number }[]} */
    this.inputs = [];
    /** @type {Map<number, { data: import("./types.js").Row, strip: Uint8ClampedArray, sigma: number }>} what was moved, by dimension */
    this.places = new Map();
    /** @type {{ place: string, picture: HTMLImageElement } | null} what the model itself draws at a place */
    this.exact = null;
    /** Whether the large picture shows the place of the sliders. */
    this.shown = false;
  }

  /**
   * Take new rows, none of which has been moved.
   * @param {Uint8ClampedArray | null} base the pixels of the reconstruction
   * @param {{ cell: number, columns: number, unit: string }} size
   */
  clear(base, size) {
    clearTimeout(this.rest);
    this.base = base;
    this.size = size;
    this.inputs = [];
    this.places = new Map();
    this.exact = null;
    this.shown = false;
  }

  /**
   * The slider of a row; `canvas` shows its cells. There is nothing between classes, so that it stops at those of the row.
   * @param {import("./types.js").Row} data
   * @param {HTMLCanvasElement} canvas
   */
  build(data, canvas) {
    const { sigmas } = data;
    const start = (data.held ?? data.frame)?.sigma ?? 0;
    const input = make("input", "slide", {
      type: "range", ...this.rangeOf(sigmas),
      "aria-label": this.classes ? `${data.title}, class` : `${data.title}, continuous, in σ`, "aria-valuetext": this.spoken(start),
    });
    const place = this.classes ? Math.max(0, sigmas.indexOf(start)) : start;
    input.value = String(place);
    input.oninput = () => this.slide(data, canvas, input);
    input.onchange = () => this.settle(0);
    this.inputs.push({ input, start: place });
    return input;
  }

  /**
   * @param {import("./types.js").Row} data
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLInputElement} input
   */
  slide(data, canvas, input) {
    const sigma = this.classes ? data.sigmas[Number(input.value)] : Number(input.value);
    const strip = this.places.get(data.dim)?.strip ?? penOf(canvas).getImageData(0, 0, canvas.width, canvas.height).data;
    input.setAttribute("aria-valuetext", this.spoken(sigma));
    this.places.set(data.dim, { data, strip, sigma });
    this.shown = true;
    this.settle(REST);
    this.moved();
  }

  /** Whether the rows are classes, of which a latent is one. */
  get classes() {
    return this.size.unit === CLASS;
  }

  /** @param {number[]} sigmas */
  rangeOf(sigmas) {
    if (this.classes) return { min: "0", max: String(sigmas.length - 1), step: "1" };
    return { min: String(sigmas[0]), max: String(sigmas[sigmas.length - 1]), step: "0.01" };
  }

  /** @param {number} value */
  spoken(value) {
    return valueOf(value, 2, this.size.unit).replace("σ", "sigma");
  }

  /**
   * The column of a value, which may be between two.
   * @param {number} value
   * @param {number[]} values
   */
  columnOf(value, values) {
    return this.classes ? values.indexOf(value) : placeOf(value, values);
  }

  /** Move every slider back to the frame's own value. */
  back() {
    this.inputs.forEach(({ input, start }) => { input.value = String(start); });
    this.places.clear();
    this.shown = false;
    this.settle(0);
    this.moved();
  }

  /**
   * Tell the page the place of the sliders, after a while without a move.
   * @param {number} delay
   */
  settle(delay) {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.rested({ place: this.place, values: this.values }), delay);
  }

  /** The name of this place. */
  get place() {
    return [...this.places.values()].map(({ data, sigma }) => `${data.dim}:${sigma}`).sort().join(",");
  }

  /** The latent value of each dimension that was moved. */
  get values() {
    return [...this.places.values()].map(({ data: { dim, sigmas, values }, sigma }) => {
      if (this.classes) return { dim, value: values[sigmas.indexOf(sigma)] };
      const [first, last] = [sigmas[0], sigmas[sigmas.length - 1]];
      const share = last > first ? (sigma - first) / (last - first) : 0;
      return { dim, value: values[0] + share * (values[values.length - 1] - values[0]) };
    });
  }

  /** The words under the picture: what was moved, and whether the model itself has drawn it. */
  get caption() {
    const words = [...this.places.values()].map(({ data, sigma }) => `${data.short} ${valueOf(sigma, 2, this.size.unit)}`).join(", ");
    return this.exact?.place === this.place ? words : `${words}: about, until the model has drawn it`;
  }

  /**
   * Draw the picture of the sliders: the model's own if it has arrived.
   * @param {HTMLCanvasElement} canvas
   */
  draw(canvas) {
    const { cell } = this.size;
    canvas.width = canvas.height = cell;
    const pen = penOf(canvas);
    if (this.exact?.place === this.place) pen.drawImage(this.exact.picture, 0, 0, cell, cell);
    else if (this.base) {
      const image = pen.createImageData(cell, cell);
      image.data.set(this.compose(this.base));
      pen.putImageData(image, 0, 0);
    }
  }

  /** @param {Uint8ClampedArray} base */
  compose(base) {
    const sum = new Float32Array(base.length);
    for (const { data, strip, sigma } of this.places.values()) addChange(sum, strip, base, this.size, this.columnOf(sigma, data.sigmas));
    return changed(base, sum);
  }
}
