// The band of an ensemble's disagreement: how full it is.

import assert from "node:assert/strict";
import test from "node:test";

import { shadeOf } from "../../../frontend/components/density.js";

test("the band is a quarter full at the usual disagreement and full at four times as much", () => {
  assert.deepEqual([0, 1, 2, 4, 9].map(shadeOf), [0, 0.25, 0.5, 1, 1]);
});
