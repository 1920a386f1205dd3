// What holds for the whole page: a way past the navigation for keyboards, one press of Back leaves it, icons are not read aloud, the menu of a phone closes.

export default function () {
  if (document.documentElement.dataset.diswmPage) return;
  document.documentElement.dataset.diswmPage = "true";
  keepHistoryShort();
  addSkip();
  hideIcons(document.body);
  new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(hideIcons))).observe(document.body, {
    childList: true, subtree: true,
  });
  document.addEventListener("click", closeMenu);
}

/** The first stop of the Tab key leads past navigation and controls, to the first picture that keys move. */
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

/** A page writes its view into its address at every move. Those are no places to go back to: only another page is. */
function keepHistoryShort() {
  const push = window.history.pushState.bind(window.history);
  window.history.pushState = (state, title, url) => {
    const samePage = new URL(url ?? "", window.location.href).pathname === window.location.pathname;
    if (samePage) window.history.replaceState(state, title, url);
    else push(state, title, url);
  };
}

/**
 * Icons are words of a font ("model_training"); a screen reader would read them before each name.
 * @param {any} node
 */
function hideIcons(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const icons = [...node.querySelectorAll("[data-testid=stIconMaterial]")];
  if (node.matches("[data-testid=stIconMaterial]")) icons.push(node);
  icons.forEach((icon) => icon.setAttribute("aria-hidden", "true"));
}

/**
 * After a choice in the menu of a narrow screen, the page that was chosen is what people want to see.
 * @param {any} event
 */
function closeMenu(event) {
  if (window.innerWidth > 768 || !event.target.closest?.("[data-testid=stSidebarNavLink]")) return;
  /** @type {HTMLElement | null} */ (document.querySelector("[data-testid=stSidebarCollapseButton] button"))?.click();
}
