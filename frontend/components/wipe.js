// A wipe over the large picture: left of a line the original or the reconstruction, right of it the edit.

import { drawCell } from "./canvas.js";

export class Wipe {
  /** @param {(selector: string) => any} find */
  constructor(find) {
    this.find = find;
    this.with = "";
    for (const name of ["original", "reconstruction"]) find(`.against.${name}side`).onclick = () => this.toggle(name);
    find(".wipe").oninput = () => this.draw();
  }

  /**
   * Wipe with the original or the reconstruction; the same once more: no wipe.
   * @param {string} name
   */
  toggle(name) {
    this.with = this.with === name ? "" : name;
    this.draw();
  }

  draw() {
    const [over, slider, line] = [".over", ".wipe", ".wipeline"].map(this.find);
    for (const name of ["original", "reconstruction"]) {
      this.find(`.against.${name}side`).setAttribute("aria-pressed", String(this.with === name));
    }
    for (const element of [over, slider, line]) element.hidden = !this.with;
    if (!this.with) return;
    const source = this.find(`.${this.with}`);
    drawCell(over, source, source.width, 0, 0);
    over.style.clipPath = `inset(0 ${100 - slider.value}% 0 0)`;
    line.style.left = `${slider.value}%`;
    slider.setAttribute("aria-valuetext", `${slider.value} % ${this.with}`);
  }
}
