// One meaning, one colour; gaps where there is no value; an axis that holds every line.

import assert from "node:assert/strict";
import test from "node:test";

import { coloursOf, extentOf, pathOf, shareImagined } from "../../../frontend/components/curves.js";

const PALETTE = ["blue", "orange", "green", "pink"];
const chart = (...names) => ({ lines: names.map((name) => ({ name, values: [] })) });

test("a name has one colour in all charts, whatever its place", () => {
  const colours = coloursOf([chart("dim 9", "dim 3"), chart("dim 3", "dim 9")], PALETTE);
  assert.notEqual(colours["dim 9"], colours["dim 3"]);
  assert.deepEqual(Object.keys(colours), ["dim 9", "dim 3"]);
});

test("the model, its branch and the truth keep their colours beside other lines", () => {
  const colours = coloursOf([chart("branch", "dim 1", "model", "true")], PALETTE);
  assert.deepEqual([colours.model, colours.branch, colours.true], ["blue", "orange", "green"]);
  assert.equal(colours["dim 1"], "pink");
});

test("baselines are grey", () => {
  const colours = coloursOf([chart("model", "repeat last frame", "mean image")], PALETTE);
  assert.equal(colours["repeat last frame"], colours["mean image"]);
  assert.ok(!PALETTE.includes(colours["mean image"]));
});

test("a line has a gap where there is no value", () => {
  const place = (value) => value;
  assert.equal(pathOf([1, 2, null, 4], place, place), "M0,1L1,2M3,4h0", "a value alone is a dot");
  assert.equal(pathOf([null, null], place, place), "");
});

test("the extent of equal values is not empty", () => {
  assert.deepEqual(extentOf([{ values: [2, 2] }]), [1.5, 2.5]);
  assert.deepEqual(extentOf([{ values: [null] }]), [0, 1]);
  assert.deepEqual(extentOf([{ values: [1] }, { values: [5, null] }]), [1, 5]);
});

test("a line with a colour of its own keeps it, and the others do not take another's", () => {
  const lines = [{ name: "dim 9", values: [], colour: "#cc79a7" }, { name: "model", values: [] }];
  assert.deepEqual(coloursOf([{ lines }], PALETTE), { "dim 9": "#cc79a7", model: "blue" });
});

test("nothing of a wholly observed clip is imagined", () => {
  assert.equal(shareImagined(24, 24), 0);
  assert.equal(shareImagined(5, 25), 19 / 24);
  assert.equal(shareImagined(0, 1), 0);
});
