// An exported traversal: one file that is scrubbed from disk, made of the page's modules.

import { clamp, drawCell, make, motionIsReduced, penOf, signed } from "./canvas.js";
import { buildDoubt } from "./density.js";
import { Playable, isForBrowser, placeAt } from "./playable.js";
import { homeColumn } from "./readout.js";

/**
 * What the file contains: rows of which the frame's value is always known.
 * @typedef {import("./types.js").Row & { frame: import("./types.js").Mark }} ViewerRow
 * @typedef {{ atlas: string, cell: number, columns: number, full_kl: number, frame: string, rows: ViewerRow[] }} View
 */

/** @extends {Playable<View>} */
class Viewer extends Playable {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.row = 0;
    /** @type {number | null} null: the frame itself, which lies between columns */
    this.column = null;
    this.direction = 1;
    /** @type {any} the picture of all cells */
    this.atlas = null;
    /** @type {any} */
    this.reconstruction = null;
    /** @type {{ button: HTMLButtonElement, strip: HTMLCanvasElement }[]} */
    this.rows = [];
    this.find("#play").onclick = () => this.togglePlay();
    this.find("#own").onclick = () => { this.stop(); this.go(this.row, null); };
    this.find("#help").onclick = () => this.find("#keys").showModal();
    this.find("#slider").oninput = (/** @type {any} */ event) => { this.stop(); this.go(this.row, Number(event.target.value)); };
    this.drawPlay();
  }

  /**
   * The view of the file: its rows, and the picture of all their cells.
   * @param {View} data
   */
  async show(data) {
    const [atlas, reconstruction] = (await this.load(data.atlas, [data.atlas, this.find("#reconstruction").src])) ?? [];
    Object.assign(this, { data, atlas, reconstruction });
    this.find("#slider").max = data.columns - 1;
    this.rows = data.rows.map((row, index) => this.buildRow(row, index));
    this.find("#rows").append(...this.rows.map((row) => row.button));
    this.follow(this.find("#picture"), () => this.row);
    this.paint();
    this.root.dataset.state = "ready";
  }

  // --- building ---------------------------------------------------------------------------------------------------

  /**
   * @param {ViewerRow} data
   * @param {number} index
   */
  buildRow(data, index) {
    const { cell, columns } = this.data;
    const button = make("button", "row");
    const label = make("span");
    const facts = make("small");
    const bar = make("div", "bar");
    label.textContent = data.title;
    facts.textContent = `KL ${data.kl.toFixed(2)} nats`;
    bar.style.width = `${(100 * Math.min(data.kl, this.data.full_kl)) / Math.max(this.data.full_kl, 1e-9)}%`;
    facts.append(bar);
    label.append(facts);
    const strip = make("canvas", "", { "aria-hidden": "true" });
    strip.width = columns * cell;
    strip.height = cell;
    const picture = make("span", "cells");
    picture.append(strip, ...buildDoubt(data));
    button.append(label, picture);
    button.onclick = () => this.go(index, this.column);
    this.follow(strip, () => index);
    return { button, strip };
  }

  /**
   * A mouse over a canvas, or a finger on it, chooses the column.
   * @param {HTMLCanvasElement} canvas
   * @param {() => number} rowOf
   */
  follow(canvas, rowOf) {
    const choose = (/** @type {any} */ event) => this.go(rowOf(), placeAt(event, canvas, this.data.columns));
    canvas.onpointerdown = (/** @type {any} */ event) => {
      this.stop();
      canvas.setPointerCapture(event.pointerId);
      choose(event);
    };
    canvas.onpointermove = (/** @type {any} */ event) => { if (event.pointerType === "mouse" || event.buttons) choose(event); };
  }

  // --- moving -----------------------------------------------------------------------------------------------------

  /**
   * @param {number} row
   * @param {number | null} column
   */
  go(row, column) {
    this.row = clamp(row, 0, this.rows.length - 1);
    this.column = column === null ? null : clamp(column, 0, this.data.columns - 1);
    this.paint();
  }

  /** The column that is shown, or the nearest to the frame itself. */
  get place() {
    return this.column ?? homeColumn(this.data.rows[this.row], this.data.columns);
  }

  /** @param {number} by */
  nudge(by) {
    this.stop();
    this.go(this.row, this.place + by);
  }

  /** @param {number} by */
  turn(by) {
    this.stop();
    this.go(this.row + by, this.column);
  }

  /** One column further, back and forth between the ends. */
  move() {
    const next = this.place + this.direction;
    if (next < 0 || next >= this.data.columns) this.direction = -this.direction;
    this.go(this.row, this.place + this.direction);
  }

  togglePlay() {
    this.play(10, () => this.move());
  }

  /** @param {any} event */
  onKey(event) {
    if (isForBrowser(event) || !this.ready || this.find("#keys").open) return;
    if (event.key === " " && event.target.closest?.("button:not(.row)")) return;
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => this.nudge(-1), ArrowRight: () => this.nudge(1), ArrowUp: () => this.turn(-1), ArrowDown: () => this.turn(1),
      " ": () => this.togglePlay(), ".": () => this.move(), 0: () => this.go(this.row, null), "?": () => this.find("#keys").showModal(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  // --- drawing ----------------------------------------------------------------------------------------------------

  paint() {
    const { cell, rows } = this.data;
    const row = rows[this.row];
    const words = this.column === null ? this.own(row) : sigma(row.sigmas[this.column]);
    const picture = this.find("#picture");
    if (this.column === null) drawCell(picture, this.reconstruction, cell, 0, 0);
    else drawCell(picture, this.atlas, cell, this.column, this.row);
    picture.setAttribute("aria-label", `${row.title}, ${words}`);
    this.find("#name").textContent = row.title;
    this.find("#value").textContent = words;
    this.find("#slider").value = this.place;
    this.find("#slider").setAttribute("aria-valuetext", words);
    this.rows.forEach(({ button, strip }, index) => {
      button.setAttribute("aria-pressed", String(index === this.row));
      this.paintStrip(strip, index);
    });
  }

  /** @param {ViewerRow} data */
  own({ frame, held }) {
    return held ? `held value: ${sigma(held.sigma)}` : `${this.data.frame}: ${sigma(frame.sigma)}`;
  }

  /**
   * @param {HTMLCanvasElement} strip
   * @param {number} index
   */
  paintStrip(strip, index) {
    const { cell, columns, rows } = this.data;
    const pen = penOf(strip);
    const { frame, held } = rows[index];
    pen.drawImage(this.atlas, 0, index * cell, columns * cell, cell, 0, 0, columns * cell, cell);
    drawTick(pen, frame.column, this.data, []);
    if (held) drawTick(pen, held.column, this.data, [5, 4]);
    if (index !== this.row || this.column === null) return;
    Object.assign(pen, { strokeStyle: "#1f5fd0", lineWidth: 5 });
    pen.strokeRect(this.column * cell + 2.5, 2.5, cell - 5, cell - 5);
  }

  drawPlay() {
    const still = motionIsReduced() ? "Step" : "Play";
    this.find("#play").textContent = this.playing ? "Pause" : still;
    this.find("#play").setAttribute("aria-pressed", String(Boolean(this.playing)));
  }
}

const sigma = (/** @type {number} */ value) => `${signed(value, 2)} σ`;

/**
 * A line down the strip where a value lies, at an end where that is beyond it; dashed for a held value.
 * @param {CanvasRenderingContext2D} pen
 * @param {number} column
 * @param {{ cell: number, columns: number }} data
 * @param {number[]} dash
 */
function drawTick(pen, column, { cell, columns }, dash) {
  const x = clamp((column + 0.5) * cell, 3, columns * cell - 3);
  for (const [width, colour] of /** @type {[number, string][]} */ ([[6, "#000000"], [3, "#ffffff"]])) {
    Object.assign(pen, { lineWidth: width, strokeStyle: colour });
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, cell);
    pen.stroke();
  }
  pen.setLineDash([]);
}

/** The entry of the file. */
export default function () {
  new Viewer(document.body).show(JSON.parse(document.getElementById("data")?.textContent ?? ""));
}
