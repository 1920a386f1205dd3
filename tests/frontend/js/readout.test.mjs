// Numbers as the readout writes them, and the column that is nearest to the frame.

import assert from "node:assert/strict";
import test from "node:test";

import { clamp, signed } from "../../../frontend/components/canvas.js";
import { captionOf, homeColumn } from "../../../frontend/components/readout.js";

test("numbers have a true minus and no negative zero", () => {
  assert.deepEqual([signed(-1.25, 1), signed(0.3, 1), signed(-0.01, 1)], ["−1.3", "+0.3", "0.0"]);
});

test("a place is held within its ends", () => {
  assert.deepEqual([clamp(-1, 0, 4), clamp(9, 0, 4), clamp(2, 0, 4)], [0, 4, 2]);
});

test("home is the column nearest to the frame, or to the value that is held instead", () => {
  assert.equal(homeColumn({ frame: { column: 6.4 } }, 11), 6);
  assert.equal(homeColumn({ frame: { column: 13 } }, 11), 10);
  assert.equal(homeColumn({ frame: { column: 6 }, held: { column: 1.2 } }, 11), 1);
  assert.equal(homeColumn({ frame: null }, 11), 5);
});

test("a caption says where the frame lies, and a held value is called held", () => {
  assert.equal(captionOf({ frame: { sigma: 1.26 } }, 1.2, "frame"), "Edited to +1.2 σ; the frame lies at +1.3 σ");
  assert.equal(captionOf({ frame: { sigma: 1 }, held: { sigma: -2 } }, 0, "frame"), "Edited to 0.0 σ; held value −2.0 σ");
});
