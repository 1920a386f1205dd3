"""ES modules of this folder, joined to one: each component is one script, and so is that of an exported page."""

import re
from pathlib import Path

_HERE = Path(__file__).parent
_IMPORT = re.compile(r"^import [^;]* from \"\./([a-z_]+\.js)\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(function|class|const) )(?!default)", re.MULTILINE)


def joined(script: str) -> str:
    """An ES module and those that it imports as one module: each once, what is imported before what imports it."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        for needed in _IMPORT.findall((_HERE / name).read_text()):
            visit(needed)
        order.append(name)

    visit(script)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", (_HERE / name).read_text())) for name in order)
