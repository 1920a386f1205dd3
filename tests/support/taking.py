"""Imports for tests, from pairs of a name and a path, with explicit options."""

from collections.abc import Sequence
from pathlib import Path

from backend.data.clips import UserFile, import_clips
from backend.data.decode.sandbox import Crop, Limits, Options
from backend.data.episodes import DatasetInfo
from backend.data.files import sha256


def take(
    files: Sequence[tuple[str, Path]],
    target: Path,
    name: str = "x",
    *,
    crop: Crop = "centre",
    fps: float | None = None,
    stride: int = 1,
    split: int = 64,
    limits: Limits | None = None,
) -> DatasetInfo:
    """The data set `target` made of files."""
    clips = [UserFile(given, path, sha256(path) if path.exists() else "") for given, path in files]
    return import_clips(clips, target, name, options=Options(crop, fps, stride, split), limits=limits)
