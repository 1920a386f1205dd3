"""Data sets of other projects, in a zip, a file or a folder: read episode by episode; runs in the decoding process."""

from functools import partial
from pathlib import Path
from typing import IO

from backend.data.containers import VideoError
from backend.data.decode.picture import rehearse
from backend.data.decode.sandbox import FRAME_BYTES, Decoded, Part, Request, close_files
from backend.data.episode import encode_episode
from backend.data.formats.protocol import Family, Look, Reader
from backend.data.formats.registry import open_reader, recognise, told
from backend.data.formats.tree import FolderTree, Tree, tree_of_file


def decode_dataset(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Write the episodes of a zip of a data set, or of a file that is one, in the layout of this program."""
    tree = tree_of_file(Path(request.sources[0]).name, source)
    family, root = recognise(tree, request.options.format)
    rehearse()
    family.rehearse()
    close_files()
    return _decode(tree, family, root, output, request)


def decode_folder(folder: Path, output: IO[bytes], request: Request) -> Decoded:
    """Write the episodes of a folder. Its files are opened as they are needed, and no others."""
    tree = FolderTree(folder)
    family, root = recognise(tree, request.options.format)
    return _decode(tree, family, root, output, request)


def _decode(tree: Tree, family: Family, root: str, output: IO[bytes], request: Request) -> Decoded:
    found = Decoded()
    look = Look(request.options.crop, request.limits, found)
    reader = open_reader(tree, family, root, look, request.options.format)
    found.format = reader.format
    if _is_large(tree, reader, request.limits.max_copied):
        _refer(reader, found)
        return found
    for n, frames in enumerate(reader.lengths):
        if found.frames + frames > request.limits.max_frames:
            found.warn(
                f"only the first {n} of {len(reader.lengths)} episodes were taken; "
                f"the limit is {request.limits.max_frames:,} frames"
            )
            break
        _write(reader, n, output, found)
    if not found.parts:
        message = f"its first episode has {reader.lengths[0]:,} frames; at most {request.limits.max_frames:,} are taken"
        raise VideoError("too_large", message, "Import it from the shell: diswm import-data.")
    return found


def _is_large(tree: Tree, reader: Reader, most: int | None) -> bool:
    return most is not None and max(sum(tree.files.values()), FRAME_BYTES * sum(reader.lengths)) > most


def _refer(reader: Reader, found: Decoded) -> None:
    """Describe a data set that is read in place; its first and last episode are tried."""
    for n in sorted({0, len(reader.lengths) - 1}):
        episode = told(partial(reader.read, n), f"episode {n}")
        found.action_size, found.factor_names = episode.action.shape[1], episode.factor_names
    found.parts = [Part("", 0, 0, frames) for frames in reader.lengths]
    found.frames = sum(reader.lengths)
    found.referenced = True


def _write(reader: Reader, n: int, output: IO[bytes], found: Decoded) -> None:
    episode = told(lambda: reader.read(n), f"episode {n}")
    if n == 0:
        found.action_size, found.factor_names = episode.action.shape[1], episode.factor_names
    if (episode.action.shape[1], episode.factor_names) != (found.action_size, found.factor_names):
        message = "the episodes of it differ in their actions or states"
        raise VideoError("mixed", message, "Import episodes of one environment at a time.")
    written = encode_episode(episode)
    found.parts.append(Part("", output.tell(), len(written), len(episode.image)))
    found.frames += len(episode.image)
    output.write(written)
