// What the scrubber says in words and numbers of the cell under the cursor.

/** Numbers of a cell: the readout, the head of the columns, and the words for those who cannot see the picture. */
function drawReadout(root, strip, row, column, columns, base) {
  const find = (selector) => root.querySelector(selector);
  const centre = (columns - 1) / 2;
  const value = row.values[column];
  const sigma = (value - row.mean) / row.std;
  const words = `${row.title}, ${signed(sigma, 1)} sigma${column === centre ? `, as in the ${base}` : ""}`;
  strip.setAttribute("aria-valuenow", String(column + 1));
  strip.setAttribute("aria-valuetext", words);
  find(".picture").setAttribute("aria-label", `Decoded picture: ${words}`);
  find(".caption").textContent = column === centre ? `The ${base}'s own value` : "Edited";
  find(".readout").replaceChildren(
    text("title", row.title), text("sub", row.note),
    number("in σ", signed(sigma, 2)), number("value", signed(value, 2)),
    number(`from ${base}`, signed(value - row.values[centre], 2)),
  );
  find(".headlabel").textContent = `σ of ${row.short}`;
  [...find(".values").children].forEach((head, index) => {
    head.textContent = index === centre ? base : signed((row.values[index] - row.mean) / row.std, 1);
    head.className = index === column ? "here" : "";
  });
}

function text(className, words) {
  const element = make("span", className);
  element.textContent = words;
  return element;
}

function number(name, value) {
  const element = make("span");
  const strong = make("b");
  strong.textContent = value;
  element.append(name, strong);
  return element;
}
