// The traversal scrubber: it receives one atlas picture and draws every move from it without a request.

import { clamp, drawCell, heatPicture, loadPicture, make } from "./canvas.js";
import { Playable, isForBrowser, mounted, placeAt } from "./playable.js";
import { drawReadout, homeColumn } from "./readout.js";
import { buildChip, buildRow } from "./rows.js";
import { Shelf } from "./shelf.js";
import { Sliders } from "./sliders.js";
import { Switches } from "./switches.js";
import { Wipe } from "./wipe.js";

/** @extends {Playable<import("./types.js").Atlas>} */
class Scrubber extends Playable {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    /** @type {any[]} */
    this.rows = [];
    /** @type {any} the picture of all cells */
    this.atlas = null;
    /** @type {any} */
    this.heat = null;
    /** @type {any} */
    this.veil = null;
    this.selected = { row: 0, column: 0 };
    this.hover = null;
    this.direction = 1;
    this.pending = 0;
    this.sliders = new Sliders(() => this.paintSoon(), (slid) => this.tell("slid", slid));
    this.shelf = new Shelf(this.find, (shown) => this.seeOnly(shown));
    this.wipe = new Wipe(this.find);
    this.switches = new Switches(root, this.find);
    this.follow = (/** @type {any} */ event) => this.onOther(event.detail);
    window.addEventListener("diswm-scrub", this.follow);
    this.find(".play").onclick = () => this.togglePlay();
    this.find(".back").onclick = () => this.move(-1);
    this.find(".step").onclick = () => this.move(1);
    this.find(".keep").onclick = () => this.keep();
    this.find(".unslide").onclick = () => this.sliders.back();
    this.drawPlay();
  }

  close() {
    super.close();
    cancelAnimationFrame(this.pending);
    window.removeEventListener("diswm-scrub", this.follow);
  }

  /**
   * Take new data. The same version again (a rerun of the page) leaves the user's place alone.
   * @param {import("./types.js").Atlas} data
   */
  async show(data) {
    this.drawHeld(data);
    this.takeExact(data.exact);
    const pictures = await this.load(data.version, [data.image, data.original, data.reconstruction, data.footprint]);
    if (!pictures) return;
    const [atlas, original, reconstruction, footprint] = pictures;
    Object.assign(this, { data, atlas, heat: heatPicture(footprint, false), veil: heatPicture(footprint, true) });
    drawCell(this.find(".original"), original, original.naturalWidth, 0, 0);
    drawCell(this.find(".reconstruction"), reconstruction, reconstruction.naturalWidth, 0, 0);
    const { width, height } = this.find(".reconstruction");
    this.sliders.clear(this.find(".reconstruction").getContext("2d").getImageData(0, 0, width, height).data, data);
    this.wipe.draw();
    this.root.classList.toggle("compact", Boolean(data.compact));
    this.root.classList.toggle("nowhere", data.base !== "frame");
    this.build();
    this.root.dataset.state = "ready";
    this.paint();
  }

  // --- building ---------------------------------------------------------------------------------------------------

  build() {
    const { rows, columns, selected } = this.data;
    const groups = [this.find(".rows:not(.folded)"), this.find(".rows.folded")];
    groups.forEach((group) => group.replaceChildren());
    this.rows = rows.map((row, index) => {
      const built = buildRow(row, this);
      this.listen(built.strip, index);
      return built;
    });
    this.rows.forEach((row) => groups[row.data.folded ? 1 : 0].append(row.element));
    this.root.style.setProperty("--n", String(columns));
    const values = this.find(".values");
    values.replaceChildren(...Array.from({ length: columns }, () => make("span")));
    const fold = this.find(".fold");
    fold.hidden = !rows.some((row) => row.folded);
    this.switches.nameFold(this.data.fold);
    this.shelf.fill(rows.map((row) => row.title));
    const row = Math.max(0, rows.findIndex((candidate) => candidate.dim === selected?.dim));
    const chosen = selected?.column ?? -1;
    this.selected = { row, column: chosen < 0 ? homeColumn(rows[row], columns) : clamp(chosen, 0, columns - 1) };
    this.hover = null;
    if (rows[row]?.folded) this.switches.fold(true);
  }

  /**
   * Show only these rows; null shows all, with the inactive ones folded away.
   * @param {Set<number> | null} shown
   */
  seeOnly(shown) {
    this.rows.forEach((row, index) => { row.element.hidden = shown !== null && !shown.has(index); });
    if (shown) {
      this.switches.fold(true);
      this.find(".fold").hidden = true;
    }
    if (shown?.size && !shown.has(this.selected.row)) this.select(Math.min(...shown), this.selected.column, false);
  }

  /**
   * The model's own picture for the present place of the sliders.
   * @param {import("./types.js").Atlas["exact"]} exact
   */
  async takeExact(exact) {
    if (!exact || exact.place === this.sliders.exact?.place) return;
    this.sliders.exact = { place: exact.place, picture: await loadPicture(exact.image) };
    this.paintSoon();
  }

  /**
   * @param {HTMLElement} strip
   * @param {number} row
   */
  listen(strip, row) {
    const columnAt = (/** @type {any} */ event) => clamp(placeAt(event, strip, this.data.columns), 0, this.data.columns - 1);
    strip.onpointerdown = (/** @type {any} */ event) => {
      if (event.button !== 0) return;
      this.stop();
      strip.setPointerCapture(event.pointerId);
      this.hover = null;
      this.select(row, columnAt(event));
    };
    strip.onpointermove = (/** @type {any} */ event) => {
      if (strip.hasPointerCapture(event.pointerId)) this.select(row, columnAt(event), false);
      else if (event.pointerType === "mouse" && !this.playing) this.preview({ row, column: columnAt(event) });
    };
    strip.onpointerup = () => this.announce(0);
    strip.onpointerleave = () => this.preview(null);
    strip.onfocus = () => { if (this.selected.row !== row) this.select(row, this.selected.column); };
  }

  // --- moving -----------------------------------------------------------------------------------------------------

  /**
   * @param {number} row
   * @param {number} column
   * @param {boolean} [focus]
   */
  select(row, column, focus = true) {
    this.sliders.shown = false;
    this.selected = { row, column };
    if (focus) this.rows[row].strip.focus({ preventScroll: true });
    this.paintSoon();
  }

  /** @param {{ row: number, column: number } | null} place */
  preview(place) {
    this.hover = place;
    this.paintSoon();
  }

  /**
   * Another scrubber of the same group moved: show the row paired with its row.
   * @param {{ from: unknown, group: string, pair: string, column: number, mirror: number }} data
   */
  onOther({ from, group, pair, column, mirror }) {
    if (from === this || !group || group !== this.data?.group || !this.ready) return;
    const row = this.rows.findIndex((candidate) => candidate.data.pair === pair);
    if (row < 0) return;
    this.followed = { row, column: mirror * this.rows[row].data.mirror < 0 ? this.data.columns - 1 - column : column };
    this.paintSoon(true);
  }

  /** @param {number} by */
  move(by) {
    const last = this.data.columns - 1;
    const column = this.selected.column + by;
    this.select(this.selected.row, column > last ? 0 : column < 0 ? last : column, false);
    this.announce(250);
  }

  /**
   * The next row that can be seen, in the given direction.
   * @param {number} by
   */
  turn(by) {
    const seen = this.rows.map((_, index) => index)
      .filter((index) => !this.rows[index].element.hidden && (this.switches.unfolded || !this.rows[index].data.folded));
    const at = clamp(seen.indexOf(this.selected.row) + by, 0, seen.length - 1);
    this.select(seen[at], this.selected.column);
    this.rows[seen[at]].element.scrollIntoView({ block: "nearest" });
    this.announce(250);
  }

  /** @param {any} event */
  onKey(event) {
    if (isForBrowser(event) || !this.ready || event.target.closest?.("input")) return;
    const onButton = event.target.closest?.("button");
    const { row } = this.selected;
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => this.nudge(-1), ArrowRight: () => this.nudge(1),
      ArrowUp: () => this.turn(-1), ArrowDown: () => this.turn(1),
      Home: () => this.nudge(-Infinity), End: () => this.nudge(Infinity),
      ".": () => this.move(1), ",": () => this.move(-1),
      0: () => { this.select(row, homeColumn(this.rows[row].data, this.data.columns)); this.announce(250); },
      f: () => this.switches.footprint(), F: () => this.switches.footprint(),
      v: () => this.switches.numbers(), V: () => this.switches.numbers(), "?": () => this.switches.help(),
      Escape: () => { this.stop(); this.switches.help(false); },
    };
    if (!onButton) Object.assign(actions, { " ": () => this.togglePlay(), Enter: () => this.keep() });
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  /**
   * Like move, but stops at the ends.
   * @param {number} by
   */
  nudge(by) {
    this.stop();
    this.hover = null;
    this.select(this.selected.row, clamp(this.selected.column + by, 0, this.data.columns - 1));
    this.announce(250);
  }

  togglePlay() {
    this.hover = null;
    this.play(Math.max(6, Math.min(14, this.data.columns)), () => this.sway());
  }

  /** Move by one column, back and forth between the ends. */
  sway() {
    if (this.selected.column >= this.data.columns - 1) this.direction = -1;
    if (this.selected.column <= 0) this.direction = 1;
    this.selected.column += this.direction;
    this.paint();
  }

  /** From now on, hold the value, or those of the sliders, in every picture. */
  keep() {
    const row = this.rows[this.selected.row].data;
    const chosen = [{ dim: row.dim, value: row.values[this.selected.column] }];
    this.trigger("hold", this.sliders.shown ? this.sliders.values : chosen);
  }

  tellPlace() {
    const row = this.rows[this.selected.row];
    if (row) this.tell("cell", { dim: row.data.dim, column: this.selected.column });
  }

  // --- drawing ----------------------------------------------------------------------------------------------------

  paintSoon(following = false) {
    if (!following) this.followed = null;
    if (!this.pending) this.pending = requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    if (!this.rows.length) return;
    if (this.followed) this.selected = this.followed;
    const shown = this.hover ?? this.selected;
    if (!this.followed) this.lead(shown);
    const row = this.rows[shown.row];
    const { cell, columns } = this.data;
    drawCell(this.find(".picture"), this.atlas, cell, shown.column, row.data.row);
    const veil = this.find(".veil");
    veil.width = veil.height = cell;
    drawCell(veil, this.veil, cell, 0, row.data.row);
    this.root.classList.toggle("hovering", this.hover !== null);
    this.rows.forEach((other, index) => {
      other.element.classList.toggle("active", index === this.selected.row);
      other.element.classList.toggle("hovered", index === this.hover?.row);
      other.strip.tabIndex = index === this.selected.row ? 0 : -1;
    });
    for (const place of [this.selected, shown]) this.rows[place.row].cursor.style.left = `${(100 * place.column) / columns}%`;
    drawReadout(this.root, row.strip, row.data, shown.column, this.data);
    this.paintSliders();
  }

  /** Draw the picture of the sliders over the chosen cell. */
  paintSliders() {
    const { sliders } = this;
    this.find(".unslide").hidden = !sliders.places.size;
    const shown = sliders.shown && this.hover === null;
    this.root.classList.toggle("slid", shown);
    this.find(".keep").textContent = shown && sliders.places.size > 1 ? "Hold these values" : "Hold this value";
    if (!shown) return;
    sliders.draw(this.find(".picture"));
    this.find(".caption").textContent = sliders.caption;
    this.find(".picture").setAttribute("aria-label", `Decoded picture: ${sliders.caption}`);
  }

  /**
   * Move the other scrubbers of the same group.
   * @param {{ row: number, column: number }} data
   */
  lead({ row, column }) {
    const { group } = this.data;
    const { pair, mirror } = this.rows[row].data;
    if (group) window.dispatchEvent(new CustomEvent("diswm-scrub", { detail: { from: this, group, pair, column, mirror } }));
  }

  /** @param {import("./types.js").Atlas} data */
  drawHeld(data) {
    const chips = (data.held ?? []).map((held) => buildChip(held, () => this.trigger("release", held.dim)));
    this.find(".held").replaceChildren(...chips);
    this.find(".base").textContent = chips.length ? "With held values" : data.base !== "frame" ? "Decoded" : "Reconstruction";
  }
}

export default mounted(".scrubber", Scrubber);
