"""Work that one process of the API does and every other is asked about: a file that is locked while it goes on."""

import hashlib
import json
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from backend.api.exception_handlers import problem_of
from backend.data.places import names_in
from backend.http.problems import Fault, Problem
from backend.runs.locks import Held, Lock, hold, holder

FOLDER = "working"
OUTCOME_S = 3_600.0
"""How long an outcome can be asked for after its process has ended."""


class Outcome(NamedTuple):
    """How work ended: with a problem, or with an answer as JSON."""

    problem: Problem | None
    answer: Any


class Begun:
    """Work that this process does. `end` it."""

    def __init__(self, lock: Lock, stack: ExitStack) -> None:
        self._lock, self._stack = lock, stack

    def report(self, progress: str) -> None:
        """Say how far it is."""
        self._lock.announce(progress=progress)

    def end(self, answer: Any = None) -> None:
        """It is done."""
        self._lock.announce(answer=answer)
        self._stack.close()

    def fail(self, error: Exception) -> None:
        """It came to nothing."""
        problem = problem_of(error)
        named = {"status": problem.status, "slug": problem.slug, "detail": problem.detail, "remedy": problem.remedy}
        self._lock.announce(problem=named | {"errors": [asdict(fault) for fault in problem.errors]})
        self._stack.close()


class Work:
    """Work of this name, whichever process does it."""

    def __init__(self, home: Path, name: str) -> None:
        self._path = home / FOLDER / hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]

    def begin(self) -> Begun | None:
        """Do it here; None where it is being done already."""
        stack = ExitStack()
        try:
            return Begun(stack.enter_context(hold(self._path)), stack)
        except Held:
            return None

    def progress(self) -> str | None:
        """How far it is; None if nobody is doing it."""
        facts = holder(self._path)
        return None if facts is None else str(facts.get("progress", "waiting"))

    def outcome(self) -> Outcome | None:
        """How it ended; None if it never did."""
        try:
            facts = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return None
        if "problem" in facts:
            named = facts["problem"]
            faults = [Fault(**fault) for fault in named.pop("errors")]
            return Outcome(Problem(**named, errors=faults), None)
        return Outcome(None, facts["answer"]) if "answer" in facts else None

    def forget(self) -> None:
        """The outcome was told."""
        self._path.unlink(missing_ok=True)


def sweep_outcomes(home: Path) -> None:
    """Remove what nobody asked for."""
    for path in (home / FOLDER / name for name in names_in(home / FOLDER)):
        if time.time() - path.stat().st_mtime > OUTCOME_S and holder(path) is None:
            path.unlink(missing_ok=True)
