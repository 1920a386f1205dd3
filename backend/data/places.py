"""Places on disk: the folder of the shipped checkpoints, the names in a folder, and when a file changed. Lists have
thousands of entries, and making a path object for each takes longer than asking the disk: paths are text here.
"""

import os
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"  # read only
LONGEST_NAME = 255  # bytes, on the usual file systems
Stamp = tuple[int, int, int]


def names_in(folder: Path | str) -> list[str]:
    """The names in a folder, except those that begin with a dot; none if there is no such folder."""
    try:
        return [name for name in os.listdir(folder) if name[0] != "."]  # noqa: PTH208 - see above
    except (OSError, ValueError):
        return []


def stamp_of(path: str) -> Stamp:
    """A stamp of a file that changes when the file is written again. Raises OSError, ValueError."""
    found = os.stat(path)  # noqa: PTH116 - see above
    return found.st_mtime_ns, found.st_size, found.st_ino


def is_there(path: str) -> bool:
    """Whether a file or folder has this name."""
    try:
        return bool(stamp_of(path))
    except (OSError, ValueError):
        return False


def is_folder_name(id: str) -> bool:
    """Whether an id is a plain folder name and not a path."""
    short = 0 < len(id.encode(errors="replace")) <= LONGEST_NAME
    return short and not id.startswith(".") and not {"/", "\0", os.sep} & set(id)
