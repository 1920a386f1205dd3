"""Joins data sets into one: the shards that several machines collected, or films that were uploaded apart."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from backend.data.containers import VideoError
from backend.data.episodes import (
    DATASET,
    REFERENCE,
    DatasetInfo,
    episode_paths,
    now,
    read_dataset_info,
    write_dataset_info,
)
from backend.data.files import aside_of, put_in_place

SAME = ("kind", "environment", "action_size", "factor_names")
SAME_SETTINGS = ("look", "action_repeat")  # without which further frames could not be rendered
PART = {"episodes", "first_episode", "workers"}  # settings in which shards of one collection differ
_WORDS = {"kind": "origin", "action_size": "number of actions", "factor_names": "factors"}


def join(parts: Sequence[DatasetInfo], home: Path, name: str) -> DatasetInfo:
    """The data set of all episodes of several, in `home/datasets`; the existing one if they were joined before.

    Shards of one collection come in the order of their episodes, other parts as they are given. Episodes are linked
    where the disk can, so they take no room twice, and stay when a part is deleted. Settings that differ are left out.
    Raises VideoError if they do not fit together, OSError.
    """
    _check(parts)
    if _are_shards(parts):
        parts = sorted(parts, key=_first)
        _check_ranges(parts)
    told = "\n".join(f"{part.id} {part.episodes} {part.frames}" for part in parts)  # a collection may have grown
    digest = hashlib.sha256(told.encode()).hexdigest()
    target = home / "datasets" / f"joined-{digest[:16]}"
    if target.exists():
        return read_dataset_info(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = aside_of(target)
    aside.mkdir()
    try:
        paths = [path for part in parts for path in episode_paths(part.folder)]
        for number, path in enumerate(paths):
            _take(path, aside / f"episode-{number:06d}.npz")
        write_dataset_info(replace(_described(parts), id=target.name, name=name, folder=aside))
        put_in_place(aside, target)
    except FileExistsError:
        pass  # another process made it meanwhile
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return read_dataset_info(target)


def _check(parts: Sequence[DatasetInfo]) -> None:
    if len({part.folder.resolve() for part in parts}) < max(len(parts), 2):
        raise VideoError("joining", "two or more different data sets are joined", "Name each of them once.")
    for part in parts:
        if (part.folder / REFERENCE).is_file() or not (part.folder / DATASET).is_file():
            message = f"{part.name} is read in place, and has no episodes of its own to join"
            raise VideoError("joining", message, "Import it as a copy, or export it as npz and import that.")
    first = parts[0]
    for part in parts[1:]:
        differing = [name for name in SAME if getattr(part, name) != getattr(first, name)]
        differing += [name for name in SAME_SETTINGS if part.settings.get(name) != first.settings.get(name)]
        if differing:
            word = _WORDS.get(differing[0], differing[0].replace("_", " "))
            ours, theirs = (_value(of, differing[0]) for of in (part, first))
            message = f"{part.name} has another {word} ({ours}) than {first.name} ({theirs})"
            raise VideoError("joining", message, "Join data sets of one kind only.")


def _check_ranges(shards: Sequence[DatasetInfo]) -> None:
    for before, after in pairwise(shards):
        if _first(after) < _first(before) + before.episodes:
            message = f"{after.id} and {before.id} both hold episode {_first(after)} of the same collection"
            raise VideoError("joining", message, "Set first_episode so that each shard begins after the one before.")


def _are_shards(parts: Sequence[DatasetInfo]) -> bool:
    """Whether all were collected with the same settings and seed."""
    if any(part.kind != "collected" for part in parts):
        return False
    common = [{name: value for name, value in part.settings.items() if name not in PART} for part in parts]
    return all(settings == common[0] for settings in common)


def _first(part: DatasetInfo) -> int:
    return int(part.settings.get("first_episode", 0))


def _described(parts: Sequence[DatasetInfo]) -> DatasetInfo:
    first = parts[0]
    settings: dict[str, Any] = {
        name: value
        for name, value in first.settings.items()
        if name not in PART and all(part.settings.get(name) == value for part in parts)
    }
    if "files" in first.settings:  # of uploads, each with its codec
        settings["files"] = [file for part in parts for file in part.settings["files"]]
    lengths = tuple(length for part in parts for length in part.lengths)
    return replace(
        first,
        episodes=len(lengths),
        frames=sum(lengths),
        lengths=lengths,
        created_at=now(),
        settings={**settings, "joined": [part.id for part in parts]},
        warnings=tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)),
    )


def _take(source: Path, target: Path) -> None:
    """A hard link, or a synced copy where the disk has none or the source is on another."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())


def _value(part: DatasetInfo, name: str) -> str:
    value = getattr(part, name) if name in SAME else part.settings.get(name)
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)
