"""Current plays: each holds a simulator's process and a model's state, and ends when unused for a while."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from backend.data.checkpoint import Checkpoint
from backend.http.problems import Problem, overloaded
from backend.interpret.play import Play
from backend.interpret.simulation import distraction_of

MOST = 8  # at the same time: each is a process of about 150 MB
IDLE_SECONDS = 300.0
SPARED_SECONDS = 20.0  # a play that was used this recently is not ended for another one


@dataclass
class Held:
    """A play and the lock for using it."""

    play: Play
    close: Callable[[], None]
    moved: float
    lock: threading.Lock = field(default_factory=threading.Lock)


class Plays:
    """All plays of this process, by id."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._clock = clock
        self._ending = threading.Event()
        threading.Thread(target=self._watch, name="plays", daemon=True).start()

    def open(self, checkpoint: Checkpoint) -> tuple[str, Play]:
        """Starts the simulator of a checkpoint; raises EnvironmentFailed, Problem if there are too many plays."""
        from backend.envs.vector import ProcessEnvironment, process_factory  # only imported when somebody plays

        self._make_room()
        info = checkpoint.info
        settings = info.config.get("settings") or {}
        distraction = settings.get("distraction") or distraction_of(checkpoint.clip.factor_names)
        environment = str(info.environment)
        factory = process_factory(environment, distraction=distraction, **info.scene._asdict())
        world = ProcessEnvironment(environment, factory)
        id, play = secrets.token_urlsafe(12), Play(checkpoint, world)
        with self._lock:
            self._held[id] = Held(play, world.close, self._clock())
        return id, play

    @contextmanager
    def of(self, id: str) -> Iterator[Play]:
        """A play, for exclusive use; raises Problem 404 if it has ended."""
        with self._lock:
            held = self._held.get(id)
        if held is None:
            detail = f"This play has ended: nobody acted for {IDLE_SECONDS / 60:.0f} minutes, or the API was restarted."
            raise Problem(404, "play-over", detail, remedy="Begin another one.")
        with held.lock:
            held.moved = self._clock()
            yield held.play
            held.moved = self._clock()

    def close(self, id: str) -> None:
        """Ends the play with this id, if there is one."""
        with self._lock:
            held = self._held.pop(id, None)
        if held is not None:
            with held.lock:
                held.close()

    def close_all(self) -> None:
        """Ends every play."""
        self._ending.set()
        for id in list(self._held):
            self.close(id)

    def end_idle(self) -> None:
        """Ends those that were not used for IDLE_SECONDS."""
        late = self._clock() - IDLE_SECONDS
        for id in [id for id, held in list(self._held.items()) if held.moved < late]:
            self.close(id)

    def _make_room(self) -> None:
        self.end_idle()
        with self._lock:
            if len(self._held) < MOST:
                return
            oldest = min(self._held, key=lambda id: self._held[id].moved)
            if self._held[oldest].moved > self._clock() - SPARED_SECONDS:
                raise overloaded(f"{MOST} plays are open already.", seconds=30)
        self.close(oldest)

    def _watch(self) -> None:
        while not self._ending.wait(IDLE_SECONDS / 10):
            self.end_idle()
