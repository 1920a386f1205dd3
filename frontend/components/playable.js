// The base of everything that plays or is scrubbed: one instance per element, an animation loop, and a place that the page learns when the hand rests.

import { loadPicture, motionIsReduced } from "./canvas.js";

/**
 * What Streamlit hands to a component at every run of the page.
 * @typedef {object} Component
 * @property {ParentNode} parentElement
 * @property {any} data what the page sent
 * @property {Tell} setStateValue
 * @property {Tell} setTriggerValue
 */
/** @typedef {(name: string, value: any) => void} Tell tells the page something */
/** @typedef {{ tell: Tell, trigger: Tell, show: (data: any) => void, close: () => void }} Mounted */

/** @type {WeakMap<Element, Mounted>} */
const instances = new WeakMap();

/**
 * The entry of a component: the instance of its element is made once, and takes new data at every run of the page.
 * @param {string} selector
 * @param {new (root: HTMLElement) => Mounted} Kind
 * @returns {(component: Component) => () => void}
 */
export function mounted(selector, Kind) {
  return (component) => {
    const root = /** @type {HTMLElement} */ (component.parentElement.querySelector(selector));
    let instance = instances.get(root);
    if (!instance) instances.set(root, (instance = new Kind(root)));
    instance.tell = component.setStateValue;
    instance.trigger = component.setTriggerValue;
    instance.show(component.data);
    return () => instance.close();
  };
}

/** @template Data what the page sends */
export class Playable {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Data} what the page sent last */
    this.data = /** @type {any} */ (null);
    /** @type {Tell} */
    this.tell = () => {};
    /** @type {Tell} */
    this.trigger = () => {};
    /** @type {string | null} */
    this.version = null;
    this.playing = 0;
    this.report = 0;
    /** @type {(selector: string) => any} an element inside, of whatever class it is */
    this.find = (selector) => root.querySelector(selector);
    /** @type {(event: KeyboardEvent) => void} */
    this.keys = (event) => this.onKey(event);
    root.addEventListener("keydown", this.keys);
  }

  close() {
    this.stop();
    clearTimeout(this.report);
    this.root.removeEventListener("keydown", this.keys);
    instances.delete(this.root);
  }

  get ready() {
    return this.root.dataset.state === "ready";
  }

  /**
   * A key was pressed inside.
   * @param {KeyboardEvent} _event
   */
  onKey(_event) {}

  /**
   * Move by a number of places.
   * @param {number} _by
   */
  move(_by) {}

  /** Tell the page the place that is shown. */
  tellPlace() {}

  /**
   * The pictures of new data, or null if it is the same version again or newer data came meanwhile.
   * @param {string} version
   * @param {string[]} uris
   */
  async load(version, uris) {
    if (version === this.version) return null;
    this.stop();
    this.version = version;
    this.root.dataset.state = "loading";
    const pictures = await Promise.all(uris.map(loadPicture));
    return version === this.version ? pictures : null;
  }

  /**
   * Run `tick` at a number of times per second, or once if the user prefers reduced motion.
   * @param {number} perSecond
   * @param {() => void} tick
   */
  play(perSecond, tick) {
    if (this.playing) return this.stop();
    if (motionIsReduced()) return this.move(1);
    let last = performance.now();
    const frame = (/** @type {number} */ now) => {
      this.playing = requestAnimationFrame(frame);
      if (now - last < 1000 / perSecond) return;
      last = now;
      tick();
    };
    this.playing = requestAnimationFrame(frame);
    this.drawPlay();
  }

  stop() {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.drawPlay();
    this.announce(0);
  }

  /**
   * Tell the page the place where the hand came to rest.
   * @param {number} delay
   */
  announce(delay) {
    clearTimeout(this.report);
    this.report = setTimeout(() => this.tellPlace(), delay);
  }

  drawPlay() {
    this.find(".play").textContent = this.playing ? "❚❚ Stop" : "▶ Play";
  }
}

/** Whether a key belongs to the browser: with Ctrl, Meta or Alt. */
export const isForBrowser = (/** @type {KeyboardEvent} */ event) => event.ctrlKey || event.metaKey || event.altKey;

/**
 * The index of the part under the pointer if the element's width is divided into equal parts; out of range beyond its ends.
 * @param {PointerEvent} event
 * @param {Element} element
 * @param {number} parts
 */
export function placeAt(event, element, parts) {
  const box = element.getBoundingClientRect();
  return Math.floor(((event.clientX - box.left) / box.width) * parts);
}
