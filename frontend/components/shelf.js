// Many rows: a search, and pages of those that it finds.

export const MANY = 128; // rows, from which on they are searched and paged
const ROWS = 32; // of a page

/**
 * One page of the rows whose title contains a text, and the number of all such rows.
 * @param {string[]} titles
 * @param {string} text
 * @param {number} page 0 is the first; the nearest one where there are fewer
 */
export function shelved(titles, text, page) {
  const sought = text.trim().toLowerCase();
  const found = titles.map((_, index) => index).filter((index) => titles[index].toLowerCase().includes(sought));
  const last = Math.max(0, Math.ceil(found.length / ROWS) - 1);
  const at = Math.min(Math.max(0, page), last);
  return { shown: found.slice(at * ROWS, (at + 1) * ROWS), page: at, last, count: found.length };
}

export class Shelf {
  /**
   * @param {(selector: string) => any} find
   * @param {(shown: Set<number> | null) => void} show which rows are to be seen; null: all
   */
  constructor(find, show) {
    this.find = find;
    this.show = show;
    this.page = 0;
    /** @type {string[]} */
    this.titles = [];
    find(".seek").oninput = () => { this.page = 0; this.draw(); };
    find(".earlier").onclick = () => { this.page -= 1; this.draw(); };
    find(".later").onclick = () => { this.page += 1; this.draw(); };
  }

  /**
   * Replace the rows by others with these titles.
   * @param {string[]} titles
   */
  fill(titles) {
    this.titles = titles;
    this.page = 0;
    this.find(".shelf").hidden = titles.length < MANY;
    if (titles.length < MANY) this.show(null);
    else this.draw();
  }

  draw() {
    const { shown, page, last, count } = shelved(this.titles, this.find(".seek").value, this.page);
    this.page = page;
    this.find(".earlier").disabled = page === 0;
    this.find(".later").disabled = page === last;
    this.find(".which").textContent = count ? `${page * ROWS + 1} to ${page * ROWS + shown.length} of ${count}` : "none found";
    this.show(new Set(shown));
  }
}
