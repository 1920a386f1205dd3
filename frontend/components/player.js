// Plays a rollout: it receives one strip of pictures and draws every step from it without a request.

import { buildSwatch, clamp, drawCell, make, paletteOf } from "./canvas.js";
import { buildCurve, coloursOf } from "./curves.js";
import { Playable, isForBrowser, mounted, placeAt } from "./playable.js";

/** @extends {Playable<import("./types.js").Timeline>} */
class Player extends Playable {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    this.step = 0;
    /** @type {HTMLImageElement[]} */
    this.strips = [];
    /** @type {ReturnType<Player["buildPicture"]>[]} */
    this.pictures = [];
    /** @type {ReturnType<typeof buildCurve>[]} */
    this.curves = [];
    this.find(".play").onclick = () => this.togglePlay();
    this.find(".back").onclick = () => this.move(-1);
    this.find(".step").onclick = () => this.move(1);
    const film = this.find(".film");
    const go = (/** @type {any} */ event) => this.go(placeAt(event, film, this.data.steps));
    film.onpointerdown = (/** @type {any} */ event) => {
      this.stop();
      film.setPointerCapture(event.pointerId);
      go(event);
    };
    film.onpointermove = (/** @type {any} */ event) => { if (film.hasPointerCapture(event.pointerId)) go(event); };
    film.onpointerup = () => this.announce(0);
    this.drawPlay();
  }

  /**
   * Take new data; the same version again (a rerun of the page) leaves the step alone.
   * @param {import("./types.js").Timeline} data
   */
  async show(data) {
    const strips = await this.load(data.version, data.strips);
    if (!strips) return;
    this.data = data;
    this.strips = strips;
    this.step = clamp(data.step ?? data.context, 0, data.steps - 1);
    this.buildPictures();
    this.buildFilm();
    this.buildCurves();
    this.find(".film").setAttribute("aria-valuemax", String(data.steps - 1));
    this.find(".legend").hidden = data.context >= data.steps; // nothing is imagined: a film as it was recorded
    this.root.dataset.state = "ready";
    this.paint();
  }

  buildPictures() {
    this.pictures = this.data.rows.map((row) => this.buildPicture(row));
    this.root.style.setProperty("--count", String(this.pictures.length));
    this.find(".pictures").replaceChildren(...this.pictures.map((picture) => picture.figure));
  }

  /** @param {import("./types.js").Timeline["rows"][number]} sent */
  buildPicture({ title, note, strip, row, kind, colour }) {
    const figure = make("figure", kind);
    const canvas = make("canvas", "", { role: "img" });
    const caption = make("figcaption");
    caption.textContent = note ? `${title} · ${note}` : title;
    if (colour) caption.prepend(buildSwatch(colour));
    figure.append(canvas, caption);
    return { figure, canvas, strip, row, title };
  }

  buildFilm() {
    const { rows, steps, cell, context } = this.data;
    const film = this.find(".film .strip");
    film.width = steps * cell;
    film.height = rows.length * cell;
    const pen = film.getContext("2d");
    rows.forEach(({ strip, row }, index) => {
      pen.drawImage(this.strips[strip], 0, row * cell, steps * cell, cell, 0, index * cell, steps * cell, cell);
    });
    const names = rows.map(({ title }) => Object.assign(make("span"), { textContent: title }));
    this.find(".film .names").replaceChildren(...names);
    const share = (100 * context) / steps;
    const dash = `repeating-linear-gradient(90deg, var(--st-red-color) 0 8px, transparent 8px 12px)`;
    const solid = "linear-gradient(var(--st-green-color), var(--st-green-color))";
    Object.assign(this.find(".border").style, {
      backgroundImage: `${solid}, ${dash}`, backgroundRepeat: "no-repeat",
      backgroundSize: `${share}% 100%, ${100 - share}% 100%`, backgroundPosition: "left, right",
    });
    this.find(".film .cursor").style.width = `${100 / steps}%`;
  }

  buildCurves() {
    const colours = coloursOf(this.data.curves, paletteOf(this.root));
    this.curves = this.data.curves.map((curve) => buildCurve(curve, this.data, colours));
    this.find(".curves").replaceChildren(...this.curves.map((curve) => curve.element));
  }

  /** @param {number} step */
  go(step) {
    this.step = clamp(step, 0, this.data.steps - 1);
    this.paint();
  }

  /** @param {number} step */
  jump(step) {
    this.stop();
    this.go(step);
    this.announce(250);
  }

  /** @param {number} by */
  move(by) {
    this.stop();
    const { steps } = this.data;
    this.go((this.step + by + steps) % steps);
    this.announce(250);
  }

  /** @param {any} event */
  onKey(event) {
    if (isForBrowser(event) || !this.ready) return;
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => this.move(-1), ArrowRight: () => this.move(1), ",": () => this.move(-1), ".": () => this.move(1),
      Home: () => this.jump(0), End: () => this.jump(this.data.steps - 1), Escape: () => this.stop(),
    };
    if (!event.target.closest?.("button")) actions[" "] = () => this.togglePlay();
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  togglePlay() {
    this.play(12, () => this.go((this.step + 1) % this.data.steps));
  }

  tellPlace() {
    this.tell("step", this.step);
  }

  paint() {
    const { cell, steps, context, first } = this.data;
    const imagined = this.step >= context;
    for (const { canvas, strip, row, title } of this.pictures) {
      drawCell(canvas, this.strips[strip], cell, this.step, row);
      canvas.setAttribute("aria-label", `${title} at step ${this.step}`);
    }
    this.root.classList.toggle("imagined", imagined);
    this.find(".film .cursor").style.left = `${(100 * this.step) / steps}%`;
    const imagining = imagined ? `imagined, ${this.step - context + 1} of ${steps - context}` : "observed";
    const words = [`step ${this.step + (first ?? 0)}`, ...(context < steps ? [imagining] : [])];
    this.find(".where").textContent = words.join(" · ");
    this.find(".film").setAttribute("aria-valuenow", String(this.step));
    this.find(".film").setAttribute("aria-valuetext", words.join(", "));
    this.curves.forEach((curve) => curve.show(this.step));
  }
}

export default mounted(".player", Player);
