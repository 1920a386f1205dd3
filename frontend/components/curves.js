// Small line charts over the steps, used by the player and by play.

import { clamp, make } from "./canvas.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, FOOT] = [360, 120, 34, 14];
/** Palette indices of names that have the same colour in every chart. */
/** @type {Record<string, number>} */
const COLOURS = { model: 0, predicted: 0, branch: 1, edited: 1, true: 2, truth: 2 };
/** @type {Record<string, string>} */
const BASELINES = { "repeat last frame": "5 3", "mean image": "1.5 3" };

/**
 * The colour of each name in some charts: the dimension's colour, a fixed one for known names, else by order of appearance.
 * @param {import("./types.js").Curve[]} curves
 * @param {string[]} palette
 */
export function coloursOf(curves, palette) {
  const lines = curves.flatMap((curve) => curve.lines);
  const own = Object.fromEntries(lines.filter((line) => line.colour).map((line) => [line.name, line.colour]));
  const names = [...new Set(lines.map((line) => line.name))];
  const taken = new Set(names.filter((name) => name in COLOURS).map((name) => COLOURS[name]));
  const free = palette.map((_, index) => index).filter((index) => !taken.has(index));
  let next = 0;
  const entries = names.map((name) => {
    if (name in own) return [name, own[name]];
    if (name in BASELINES) return [name, "var(--st-gray-color, #7a8594)"];
    return [name, palette[name in COLOURS ? COLOURS[name] : free[next++ % free.length]]];
  });
  return Object.fromEntries(entries);
}

/**
 * A small chart of some lines over the steps, with a cursor and the numbers above it.
 * @param {import("./types.js").Curve} curve
 * @param {{ steps: number, context: number }} place
 * @param {Record<string, string>} colours
 */
export function buildCurve({ title, lines, range }, { steps, context }, colours) {
  const element = make("div", "curve");
  const head = make("div", "head");
  const strong = make("b");
  strong.textContent = title;
  const numbers = lines.map((line) => buildNumber(line, colours[line.name]));
  head.append(strong, ...numbers.map((number) => number.element));
  const [low, high] = range ?? extentOf(lines);
  const x = (/** @type {number} */ step) => LEFT + ((WIDTH - LEFT) * step) / Math.max(1, steps - 1);
  const y = (/** @type {number} */ value) => HEIGHT - FOOT - ((HEIGHT - FOOT - 8) * (clamp(value, low, high) - low)) / (high - low || 1);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} over the steps` });
  const imagined = (WIDTH - LEFT) * shareImagined(context, steps);
  svg.append(draw("rect", { class: "dream", x: WIDTH - imagined, y: 0, width: imagined, height: HEIGHT - FOOT }));
  svg.append(draw("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: HEIGHT - FOOT, y2: HEIGHT - FOOT }));
  for (const value of [low, high]) {
    const label = draw("text", { x: LEFT - 4, y: y(value) + 4, "text-anchor": "end" });
    label.textContent = String(Number(value.toPrecision(3)));
    svg.append(label);
  }
  for (const { name, low: least, high: most } of lines) if (least && most) svg.append(buildBand(least, most, x, y, colours[name]));
  for (const line of lines) svg.append(buildLine(line, x, y, colours[line.name]));
  const now = draw("line", { class: "now", y1: 0, y2: HEIGHT - FOOT });
  svg.append(now);
  element.append(head, svg);
  const show = (/** @type {number} */ step) => {
    now.setAttribute("x1", String(x(step)));
    now.setAttribute("x2", String(x(step)));
    numbers.forEach((number) => number.show(step));
  };
  return { element, show };
}

/**
 * @param {import("./types.js").Line} line
 * @param {string} colour
 */
function buildNumber(line, colour) {
  const element = make("span");
  const swatch = make("i");
  swatch.textContent = line.name in BASELINES ? "┅" : "━";
  swatch.style.color = colour;
  const words = make("span");
  element.append(swatch, " ", words);
  const show = (/** @type {number} */ step) => {
    const value = line.values[step];
    words.textContent = `${line.name} ${isNumber(value) ? value.toFixed(2) : ""}`;
  };
  return { element, show };
}

/**
 * A line with gaps where there is no value; a mean over episodes is drawn through its band.
 * @param {import("./types.js").Line} line
 * @param {(step: number) => number} x
 * @param {(value: number) => number} y
 * @param {string} colour
 */
function buildLine(line, x, y, colour) {
  const dash = BASELINES[line.name] ?? line.dash ?? "";
  const path = draw("path", { d: pathOf(line.values, x, y), stroke: colour, "stroke-dasharray": dash });
  if (line.name in BASELINES) path.setAttribute("class", "thin");
  return path;
}

/**
 * @param {(number | null)[]} low
 * @param {(number | null)[]} high
 * @param {(step: number) => number} x
 * @param {(value: number) => number} y
 * @param {string} colour
 */
function buildBand(low, high, x, y, colour) {
  const above = pointsOf(low, high, (_, most, step) => `${x(step)},${y(most)}`);
  const below = pointsOf(low, high, (least, _, step) => `${x(step)},${y(least)}`).reverse();
  return draw("polygon", { class: "band", points: [...above, ...below].join(" "), fill: colour });
}

/**
 * The point of each step at which both ends of the band are known.
 * @param {(number | null)[]} low
 * @param {(number | null)[]} high
 * @param {(least: number, most: number, step: number) => string} point
 */
function pointsOf(low, high, point) {
  return low.flatMap((least, step) => {
    const most = high[step];
    return isNumber(least) && isNumber(most) ? [point(least, most, step)] : [];
  });
}

/**
 * @param {(number | null)[]} values
 * @param {(step: number) => number} x
 * @param {(value: number) => number} y
 */
export function pathOf(values, x, y) {
  let open = false;
  return values
    .map((value, step) => {
      if (!isNumber(value)) return (open = false) || "";
      const alone = !open && !isNumber(values[step + 1]); // a dot, which the round ends of the line draw
      const point = `${open ? "L" : "M"}${x(step)},${y(value)}${alone ? "h0" : ""}`;
      open = true;
      return point;
    })
    .join("");
}

/**
 * The part of the axis that is imagined, from the first step that was not observed to the last: 0 if there is none.
 * @param {number} context
 * @param {number} steps
 */
export function shareImagined(context, steps) {
  return Math.max(0, steps - 1 - context) / Math.max(1, steps - 1);
}

/**
 * Least and greatest value of some lines; a little room where all are equal.
 * @param {import("./types.js").Line[]} lines
 */
export function extentOf(lines) {
  const known = lines.flatMap((line) => line.values).filter(isNumber);
  if (!known.length) return [0, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * Whether there is a value.
 * @param {number | null | undefined} value
 * @returns {value is number}
 */
function isNumber(value) {
  return Number.isFinite(value);
}
