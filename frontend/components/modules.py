"""Joins the ES modules of this folder: each component, and an exported page, gets one script."""

import re
from pathlib import Path

_HERE = Path(__file__).parent
_IMPORT = re.compile(r"^import [^;]* from \"\./([a-z_]+\.js)\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(function|class|const) )(?!default)", re.MULTILINE)


def joined(script: str) -> str:
    """An ES module and its imports as one module: each once, imports first."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", (_HERE / name).read_text())) for name in _needed(script))


def styles(script: str) -> str:
    """The style sheets of an ES module and of those that it imports: `curves.css` belongs to `curves.js`."""
    sheets = ((_HERE / name).with_suffix(".css") for name in _needed(script))
    return "\n".join(sheet.read_text() for sheet in sheets if sheet.exists())


def _needed(script: str) -> list[str]:
    """A module and its imports, itself last."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        for needed in _IMPORT.findall((_HERE / name).read_text()):
            visit(needed)
        order.append(name)

    visit(script)
    return order
