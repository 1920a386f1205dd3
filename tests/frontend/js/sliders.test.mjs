// Sliders of a row: continuous in σ, or from class to class where a latent is one of several classes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Sliders } from "../../../frontend/components/sliders.js";

const ROW = { dim: 3, short: "dim 3", sigmas: [2, 5, 17], values: [2, 5, 17] };

/** @param {string} unit @param {number} sigma */
function slid(unit, sigma) {
  const sliders = new Sliders(() => undefined, () => undefined);
  sliders.clear(null, { cell: 1, columns: 3, unit });
  clearTimeout(sliders.rest);
  sliders.places.set(3, { data: /** @type {any} */ (ROW), strip: new Uint8ClampedArray(0), sigma });
  return sliders;
}

test("a slider of classes stops at those of the row and says no sigma", () => {
  const sliders = slid("class", 5);
  assert.deepEqual(sliders.rangeOf(ROW.sigmas), { min: "0", max: "2", step: "1" });
  assert.match(sliders.caption, /^dim 3 class 5/);
  assert.equal(sliders.spoken(17), "class 17");
  assert.deepEqual(sliders.values, [{ dim: 3, value: 5 }]);
  assert.equal(sliders.columnOf(17, ROW.sigmas), 2);
});

test("any other slider is continuous in sigma", () => {
  const sliders = slid("mean ± σ", 9.5);
  assert.deepEqual(sliders.rangeOf(ROW.sigmas), { min: "2", max: "17", step: "0.01" });
  assert.match(sliders.caption, /^dim 3 \+9\.50 σ/);
  assert.deepEqual(sliders.values, [{ dim: 3, value: 9.5 }]);
});
