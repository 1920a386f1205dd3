// One row of the grid: label with its KL bar, the strip of cells, and the footprint.

/** Build the row of a dimension from the atlas and the heat pictures; `most` is the KL of a full bar. */
function buildRow(data, { atlas, heat, data: { cell, columns } }, most) {
  const element = make("div", "row");
  const strip = make("div", "strip", {
    role: "slider", tabindex: "-1", "aria-label": `${data.title}, value`,
    "aria-valuemin": "1", "aria-valuemax": String(columns),
  });
  const canvas = make("canvas", "", { "aria-hidden": "true" });
  canvas.width = columns * cell;
  canvas.height = cell;
  const [width, top] = [columns * cell, data.row * cell];
  canvas.getContext("2d").drawImage(atlas, 0, top, width, cell, 0, 0, width, cell);
  const reference = make("div", "mark reference");
  const cursor = make("div", "mark cursor");
  reference.style.width = cursor.style.width = `${100 / columns}%`;
  reference.style.left = `${(100 * (columns - 1)) / 2 / columns}%`;
  strip.append(canvas, reference, cursor);
  const print = make("canvas", "print", { role: "img", "aria-label": `Where ${data.title} changes the picture` });
  drawCell(print, heat, cell, 0, data.row);
  element.append(buildLabel(data, most), strip, print);
  return { data, element, strip, cursor };
}

function buildLabel(data, most) {
  const label = make("div", "label");
  const name = make("div", "name");
  name.textContent = name.title = data.title;
  const bar = make("span", "bar", { role: "img", "aria-label": `KL ${data.kl.toFixed(2)} nats` });
  bar.append(make("i"));
  bar.firstChild.style.width = `${Math.min(100, (100 * data.kl) / most)}%`;
  const facts = make("div", "kl");
  facts.textContent = data.facts;
  label.append(name, bar, facts);
  return label;
}

/** A button for a value that is held, which lets go of it. */
function buildChip({ text }, release) {
  const chip = make("button", "", { type: "button", "aria-label": `Let go of ${text}` });
  chip.textContent = `${text}  ×`;
  chip.onclick = release;
  return chip;
}
