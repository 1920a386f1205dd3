// Small charts of lines over the steps, which the player and the wheel share.

const SVG = "http://www.w3.org/2000/svg";
const DASHES = ["", "6 3", "2 3"];
const WIDTH = 360;
const HEIGHT = 120;

/** A small chart of some lines over the steps, with a cursor and the numbers under it. */
function buildCurve({ title, lines }, { steps, context }, colours) {
  const element = make("div", "curve");
  const head = make("div", "head");
  const strong = make("b");
  strong.textContent = title;
  const numbers = lines.map((line, index) => {
    const text = make("span");
    text.style.color = colours[index % colours.length];
    return text;
  });
  head.append(strong, ...numbers);
  const known = lines.flatMap((line) => line.values).filter(Number.isFinite);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (step) => 34 + ((WIDTH - 34) * step) / Math.max(1, steps - 1);
  const y = (value) => HEIGHT - 14 - ((HEIGHT - 22) * (value - low)) / (high - low || 1);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} over the steps` });
  svg.append(draw("rect", { class: "dream", x: x(context), y: 0, width: WIDTH - x(context), height: HEIGHT - 14 }));
  svg.append(draw("line", { class: "axis", x1: 34, x2: WIDTH, y1: HEIGHT - 14, y2: HEIGHT - 14 }));
  for (const value of [low, high]) {
    const label = draw("text", { x: 30, y: y(value) + 4, "text-anchor": "end" });
    label.textContent = Number(value.toPrecision(3));
    svg.append(label);
  }
  lines.forEach((line, index) => {
    const points = line.values.map((value, step) => (Number.isFinite(value) ? `${x(step)},${y(value)}` : null)).filter(Boolean);
    const stroke = colours[index % colours.length];
    svg.append(draw("path", { d: `M${points.join("L")}`, stroke, "stroke-dasharray": DASHES[index % DASHES.length] }));
  });
  const now = draw("line", { class: "now", y1: 0, y2: HEIGHT - 14 });
  svg.append(now);
  element.append(head, svg);
  const show = (step) => {
    now.setAttribute("x1", x(step));
    now.setAttribute("x2", x(step));
    lines.forEach((line, index) => {
      const value = line.values[step];
      numbers[index].textContent = `${["━", "╍", "┅"][index % 3]} ${line.name} ${Number.isFinite(value) ? value.toFixed(2) : ""}`;
    });
  };
  return { element, show };
}

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
