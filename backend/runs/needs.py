"""What a run reads of other runs, data sets and checkpoints, as places below a home."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from backend.data.store.upload import Wanted, everything

DATASETS = ("dataset", "demonstrations", "films")
CHECKPOINTS = ("start", "teacher")
TEACHERS = "teachers"
RUNS = "runs"


def needs_of(settings: Mapping[str, Any], home: Path) -> list[str]:
    """`datasets/ID`, `checkpoints/ID`, and `runs/RUN/dataset` or `runs/RUN/checkpoints` for what belongs to a run.

    What comes with the program, or lies elsewhere, is left out, as is what cannot be found.
    """
    found = (_place(home, name, checkpoint=checkpoint) for name, checkpoint in _references(settings))
    return sorted({place for place in found if place is not None})


def run_of(need: str) -> str | None:
    """The run that a need belongs to."""
    parts = PurePosixPath(need).parts
    return parts[1] if parts[0] == RUNS else None


def place_of(need: str) -> str:
    """The folder that is in the store as a whole: `runs/RUN` for what belongs to a run."""
    return "/".join(PurePosixPath(need).parts[:2])


def part_of(need: str) -> Wanted:
    """Which files of that folder are needed."""
    if run_of(need) is None:
        return everything
    kind = PurePosixPath(need).name
    return lambda name: kind in PurePosixPath(name).parts[:-1]


def _references(settings: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """(name, whether it is of a checkpoint) of everything that settings name, in the sections of a pipeline too."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _references(value)
        elif isinstance(value, str) and key == TEACHERS:
            yield from ((name.strip(), True) for name in value.split(",") if name.strip())
        elif isinstance(value, str) and key in (*DATASETS, *CHECKPOINTS):
            yield value, key in CHECKPOINTS


def _place(home: Path, name: str, *, checkpoint: bool) -> str | None:
    from backend.data.catalogue import NotFound, find_checkpoint, find_dataset  # torch, which a worker does without
    from backend.data.episode import EpisodeError
    from backend.data.networks import CheckpointError

    try:
        info = find_checkpoint(home, name) if checkpoint else find_dataset(home, name)
        parts = info.folder.resolve().relative_to(home.resolve()).parts
    except (NotFound, CheckpointError, EpisodeError, ValueError):
        return None
    return "/".join(parts[:2]) + (f"/{'checkpoints' if checkpoint else 'dataset'}" if parts[0] == RUNS else "")
