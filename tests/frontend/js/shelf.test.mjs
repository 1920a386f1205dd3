// Pages of many rows.

import assert from "node:assert/strict";
import test from "node:test";

import { shelved } from "../../../frontend/components/shelf.js";

const titles = Array.from({ length: 70 }, (_, dim) => (dim === 50 ? "dim 50: Hip angle" : `dim ${dim}`));

test("a page holds 32 rows, the last one what is left", () => {
  assert.deepEqual(shelved(titles, "", 0).shown, titles.slice(0, 32).map((_, index) => index));
  assert.deepEqual(shelved(titles, "", 2).shown, [64, 65, 66, 67, 68, 69]);
  assert.deepEqual(shelved(titles, "", 9).page, 2, "a page that is not there is the last one");
});

test("a search finds numbers and names, whatever their case", () => {
  assert.deepEqual(shelved(titles, "hip", 0), { shown: [50], page: 0, last: 0, count: 1 });
  assert.deepEqual(shelved(titles, "nothing", 3), { shown: [], page: 0, last: 0, count: 0 });
});
