"""Current plays: each holds a simulator's process and a model's state, and ends when unused for a while.

Its steps are recorded, so that another process of the API can continue it: there the simulator is started, and takes
the same steps first.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from backend.api.play_records import PlayRecords, Recorded
from backend.data.catalogue import NotFound
from backend.data.checkpoint import Checkpoint
from backend.data.networks import CheckpointError
from backend.data.places import Stamp
from backend.http.problems import Problem, overloaded
from backend.interpret.play import Play
from backend.interpret.simulation import distraction_of
from backend.interpret.view import provenance_of

MOST = 8  # at the same time: each is a process of about 150 MB
IDLE_SECONDS = 300.0
SPARED_SECONDS = 20.0  # a play that was used this recently is not ended for another one
Begun = TypeVar("Begun")
Load = Callable[[str], Checkpoint]  # by id; raises NotFound, CheckpointError


@dataclass
class Held:
    """A play, the lock for using it, and the stamp of its record when it was last used here."""

    play: Play
    close: Callable[[], None]
    moved: float
    known: Stamp | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Plays:
    """The plays of a home, by id, with the simulators that this process holds for them."""

    def __init__(self, home: Path, load: Load, clock: Callable[[], float] = time.monotonic) -> None:
        self._records, self._load = PlayRecords(home), load
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._clock = clock
        self._ending = threading.Event()
        threading.Thread(target=self._watch, name="plays", daemon=True).start()

    def open(self, checkpoint: Checkpoint, begin: Callable[[Play], Begun]) -> tuple[str, Begun]:
        """The id of a new play, and what `begin` answers; raises EnvironmentFailed, Problem if there are too many."""
        id = secrets.token_urlsafe(12)
        held = self._start(id, checkpoint)
        try:
            begun = begin(held.play)
            self._records.write(id, _record_of(held.play))
            held.known = self._records.stamp(id)
        except BaseException:
            self.close(id)
            raise
        return id, begun

    @contextmanager
    def of(self, id: str) -> Iterator[Play]:
        """A play, for exclusive use; raises Problem 404 if it has ended."""
        with self._records.alone(id):
            held = self._present(id)
            with held.lock:
                held.moved = self._clock()
                before = held.play.seed, list(held.play.taken)
                try:
                    yield held.play
                finally:
                    self._record(id, held.play, *before)
                    held.known, held.moved = self._records.stamp(id), self._clock()

    def close(self, id: str) -> None:
        """Ends the play with this id, if there is one."""
        self._records.remove(id)
        self._let_go(id)

    def close_all(self) -> None:
        """Lets every simulator of this process go; another process can continue the plays."""
        self._ending.set()
        for id in list(self._held):
            self._let_go(id)

    def end_idle(self) -> None:
        """Ends those that were not used for IDLE_SECONDS."""
        late = self._clock() - IDLE_SECONDS
        for id in [id for id, held in list(self._held.items()) if held.moved < late or not self._records.stamp(id)]:
            self._let_go(id)
        self._records.remove_unused(IDLE_SECONDS)

    def _present(self, id: str) -> Held:
        """The play as it is recorded: steps that another process took are taken here, too."""
        recorded_at = self._records.stamp(id)
        with self._lock:
            held = self._held.get(id)
        if held is not None and recorded_at is not None and held.known == recorded_at:
            return held
        recorded = self._records.read(id)
        if recorded is None:
            self._let_go(id)
            raise _over()
        if held is None:
            held = self._continued(id, recorded)
        held.play.follow(recorded.seed, recorded.steps)
        return held

    def _continued(self, id: str, recorded: Recorded) -> Held:
        try:
            checkpoint = self._load(recorded.checkpoint)
        except (NotFound, CheckpointError):
            raise _over() from None
        if provenance_of(checkpoint)["weights"] != recorded.weights:
            raise _over()
        return self._start(id, checkpoint)

    def _start(self, id: str, checkpoint: Checkpoint) -> Held:
        """Starts the simulator of a checkpoint."""
        from backend.envs.vector import ProcessEnvironment, process_factory  # only imported when somebody plays

        self._make_room()
        info = checkpoint.info
        settings = info.config.get("settings") or {}
        distraction = settings.get("distraction") or distraction_of(checkpoint.clip.factor_names)
        environment = str(info.environment)
        factory = process_factory(environment, distraction=distraction, **info.scene._asdict())
        world = ProcessEnvironment(environment, factory)
        held = Held(Play(checkpoint, world), world.close, self._clock())
        with self._lock:
            self._held[id] = held
        return held

    def _record(self, id: str, play: Play, seed: int, steps: list[Mapping[str, Any]]) -> None:
        """Record what was done since."""
        taken = list(play.taken)
        if self._records.stamp(id) is None:
            return  # it was ended meanwhile
        if play.seed != seed or taken[: len(steps)] != steps:
            self._records.write(id, _record_of(play))
        elif len(taken) > len(steps):
            self._records.add(id, taken[len(steps) :])
        else:
            self._records.used(id)

    def _let_go(self, id: str) -> None:
        with self._lock:
            held = self._held.pop(id, None)
        if held is not None:
            with held.lock:
                held.close()

    def _make_room(self) -> None:
        self.end_idle()
        with self._lock:
            if len(self._held) < MOST:
                return
            oldest = min(self._held, key=lambda id: self._held[id].moved)
            if self._held[oldest].moved > self._clock() - SPARED_SECONDS:
                raise overloaded(f"{MOST} plays are open already.", seconds=30)
        self._let_go(oldest)

    def _watch(self) -> None:
        while not self._ending.wait(IDLE_SECONDS / 10):
            self.end_idle()


def _record_of(play: Play) -> Recorded:
    origin = provenance_of(play.checkpoint)
    return Recorded(play.checkpoint.info.id, str(origin["weights"]), play.seed, list(play.taken))


def _over() -> Problem:
    detail = f"This play has ended: nobody acted for {IDLE_SECONDS / 60:.0f} minutes, or its checkpoint has changed."
    return Problem(404, "play-over", detail, remedy="Begin another one.")
