"""Users' text inside Markdown: names, notes and messages are shown as typed and load nothing."""

import re

_SIGNS = re.compile(r"[\\`*_\[\]<>$~|&]")
_OPENING = re.compile(r"^(#|[-+=]|\d+(?=[.)](\s|$)))")
_COLON = re.compile(r":(?=\S)")
JOINER = "\u2060"  # has no width: Streamlit looks for emoji and icons after it has read the escapes


def escape_markdown(text: object) -> str:
    """Text that Streamlit draws letter by letter: no emphasis, link, image, formula, colour, icon, list or heading."""
    line = _SIGNS.sub(r"\\\g<0>", " ".join(str(text).split()))
    line = _COLON.sub(rf"\:{JOINER}", line)
    return _OPENING.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", line)


def escape_plotly(text: object) -> str:
    """Text inside a figure: Plotly reads a few HTML tags, links among them."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
