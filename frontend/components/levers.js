// A lever for each action: two keys, a slider, and the number that is sent next.

import { make, signed } from "./canvas.js";

export const KEYS = [["ArrowLeft", "ArrowRight"], ["ArrowDown", "ArrowUp"], ["a", "d"], ["s", "w"], ["j", "l"], ["k", "i"]];
/** @type {Record<string, string>} */
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowDown: "↓", ArrowUp: "↑" };

/**
 * The action that keys and sliders ask for: a pressed key takes precedence over its slider.
 * @param {number[]} values
 * @param {Set<string>} pressed
 */
export function actionOf(values, pressed) {
  return values.map((value, index) => {
    const [less, more] = KEYS[index] ?? [];
    if (pressed.has(less)) return -1;
    return pressed.has(more) ? 1 : value;
  });
}

export class Levers {
  /**
   * @param {HTMLElement} element
   * @param {() => void} onMove
   */
  constructor(element, onMove) {
    this.element = element;
    this.onMove = onMove;
    this.pressed = new Set();
    /** @type {ReturnType<Levers["lever"]>[]} */
    this.levers = [];
  }

  /** @param {number} size */
  build(size) {
    this.pressed.clear();
    this.levers = Array.from({ length: size }, (_, index) => this.lever(index));
    this.element.replaceChildren(...this.levers.map(({ element }) => element));
  }

  /** @param {number} index */
  lever(index) {
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
    slider.oninput = () => this.onMove();
    slider.ondblclick = () => { slider.value = "0"; this.onMove(); };
    element.append(name, less, slider, more, number);
    return { element, slider, less, more, number };
  }

  /** @param {string} key */
  knows(key) {
    return KEYS.slice(0, this.levers.length).some((pair) => pair.includes(key));
  }

  /**
   * @param {string} key
   * @param {boolean} down
   */
  press(key, down) {
    if (down) this.pressed.add(key);
    else this.pressed.delete(key);
  }

  release() {
    this.pressed.clear();
  }

  action() {
    return actionOf(this.levers.map(({ slider }) => Number(slider.value)), this.pressed);
  }

  /** @param {number[]} action */
  paint(action) {
    this.levers.forEach(({ less, more, number, slider }, index) => {
      const [low, high] = KEYS[index] ?? [];
      less.classList.toggle("down", this.pressed.has(low));
      more.classList.toggle("down", this.pressed.has(high));
      number.textContent = signed(action[index], 2);
      slider.setAttribute("aria-valuetext", signed(action[index], 2));
    });
  }
}
