// What the scrubber shows or hides on demand: inactive rows, the footprint, values under the rows, help.

export class Switches {
  /**
   * @param {HTMLElement} root
   * @param {(selector: string) => any} find
   */
  constructor(root, find) {
    this.root = root;
    this.find = find;
    this.folded = "";
    find(".foot").onclick = () => this.footprint();
    find(".nums").onclick = () => this.numbers();
    find(".ask").onclick = () => this.help();
    find(".fold").onclick = () => this.fold();
  }

  /** Whether the folded rows are shown. */
  get unfolded() {
    return this.find(".fold").getAttribute("aria-expanded") === "true";
  }

  /**
   * Sets the text about the folded rows.
   * @param {string} folded
   */
  nameFold(folded) {
    this.folded = folded;
    this.find(".fold").textContent = `${this.unfolded ? "Hide" : "Show"} ${folded}`;
  }

  fold(open = !this.unfolded) {
    this.find(".fold").setAttribute("aria-expanded", String(open));
    this.find(".rows.folded").hidden = !open;
    this.nameFold(this.folded);
  }

  footprint() {
    const on = this.root.classList.toggle("footprinted");
    this.find(".foot").setAttribute("aria-pressed", String(on));
  }

  numbers() {
    const on = this.root.classList.toggle("numbered");
    this.find(".nums").setAttribute("aria-pressed", String(on));
  }

  help(open = this.find(".help").hidden) {
    this.find(".help").hidden = !open;
    this.find(".ask").setAttribute("aria-expanded", String(open));
  }
}
