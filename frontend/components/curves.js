// Small charts of lines over the steps, which the player and the wheel share.

import { clamp, make } from "./canvas.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, FOOT] = [360, 120, 34, 14];
/** One meaning, one colour, in every chart: places in the palette. */
const COLOURS = { model: 0, predicted: 0, branch: 1, edited: 1, true: 2, truth: 2 };
const BASELINES = { "repeat last frame": "5 3", "mean image": "1.5 3" };

/** The colour of each name of some charts: fixed where the name has a meaning, else by the order of appearance. */
export function coloursOf(curves, palette) {
  const names = [...new Set(curves.flatMap((curve) => curve.lines.map((line) => line.name)))];
  const taken = new Set(names.filter((name) => name in COLOURS).map((name) => COLOURS[name]));
  const free = palette.map((_, index) => index).filter((index) => !taken.has(index));
  let next = 0;
  const entries = names.map((name) => {
    if (name in BASELINES) return [name, "var(--st-gray-color, #7a8594)"];
    return [name, palette[name in COLOURS ? COLOURS[name] : free[next++ % free.length]]];
  });
  return Object.fromEntries(entries);
}

/**
 * A small chart of some lines over the steps, with a cursor and the numbers above it.
 * @typedef {{ name: string, values: number[], low?: number[], high?: number[] }} Line
 * @param {{ title: string, lines: Line[], range?: [number, number] }} curve
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
  const x = (step) => LEFT + ((WIDTH - LEFT) * step) / Math.max(1, steps - 1);
  const y = (value) => HEIGHT - FOOT - ((HEIGHT - FOOT - 8) * (clamp(value, low, high) - low)) / (high - low || 1);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} over the steps` });
  svg.append(draw("rect", { class: "dream", x: x(context), y: 0, width: WIDTH - x(context), height: HEIGHT - FOOT }));
  svg.append(draw("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: HEIGHT - FOOT, y2: HEIGHT - FOOT }));
  for (const value of [low, high]) {
    const label = draw("text", { x: LEFT - 4, y: y(value) + 4, "text-anchor": "end" });
    label.textContent = Number(value.toPrecision(3));
    svg.append(label);
  }
  for (const line of lines) if (line.low) svg.append(buildBand(line, x, y, colours[line.name]));
  for (const line of lines) svg.append(buildLine(line, x, y, colours[line.name]));
  const now = draw("line", { class: "now", y1: 0, y2: HEIGHT - FOOT });
  svg.append(now);
  element.append(head, svg);
  const show = (step) => {
    now.setAttribute("x1", x(step));
    now.setAttribute("x2", x(step));
    numbers.forEach((number) => number.show(step));
  };
  return { element, show };
}

function buildNumber(line, colour) {
  const element = make("span");
  const swatch = make("i");
  swatch.textContent = line.name in BASELINES ? "┅" : "━";
  swatch.style.color = colour;
  const words = make("span");
  element.append(swatch, " ", words);
  const show = (step) => {
    const value = line.values[step];
    words.textContent = `${line.name} ${Number.isFinite(value) ? value.toFixed(2) : ""}`;
  };
  return { element, show };
}

/** A line with gaps where there is no value; a mean over episodes is drawn through its band. */
function buildLine(line, x, y, colour) {
  const dash = BASELINES[line.name] ?? "";
  const path = draw("path", { d: pathOf(line.values, x, y), stroke: colour, "stroke-dasharray": dash });
  if (line.name in BASELINES) path.setAttribute("class", "thin");
  return path;
}

function buildBand(line, x, y, colour) {
  const known = line.low.map((value, step) => step).filter((step) => Number.isFinite(line.low[step]) && Number.isFinite(line.high[step]));
  const above = known.map((step) => `${x(step)},${y(line.high[step])}`);
  const below = known.map((step) => `${x(step)},${y(line.low[step])}`).reverse();
  return draw("polygon", { class: "band", points: [...above, ...below].join(" "), fill: colour });
}

export function pathOf(values, x, y) {
  let open = false;
  return values
    .map((value, step) => {
      if (!Number.isFinite(value)) return (open = false) || "";
      const point = `${open ? "L" : "M"}${x(step)},${y(value)}`;
      open = true;
      return point;
    })
    .join("");
}

/** Least and greatest value of some lines; a little room where all are equal. */
export function extentOf(lines) {
  const known = lines.flatMap((line) => line.values).filter(Number.isFinite);
  if (!known.length) return [0, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
