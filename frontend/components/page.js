// Behaviour of the whole page: a skip link for keyboards, one press of Back leaves it, icons are not read aloud, a phone's menu closes.

export default function () {
  if (document.documentElement.dataset.diswmPage) return;
  document.documentElement.dataset.diswmPage = "true";
  keepHistoryShort();
  addSkip();
  hideIcons(document.body);
  showChosen(document.body);
  new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach((node) => {
    hideIcons(node);
    showChosen(node);
  }))).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("click", closeMenu);
}

/** The first press of Tab focuses a link that skips navigation and controls and leads to the first picture that keys can move. */
function addSkip() {
  const skip = document.createElement("button");
  skip.className = "diswm-skip";
  skip.textContent = "Skip to the pictures";
  skip.onclick = () => firstStop()?.focus();
  document.body.prepend(skip);
}

/** A row of the grid, the film of a rollout, the board of a play, a cell of a matrix; else what follows the header. */
function firstStop() {
  const roots = [...document.querySelectorAll("[data-testid=stMain] *")].flatMap((element) => element.shadowRoot ?? []);
  const inside = roots.flatMap((root) => root.querySelector(".strip[tabindex='0'], .film[tabindex='0'], .board, [tabindex='0']") ?? []);
  return /** @type {HTMLElement | null} */ (inside[0] ?? document.querySelector("[data-testid=stMain] button"));
}

/** A page writes its view into its address at every move; Back skips these entries and leads to another page. */
function keepHistoryShort() {
  const push = window.history.pushState.bind(window.history);
  window.history.pushState = (state, title, url) => {
    const samePage = new URL(url ?? "", window.location.href).pathname === window.location.pathname;
    if (samePage) window.history.replaceState(state, title, url);
    else push(state, title, url);
  };
}

/**
 * Icons are ligatures of a font ("model_training"); hide them, or a screen reader reads them before each name.
 * @param {any} node
 */
function hideIcons(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const icons = [...node.querySelectorAll("[data-testid=stIconMaterial]")];
  if (node.matches("[data-testid=stIconMaterial]")) icons.push(node);
  icons.forEach((icon) => icon.setAttribute("aria-hidden", "true"));
}

/**
 * Scrolls a row of sections that is wider than the screen to the open one.
 * @param {any} node
 */
function showChosen(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  for (const chosen of node.querySelectorAll("[data-testid=stButtonGroup] [aria-checked=true]")) {
    const row = chosen.parentElement;
    row.scrollLeft = chosen.offsetLeft - row.offsetLeft - 24;
  }
}

/**
 * Close the menu of a narrow screen after a choice, so that the chosen page is visible.
 * @param {any} event
 */
function closeMenu(event) {
  if (window.innerWidth > 768 || !event.target.closest?.("[data-testid=stSidebarNavLink]")) return;
  /** @type {HTMLElement | null} */ (document.querySelector("[data-testid=stSidebarCollapseButton] button"))?.click();
}
