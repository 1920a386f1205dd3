// Steering by hand: an action is chosen here, the page asks the model where it leads, the picture comes back.

import { clamp, drawCell, loadPicture, make, signed } from "./canvas.js";
import { buildCurve, coloursOf } from "./curves.js";
import { isForBrowser, mounted } from "./playable.js";

const KEYS = [["ArrowLeft", "ArrowRight"], ["ArrowDown", "ArrowUp"], ["a", "d"], ["s", "w"], ["j", "l"], ["k", "i"]];
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowDown: "↓", ArrowUp: "↑" };
const BEAT = 90; // milliseconds of a step at least

class Wheel {
  constructor(root) {
    this.root = root;
    this.way = null; // which start the steps belong to
    this.driving = false;
    this.waiting = false;
    this.pressed = new Set();
    this.find = (selector) => root.querySelector(selector);
    this.find(".play").onclick = () => this.drive(!this.driving);
    this.find(".step").onclick = () => { this.drive(false); this.go(); };
    this.find(".back").onclick = () => this.takeBack();
    this.find(".picture").onclick = () => root.focus();
    this.find(".restart").onclick = () => this.restart();
    root.addEventListener("keydown", (event) => this.onKey(event, true));
    root.addEventListener("keyup", (event) => this.onKey(event, false));
    root.addEventListener("focusout", (event) => { if (!root.contains(event.relatedTarget)) this.pressed.clear(); });
    this.drawPlay();
  }

  close() {
    this.drive(false);
    clearTimeout(this.next);
  }

  /** Take an answer: the picture after `count` actions of this way. An older answer, or another way's, is dropped. */
  async show(data) {
    this.data = data;
    if (data.way !== this.way) this.begin(data);
    if (data.count !== this.actions.length || this.steps.length > data.count) return;
    const picture = await loadPicture(data.frame);
    if (data.way !== this.way || data.count !== this.actions.length || this.steps.length !== data.count) return;
    this.steps.push({ picture, reward: data.predicted_reward, value: data.value, policy: data.policy });
    this.root.dataset.state = "ready";
    this.waiting = false;
    this.paint();
    const wants = this.driving || this.pressed.size > 0;
    if (wants) this.next = setTimeout(() => this.go(), Math.max(0, BEAT - (performance.now() - this.asked)));
  }

  begin(data) {
    Object.assign(this, { way: data.way, actions: [], steps: [], waiting: false, asked: 0 });
    this.drive(false);
    this.root.dataset.state = "loading";
    this.find(".auto").hidden = !data.policy;
    this.find(".policy").checked = false;
    this.levers = Array.from({ length: data.size }, (_, index) => this.buildLever(index));
    this.find(".levers").replaceChildren(...this.levers.map((lever) => lever.element));
    const keys = data.size > KEYS.length ? `keys for the first ${KEYS.length} actions, sliders for all` : "hold a key to act";
    this.find(".hint").textContent = `Click the picture, then ${keys}. Space: drive on and on · full stop: one step · comma: back · 0: start`;
  }

  buildLever(index) {
    const element = make("div", "lever");
    const name = make("span");
    name.textContent = `Action ${index}`;
    const slider = make("input", "", { type: "range", min: -1, max: 1, step: 0.05, value: 0, "aria-label": `Action ${index}` });
    const [less, more] = (KEYS[index] ?? ["", ""]).map((key) => {
      const sign = make("kbd");
      sign.textContent = SIGNS[key] ?? key.toUpperCase();
      if (!key) sign.style.visibility = "hidden";
      return sign;
    });
    const number = make("output");
    slider.oninput = () => this.paintLevers();
    slider.ondblclick = () => { slider.value = 0; this.paintLevers(); };
    element.append(name, less, slider, more, number);
    return { element, slider, less, more, number };
  }

  /** What is done next: the policy's advice, else the keys that are held, else the sliders. */
  action() {
    const advice = this.steps.at(-1)?.policy;
    if (this.find(".policy").checked && advice) return advice.map((value) => clamp(value, -1, 1));
    return this.levers.map(({ slider }, index) => {
      const [less, more] = KEYS[index] ?? [];
      if (this.pressed.has(less)) return -1;
      return this.pressed.has(more) ? 1 : Number(slider.value);
    });
  }

  go() {
    if (this.waiting || this.root.dataset.state !== "ready") return;
    if (this.actions.length >= this.data.most) return this.drive(false);
    this.actions = [...this.actions, this.action()];
    this.ask();
  }

  takeBack() {
    if (!this.actions?.length || this.waiting) return;
    this.drive(false);
    this.actions = this.actions.slice(0, -1);
    this.steps = this.steps.slice(0, this.actions.length + 1);
    this.tell("actions", { way: this.way, actions: this.actions });
    this.paint();
  }

  restart() {
    if (this.waiting) return;
    this.drive(false);
    this.actions = [];
    this.steps = this.steps.slice(0, 1);
    this.tell("actions", { way: this.way, actions: [] });
    this.paint();
  }

  ask() {
    this.waiting = true;
    this.asked = performance.now();
    this.tell("actions", { way: this.way, actions: this.actions });
  }

  drive(on) {
    this.driving = on;
    this.drawPlay();
    if (on) this.go();
  }

  onKey(event, down) {
    if (isForBrowser(event) || !this.levers) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const inSlider = event.target.type === "range" && key.startsWith("Arrow");
    const onControl = event.target.closest?.("button, input[type=checkbox]");
    const steers = !inSlider && KEYS.slice(0, this.levers.length).some((pair) => pair.includes(key));
    const other = { " ": () => this.drive(!this.driving), ".": () => this.go(), ",": () => this.takeBack(), 0: () => this.restart() };
    if (!steers && (!(key in other) || (onControl && key === " "))) return;
    event.preventDefault();
    event.stopPropagation();
    if (steers) {
      if (down) this.pressed.add(key);
      else this.pressed.delete(key);
      this.paintLevers();
      if (down && !event.repeat && !this.driving) this.go();
    } else if (down && !event.repeat) other[key]();
  }

  paint() {
    const last = this.steps.length - 1;
    const { context } = this.data;
    drawCell(this.find(".picture"), this.steps[last].picture, this.data.cell, 0, 0);
    this.root.classList.toggle("imagined", last > 0);
    const words = last ? `imagined, ${last} by hand` : "observed: the last frame that the model sees";
    this.find(".where").textContent = `step ${context - 1 + last} · ${words}`;
    this.find(".picture").setAttribute("aria-label", this.find(".where").textContent);
    this.paintLevers();
    this.paintFilm();
    this.paintCurves();
  }

  paintLevers() {
    const action = this.action();
    this.levers.forEach(({ less, more, number, slider }, index) => {
      const [low, high] = KEYS[index] ?? [];
      less.classList.toggle("down", this.pressed.has(low));
      more.classList.toggle("down", this.pressed.has(high));
      number.textContent = signed(action[index], 2);
      slider.setAttribute("aria-valuetext", signed(action[index], 2));
    });
  }

  paintFilm() {
    const { cell } = this.data;
    const film = this.find(".film .strip");
    const count = Math.max(this.steps.length, 12);
    film.width = count * cell;
    film.height = cell;
    const pen = film.getContext("2d");
    this.steps.forEach(({ picture }, index) => pen.drawImage(picture, index * cell, 0, cell, cell));
  }

  paintCurves() {
    const palette = getComputedStyle(this.root).getPropertyValue("--st-chart-categorical-colors").split(",");
    const wanted = [["Predicted reward", "reward"], ["Value", "value"]];
    const steps = Math.max(this.steps.length, 12);
    const charts = wanted
      .filter(([, name]) => Number.isFinite(this.steps[0][name]))
      .map(([title, name]) => {
        const lines = [{ name: "model", values: this.steps.map((step) => step[name]) }];
        const chart = buildCurve({ title, lines }, { steps, context: 1 }, coloursOf([{ lines }], palette));
        chart.show(this.steps.length - 1);
        return chart.element;
      });
    this.find(".curves").replaceChildren(...charts);
  }

  drawPlay() {
    this.find(".play").textContent = this.driving ? "❚❚ Stop" : "▶ Drive";
  }
}

export default mounted(".wheel", Wheel);
