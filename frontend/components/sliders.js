// A slider under every row: continuous, and any number of them at once.

import { make, signed } from "./canvas.js";
import { addChange, changed, placeOf } from "./compose.js";

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
    this.clear(null, { cell: 0, columns: 0 });
  }

  /**
   * New rows: nothing is moved.
   * @param {Uint8ClampedArray | null} base the pixels of the reconstruction
   * @param {{ cell: number, columns: number }} size
   */
  clear(base, size) {
    clearTimeout(this.rest);
    this.base = base;
    this.size = size;
    /** @type {{ input: HTMLInputElement, start: number }[]} */
    this.inputs = [];
    /** @type {Map<number, { data: any, strip: Uint8ClampedArray, sigma: number }>} what was moved, by dimension */
    this.places = new Map();
    /** @type {{ place: string, picture: any } | null} what the model itself draws at a place */
    this.exact = null;
    /** Whether the large picture shows what the sliders say. */
    this.shown = false;
  }

  /** The slider of a row; `canvas` holds its cells. */
  build(data, canvas) {
    const { sigmas } = data;
    const start = (data.held ?? data.frame)?.sigma ?? 0;
    const input = /** @type {HTMLInputElement} */ (make("input", "slide", {
      type: "range", min: String(sigmas[0]), max: String(sigmas[sigmas.length - 1]), step: "0.01",
      "aria-label": `${data.title}, continuous, in σ`, "aria-valuetext": `${signed(start, 2)} sigma`,
    }));
    input.value = String(start);
    input.oninput = () => this.slide(data, canvas, input);
    input.onchange = () => this.settle(0);
    this.inputs.push({ input, start });
    return input;
  }

  slide(data, canvas, input) {
    const sigma = Number(input.value);
    const strip = this.places.get(data.dim)?.strip ?? canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    input.setAttribute("aria-valuetext", `${signed(sigma, 2)} sigma`);
    this.places.set(data.dim, { data, strip, sigma });
    this.shown = true;
    this.settle(REST);
    this.moved();
  }

  /** Every slider back to where the frame lies. */
  back() {
    this.inputs.forEach(({ input, start }) => { input.value = String(start); });
    this.places.clear();
    this.shown = false;
    this.settle(0);
    this.moved();
  }

  /** Tell the page where the hand rests, after a while without a move. */
  settle(delay) {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.rested({ place: this.place, values: this.values }), delay);
  }

  /** What this place is called. */
  get place() {
    return [...this.places.values()].map(({ data, sigma }) => `${data.dim}:${sigma}`).sort().join(",");
  }

  /** The latent value of each dimension that was moved. */
  get values() {
    return [...this.places.values()].map(({ data: { dim, sigmas, values }, sigma }) => {
      const [first, last] = [sigmas[0], sigmas[sigmas.length - 1]];
      const share = last > first ? (sigma - first) / (last - first) : 0;
      return { dim, value: values[0] + share * (values[values.length - 1] - values[0]) };
    });
  }

  /** The words under the picture: what was moved, and whether the model itself has drawn it. */
  get caption() {
    const words = [...this.places.values()].map(({ data, sigma }) => `${data.short} ${signed(sigma, 2)} σ`).join(", ");
    return this.exact?.place === this.place ? words : `${words}: about, until the model has drawn it`;
  }

  /**
   * Draw what the sliders say, the model's own picture where it is there.
   * @param {HTMLCanvasElement} canvas
   */
  draw(canvas) {
    const { cell } = this.size;
    canvas.width = canvas.height = cell;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    if (this.exact?.place === this.place) pen.drawImage(this.exact.picture, 0, 0, cell, cell);
    else if (this.base) {
      const image = pen.createImageData(cell, cell);
      image.data.set(this.compose(this.base));
      pen.putImageData(image, 0, 0);
    }
  }

  compose(base) {
    const sum = new Float32Array(base.length);
    for (const { data, strip, sigma } of this.places.values()) addChange(sum, strip, base, this.size, placeOf(sigma, data.sigmas));
    return changed(base, sum);
  }
}
