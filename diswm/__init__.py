"""DisWM Studio from Python: open a checkpoint, draw its traversals. The command line is `diswm`.

import diswm
diswm.save_traversal("finger-episode-factors", "traversal.gif", columns=7)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint

__all__ = ["open_checkpoint", "save_traversal"]


def open_checkpoint(name: str, home: str | Path = ".diswm") -> Checkpoint:
    """A checkpoint by name, id or folder: one of this home, or one that comes with the package.

    Raises NotFound where there is none, CheckpointError where its files are damaged.
    """
    from backend.data.catalogue import find_checkpoint
    from backend.data.checkpoint import load_checkpoint

    return load_checkpoint(find_checkpoint(Path(home), str(name), allow_path=True))


def save_traversal(name: str, out: str | Path, home: str | Path = ".diswm", **fields: Any) -> Path:
    """Draw the traversals of a checkpoint into a file; its ending (gif, png, pdf, svg, mp4 ...) says the format.

    `fields` are those of `diswm traverse --help`, such as columns=7. Raises ViewError for a field that does not fit.
    """
    from backend.export.options import ExportOptions
    from backend.export.render import render_view
    from backend.interpret.traversal_request import TraversalRequest
    from backend.interpret.view import build_view

    path = Path(out)
    view = build_view(open_checkpoint(name, home), TraversalRequest(**fields))
    path.write_bytes(render_view(view, path.suffix.removeprefix(".").lower(), ExportOptions()))
    return path
