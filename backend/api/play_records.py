"""What any API process needs to continue a play: its checkpoint, seed and steps, in a file of DISWM_HOME."""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.data.files import write_file
from backend.data.places import Stamp, names_in, stamp_of
from backend.runs.locks import hold

FOLDER = "plays"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass
class Recorded:
    """How a play came where it is: the same steps lead to the same state in every process."""

    checkpoint: str
    weights: str  # the hash of the model's weights
    seed: int
    steps: list[Mapping[str, Any]] = field(default_factory=list)  # action, looks, edits


class PlayRecords:
    """The records of all plays of a home: a line for the beginning, and one for each step."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    @contextmanager
    def alone(self, id: str) -> Iterator[None]:
        """No other thread or process uses this play inside the block."""
        if not self._path(id).exists():
            yield  # it has ended, or never began
            return
        with hold(self._path(id).with_suffix(".lock"), wait=True):
            yield

    def stamp(self, id: str) -> Stamp | None:
        """Changes with every step; None for a play that has ended."""
        try:
            return stamp_of(str(self._path(id)))
        except OSError:
            return None

    def read(self, id: str) -> Recorded | None:
        """The record of a play; None if it has ended. A line that a kill cut off is left out: nobody saw that step."""
        try:
            lines = self._path(id).read_text().split("\n")
        except OSError:
            return None
        first, *steps = (json.loads(line) for line in lines[:-1])
        recorded = Recorded(**first, steps=steps)
        if lines[-1]:
            self.write(id, recorded)
        return recorded

    def write(self, id: str, recorded: Recorded) -> None:
        """Replace the record of a play."""
        self._folder.mkdir(exist_ok=True)
        first = {"checkpoint": recorded.checkpoint, "weights": recorded.weights, "seed": recorded.seed}
        write_file(self._path(id), "".join(map(_line, [first, *recorded.steps])).encode())

    def add(self, id: str, steps: Sequence[Mapping[str, Any]]) -> None:
        """Append steps to the record of a play."""
        with self._path(id).open("a") as file:
            file.write("".join(map(_line, steps)))

    def used(self, id: str) -> None:
        """Note that somebody still plays it."""
        os.utime(self._path(id))

    def remove(self, id: str) -> None:
        """The play has ended, for every process."""
        self._path(id).unlink(missing_ok=True)
        self._path(id).with_suffix(".lock").unlink(missing_ok=True)

    def remove_unused(self, seconds: float) -> None:
        """End the plays that no process has used for so long."""
        for name in names_in(self._folder):
            path = self._folder / name
            with suppress(FileNotFoundError):  # another process was faster
                if time.time() - path.stat().st_mtime > seconds and path.suffix == ".jsonl":
                    self.remove(path.stem)

    def _path(self, id: str) -> Path:
        return self._folder / f"{id if _ID.fullmatch(id) else 'none'}.jsonl"


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"
