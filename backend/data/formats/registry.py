"""Finds the format of a folder, a zip or a file, and its reader."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar

from backend.data.containers import VideoError
from backend.data.formats.folders import NPZ_FOLDER, PICTURE_FOLDER
from backend.data.formats.hdf5_files import HDF5
from backend.data.formats.lerobot import LEROBOT
from backend.data.formats.minari_arrow import MINARI_ARROW
from backend.data.formats.names import FORMATS
from backend.data.formats.protocol import Family, Look, Reader, check_length, refused
from backend.data.formats.rlds import RLDS_FOLDER
from backend.data.formats.stable_folder import STABLE_FOLDER
from backend.data.formats.tree import Tree
from backend.data.formats.zarr_buffers import ZARR_BUFFERS

Read = TypeVar("Read")

# The first that finds something in a tree is taken; what others find in the same folder are its parts.
FAMILIES: tuple[Family, ...] = (
    LEROBOT,
    STABLE_FOLDER,
    ZARR_BUFFERS,
    RLDS_FOLDER,
    MINARI_ARROW,
    HDF5,
    NPZ_FOLDER,
    PICTURE_FOLDER,
)


def recognise(tree: Tree, format: str | None = None) -> tuple[Family, str]:
    """The family of a tree and the place in it where the data set lies, by the names of the files alone.

    Raises VideoError where there is none, or more than one.
    """
    families = [family for family in FAMILIES if format is None or format in family.formats]
    found = [(family, root) for family in families for root in family.roots(tree)]
    if found:
        family, first = found[0]
        apart = [root for other, root in found if other is family or not (_holds(first, root) or _holds(root, first))]
        if len(apart) > 1:
            shown = ", ".join(repr(root) for root in apart[:4]) + (", …" if len(apart) > 4 else "")
            message = f"there are {len(apart)} data sets in it: {shown}"
            raise VideoError("mixed", message, "Import them one at a time.")
        return family, first
    suffixes = sorted({PurePosixPath(name).suffix for name in list(tree.files)[:1000]} - {""})[:6]
    holds = f"files of {', '.join(suffixes)}" if suffixes else "no files"
    wanted = f"no data set of the format {format}" if format else "no data set of a format that is read here"
    raise refused(f"there is {wanted} in it, only {holds}", f"These are read: {', '.join(FORMATS)}.")


def _holds(folder: str, place: str) -> bool:
    """Whether a place in a tree is this folder or lies in it."""
    return not folder or place == folder or place.startswith(f"{folder}/")


def open_reader(tree: Tree, family: Family, root: str, look: Look, format: str | None = None) -> Reader:
    """The reader of what `recognise` found. Raises VideoError."""
    reader = told(lambda: family.open(tree, root, look, format), "it")
    if not reader.lengths:
        raise refused("it has no episodes")
    for index, length in enumerate(reader.lengths):
        check_length(length, f"episode {index}")
    return reader


def told(work: Callable[[], Read], what: str) -> Read:
    """What `work` gives; whatever a format's library raises for a damaged file becomes a VideoError with a sentence."""
    try:
        return work()
    except (VideoError, MemoryError):
        raise
    except Exception as error:  # each library has its own exceptions for damage
        message = f"{what} cannot be read ({type(error).__name__}: {str(error)[:200] or 'no reason given'})"
        raise VideoError(
            "damaged", " ".join(message.split()), "Check the file with the library that wrote it."
        ) from error
