// Play: the simulator and the model beside each other under the same actions. Each step is one short request.

import { buildSwatch, clamp, loadPicture, make, paletteOf, signed } from "./canvas.js";
import { KEYS, Levers } from "./levers.js";
import { chartsOf, drawFilm, drawWhole } from "./moments.js";
import { isForBrowser, mounted } from "./playable.js";

const REACH = 3; // standard deviations that a slider goes to either side
const HISTORY_MS = 200;

class Board {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {import("./types.js").Play} what the page sent last */
    this.data = /** @type {any} */ (null);
    /** @type {string | null} null once it was closed */
    this.key = null;
    /** @type {import("./types.js").Moment[]} */
    this.moments = [];
    /** @type {ReturnType<Board["buildDim"]>[]} */
    this.dims = [];
    this.base = "";
    this.busy = this.policy = this.looks = this.playing = false;
    this.next = this.drawn = 0;
    /** @type {Map<number, number>} values of dimensions that are held */
    this.held = new Map();
    /** @type {import("./playable.js").Tell} */
    this.tell = () => {};
    /** @type {import("./playable.js").Tell} */
    this.trigger = () => {};
    /** @type {(selector: string) => any} an element inside, of whatever class it is */
    this.find = (selector) => root.querySelector(selector);
    this.levers = new Levers(this.find(".levers"), () => this.levers.paint(this.action()));
    this.find(".play").onclick = () => this.play(!this.playing);
    this.find(".step").onclick = () => this.once();
    this.find(".new").onclick = () => this.restart();
    this.find(".driver").onclick = () => this.hand(!this.policy);
    this.find(".eyes").onclick = () => this.look(!this.looks);
    this.find(".again").onclick = () => this.trigger("again", this.key);
    this.find(".dataset").onclick = () => this.keep();
    this.find(".review").oninput = (/** @type {any} */ event) => this.review(Number(event.target.value));
    this.find(".seats").onclick = () => root.focus();
    root.addEventListener("keydown", (event) => this.onKey(event, true));
    root.addEventListener("keyup", (event) => this.onKey(event, false));
    root.addEventListener("focusout", (event) => {
      if (!root.contains(/** @type {Node | null} */ (event.relatedTarget))) this.levers.release();
    });
  }

  close() {
    this.play(false);
    this.key = null;
  }

  /**
   * Show a play that the page has started; showing the same one again changes nothing.
   * @param {import("./types.js").Play} data
   */
  async show(data) {
    if (data.key === this.key) return;
    Object.assign(this, { key: data.key, data, moments: [], held: new Map(), busy: false, policy: false, looks: true });
    this.base = `${/** @type {any} */ (window).__streamlit?.BACKEND_BASE_URL ?? ""}${data.base}`;
    this.play(false);
    this.trouble("");
    this.find(".driver").hidden = !data.policy;
    this.levers.build(data.actions);
    this.buildDims();
    /** @type {NodeListOf<HTMLAnchorElement>} */
    const links = this.root.querySelectorAll(".keep a");
    for (const link of links) link.href = `${this.base}/film?format=${link.dataset.format}`;
    const keys = data.actions > KEYS.length ? `keys for the first ${KEYS.length} actions` : "hold a key to act";
    const hints = [`Click a picture, then ${keys}. Space: play`, "full stop: one step", ...(data.policy ? ["m: policy or you"] : [])];
    this.find(".hint").textContent = [...hints, "e: the model looks or imagines", "n: another episode"].join(" · ");
    this.hand(false);
    this.look(true);
    await this.arrive(data.moment, true);
    this.root.dataset.state = "ready";
  }

  buildDims() {
    this.dims = this.data.dimensions.map((dimension) => this.buildDim(dimension));
    this.find(".dims").replaceChildren(...this.dims.map(({ element }) => element));
    this.find(".holds").hidden = !this.dims.length;
  }

  /** @param {import("./types.js").Play["dimensions"][number]} dimension */
  buildDim({ dim, name, mean, std, colour }) {
    const element = make("label", "dim");
    const title = make("span", "", { title: name });
    title.textContent = name;
    title.prepend(buildSwatch(colour));
    const slider = make("input", "", { type: "range", min: -REACH, max: REACH, step: 0.05, value: 0, "aria-label": `Hold ${name}, in sigma` });
    const number = make("output");
    slider.oninput = () => { this.held.set(dim, mean + std * Number(slider.value)); this.paintDims(); };
    slider.ondblclick = () => { this.held.delete(dim); this.paintDims(); };
    element.append(title, slider, number);
    return { dim, mean, std, element, slider, number };
  }

  get last() {
    return this.moments.at(-1);
  }

  /** The next action: the policy's, else that of held keys, else that of the sliders. */
  action() {
    return this.policy && this.last?.policy ? this.last.policy.map((value) => clamp(value, -1, 1)) : this.levers.action();
  }

  /**
   * @param {string} path
   * @param {object} body
   */
  async ask(path, body) {
    const answer = await fetch(`${this.base}/${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.detail ?? `The API answered ${answer.status}.`);
    return found;
  }

  /** Take one step; false if it failed. */
  async step() {
    const { key } = this;
    if (this.busy || !key || !this.last || this.last.over) return false;
    this.busy = true;
    try {
      const edits = Object.fromEntries([...this.held].map(([dim, value]) => [String(dim), value]));
      const moment = await this.ask("steps", { action: this.policy ? null : this.levers.action(), looks: this.looks, edits });
      if (key === this.key) await this.arrive(moment);
      return key === this.key;
    } catch (error) {
      if (key === this.key) this.trouble(messageOf(error));
      return false;
    } finally {
      this.busy = false;
    }
  }

  async restart() {
    if (this.busy || !this.key) return;
    this.play(false);
    this.busy = true;
    try {
      const seed = Math.floor(Math.random() * 1e6);
      const moment = await this.ask("restart", { seed });
      await this.arrive(moment, true);
    } catch (error) {
      this.trouble(messageOf(error));
    } finally {
      this.busy = false;
    }
  }

  /**
   * @param {import("./types.js").SentMoment} moment
   * @param {boolean} [first]
   */
  async arrive(moment, first = false) {
    const [real, model] = await Promise.all([loadPicture(moment.real), loadPicture(moment.model)]);
    this.moments = [...(first ? [] : this.moments), { ...moment, real, model }];
    this.root.dataset.steps = String(this.moments.length - 1);
    this.paint(this.moments.length - 1);
    if (moment.over || this.moments.length > this.data.most) this.play(false);
  }

  once() {
    this.play(false);
    return this.step();
  }

  /** @param {boolean} on */
  play(on) {
    clearTimeout(this.next);
    const stops = this.playing && !on;
    this.playing = on;
    if (stops) this.paintHistory(this.moments.length - 1);
    this.find(".play").textContent = on ? "❚❚ Pause" : "▶ Play";
    if (on) this.beat();
  }

  async beat() {
    const begun = performance.now();
    if (!(await this.step())) return this.play(false);
    const rest = 1000 / Number(this.find(".speed").value) - (performance.now() - begun);
    if (this.playing) this.next = setTimeout(() => this.beat(), Math.max(0, rest));
  }

  /** @param {boolean} policy */
  hand(policy) {
    this.policy = policy && this.data.policy;
    this.find(".driver").textContent = this.policy ? "Policy drives" : "You drive";
    this.find(".driver").setAttribute("aria-pressed", String(this.policy));
    this.levers.paint(this.action());
  }

  /** @param {boolean} looks */
  look(looks) {
    this.looks = looks;
    this.find(".eyes").textContent = looks ? "Model looks" : "Model imagines";
    this.find(".eyes").setAttribute("aria-pressed", String(looks));
  }

  async keep() {
    try {
      const saved = await this.ask("dataset", { name: `${this.data.name}, played` });
      this.find(".saved").textContent = `Saved as the data set “${saved.name}” of ${saved.frames} frames: see Data.`;
    } catch (error) {
      this.trouble(messageOf(error));
    }
  }

  /** @param {string} message */
  trouble(message) {
    const box = this.find(".trouble");
    box.hidden = !message;
    box.querySelector("span").textContent = message;
  }

  /**
   * @param {any} event
   * @param {boolean} down
   */
  onKey(event, down) {
    if (isForBrowser(event) || !this.key) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const onRange = event.target.type === "range" && key.startsWith("Arrow");
    const onControl = event.target.closest?.("button, a, select, summary");
    const steers = !onRange && this.levers.knows(key);
    /** @type {Record<string, () => unknown>} */
    const others = {
      " ": () => this.play(!this.playing), ".": () => this.once(), n: () => this.restart(),
      m: () => this.hand(!this.policy), e: () => this.look(!this.looks),
    };
    if (!steers && (!(key in others) || (onControl && key === " "))) return;
    event.preventDefault();
    event.stopPropagation();
    if (steers) {
      this.levers.press(key, down);
      this.levers.paint(this.action());
      if (down && !event.repeat && !this.playing) this.step();
    } else if (down && !event.repeat) others[key]();
  }

  /** @param {number} index */
  review(index) {
    this.play(false);
    this.paint(index);
  }

  /** @param {number} index */
  paint(index) {
    const moment = this.moments[index];
    for (const name of /** @type {const} */ (["real", "model"])) drawWhole(this.find(`.${name} canvas`), moment[name]);
    this.root.classList.toggle("imagined", !moment.looked);
    const state = moment.over ? "the episode is over" : moment.looked ? "the model has seen this picture" : "imagined";
    this.find(".where").textContent = `step ${moment.step} · ${state} · pictures differ by ${moment.difference.toFixed(1)} grey levels`;
    Object.assign(this.find(".review"), { max: this.moments.length - 1, value: index });
    this.levers.paint(this.action());
    this.paintDims(moment);
    this.paintHistory(index);
  }

  /**
   * Draw film and curves, which takes longer than a step: a few times per second while it plays.
   * @param {number} index
   */
  paintHistory(index) {
    const now = performance.now();
    if (this.playing && now - this.drawn < HISTORY_MS) return;
    this.drawn = now;
    drawFilm(this.find(".film"), this.moments, index);
    this.find(".curves").replaceChildren(...chartsOf(this.moments, index, paletteOf(this.root)));
  }

  paintDims(moment = this.last) {
    for (const { dim, mean, std, element, slider, number } of this.dims) {
      const held = this.held.get(dim);
      const sigma = ((held ?? moment?.latent?.[dim] ?? mean) - mean) / std;
      element.classList.toggle("held", held !== undefined);
      if (held === undefined) slider.value = String(clamp(sigma, -REACH, REACH));
      number.textContent = `${signed(sigma, 1)} σ`;
    }
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

export default mounted(".board", Board);
