"""Style and behaviour of the whole page: see page.js, and the colour of primary buttons."""

import streamlit as st

from frontend.components.assets import register

_PAGE = register("page")
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 4.25rem; }
.diswm-skip { position: fixed; z-index: 1000000; top: 8px; left: -999px; padding: 6px 12px; border: 0;
  border-radius: 6px; background: #2756b3; color: #fff; font: inherit; }
.diswm-skip:focus { left: 8px; }
.st-key-header [data-testid="stPopoverButton"] { text-align: left; }
.st-key-header [data-testid="stPopoverButton"] p { font-size: 13px; }
button[kind^="primary"] { background-color: #2756b3; border-color: #2756b3; color: #fff; }
button[kind^="primary"]:hover { background-color: #1f4795; border-color: #1f4795; color: #fff; }
[data-testid="stMultiSelectTagsContainer"] [data-tag] { background-color: #2756b3; }
[data-testid="stCaptionContainer"] code { color: inherit; }
.js-plotly-plot :is(.xtick, .ytick, .g-xtitle, .g-ytitle, .cbaxis, .cbtitle) text, .js-plotly-plot .legendtext {
  fill: currentColor !important;
}
.js-plotly-plot .heatmap-label text[style*="rgb(68, 68, 68)"] { fill: #0b1119 !important; }
</style>"""
"""White on the dark theme's primary colour, which has to be read as text, would be too faint; so are Plotly's greys."""

_PHONE = """<style>
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding-top: 3.25rem; }
  [data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 10px; }
  .st-key-header { gap: 6px; }
  .st-key-header h1 { font-size: 1.3rem; }
  .st-key-header [data-testid="stPopoverButton"] p { font-size: 12px; line-height: 1.35; }
  :is([data-testid="stButtonGroup"], [data-testid="stElementToolbarButton"]) button { min-height: 32px; }
  [data-testid="stElementToolbarButton"] button { min-width: 32px; }
  [data-testid="stPageLink-NavLink"] { min-height: 32px; }
  button[aria-label^="Help for"] { min-height: 32px; min-width: 32px; margin: -8px; justify-content: center; }
  [data-testid="stHorizontalBlock"]:has(> [data-testid="stLayoutWrapper"] > [data-testid="stPopover"]),
  [data-testid="stButtonGroup"] > [role="radiogroup"], .st-key-factors-metrics {
    flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; padding: 2px; margin: -2px;
  }
  [data-testid="stHorizontalBlock"]:has(> [data-testid="stLayoutWrapper"] > [data-testid="stPopover"]) > *,
  [data-testid="stButtonGroup"] > [role="radiogroup"] > *, .st-key-factors-metrics > * { flex: 0 0 auto; }
}
@media (hover: none) {
  [data-testid="stElementContainer"]:has([data-testid="stDataFrame"]) { margin-top: 28px; }
}
</style>"""
"""On a phone, rows of buttons, sections and metrics are moved sideways, so that the first picture is in view. Where
nothing hovers, the tools of a table are always there and need a place of their own above it."""


def page_behaviour() -> None:
    """Mount it once on every page."""
    _PAGE(key="page")
    st.html(_STYLE + _PHONE)
