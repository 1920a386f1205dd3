// Where a pointer lies in a strip of equal parts.

import assert from "node:assert/strict";
import test from "node:test";

import { isForBrowser, placeAt } from "../../../frontend/components/playable.js";

const strip = { getBoundingClientRect: () => ({ left: 100, width: 70 }) };

test("a place is the part under the pointer, and none of them beyond the ends", () => {
  assert.deepEqual([100, 109.9, 110, 169, 171, 90].map((clientX) => placeAt({ clientX }, strip, 7)), [0, 0, 1, 6, 7, -1]);
});

test("keys with Ctrl, Meta or Alt belong to the browser, with Shift they do not", () => {
  const pressed = [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { shiftKey: true }];
  assert.deepEqual(pressed.map((event) => Boolean(isForBrowser(event))), [true, true, true, false]);
});
