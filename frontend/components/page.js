// What holds for the whole page: one press of Back leaves it, icons are not read aloud, the menu of a phone closes.

export default function () {
  if (document.documentElement.dataset.diswmPage) return;
  document.documentElement.dataset.diswmPage = "true";
  keepHistoryShort();
  hideIcons(document.body);
  new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(hideIcons))).observe(document.body, {
    childList: true, subtree: true,
  });
  document.addEventListener("click", closeMenu);
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

/** Icons are words of a font ("model_training"); a screen reader would read them before each name. */
function hideIcons(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const icons = [...node.querySelectorAll("[data-testid=stIconMaterial]")];
  if (node.matches("[data-testid=stIconMaterial]")) icons.push(node);
  icons.forEach((icon) => icon.setAttribute("aria-hidden", "true"));
}

/** After a choice in the menu of a narrow screen, the page that was chosen is what people want to see. */
function closeMenu(event) {
  if (window.innerWidth > 768 || !event.target.closest?.("[data-testid=stSidebarNavLink]")) return;
  /** @type {HTMLElement | null} */ (document.querySelector("[data-testid=stSidebarCollapseButton] button"))?.click();
}
