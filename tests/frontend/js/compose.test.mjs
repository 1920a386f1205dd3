// Changes of several rows, added up.

import assert from "node:assert/strict";
import test from "node:test";

import { addChange, changed, placeOf } from "../../../frontend/components/compose.js";

const SIZE = { cell: 1, columns: 3 };
const base = new Uint8ClampedArray([100, 100, 100, 255]);
const red = new Uint8ClampedArray([50, 100, 100, 255, 100, 100, 100, 255, 150, 100, 100, 255]);
const green = new Uint8ClampedArray([100, 0, 100, 255, 100, 100, 100, 255, 100, 200, 100, 255]);

test("one row at a column is that cell, and between two columns their mixture", () => {
  const at = (place) => {
    const sum = new Float32Array(4);
    addChange(sum, red, base, SIZE, place);
    return [...changed(base, sum)];
  };
  assert.deepEqual(at(0), [50, 100, 100, 255]);
  assert.deepEqual(at(2), [150, 100, 100, 255]);
  assert.deepEqual(at(1.5), [125, 100, 100, 255]);
  assert.deepEqual(at(7), [150, 100, 100, 255], "beyond the end it is the last cell");
});

test("changes of two rows are added, and stay within the range of colours", () => {
  const sum = new Float32Array(4);
  addChange(sum, red, base, SIZE, 2);
  addChange(sum, green, base, SIZE, 0);
  assert.deepEqual([...changed(base, sum)], [150, 0, 100, 255]);
  addChange(sum, green, base, SIZE, 0);
  assert.deepEqual([...changed(base, sum)], [150, 0, 100, 255]);
});

test("a value lies where its share of the range is", () => {
  assert.equal(placeOf(0, [-2, -1, 0, 1, 2]), 2);
  assert.equal(placeOf(0.5, [-2, -1, 0, 1, 2]), 2.5);
  assert.equal(placeOf(3, [3]), 0);
});
