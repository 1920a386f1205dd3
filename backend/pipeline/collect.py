"""Collecting distracting video: episodes of a random policy, written by several processes in parallel."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.data.archive import ArchiveError, read_headers
from backend.data.episodes import (
    DATASET,
    DatasetInfo,
    now,
    read_dataset_info,
    read_episode,
    write_dataset_info,
)
from backend.data.files import sweep, write_json
from backend.envs.gl import choose_backend
from backend.envs.process import Child
from backend.envs.protocol import SQUARE_WORLD, EnvironmentFailed
from backend.pipeline.collector import Order, collector, episode_path
from backend.pipeline.report import Stopped
from backend.pipeline.settings import CollectSettings, Problem, SettingsError

REQUEST = "collecting.json"  # the settings that the folder is being filled with
ATTEMPTS = 2  # a process that dies is replaced once for the same episode


class CollectReporter(Protocol):
    """What collecting needs of `backend.pipeline.report.Reporter`."""

    stop_requested: bool

    def progress(self, done: int, total: int, phase: str) -> None: ...

    def note(self, text: str) -> None: ...


def collect(
    settings: CollectSettings,
    out: Path,
    seed: int,
    reporter: CollectReporter,
    films: Sequence[NDArray[np.uint8]] = (),
    name: str | None = None,
    phase: str = "collect",
) -> DatasetInfo:
    """Fill `out/dataset` with episodes; existing ones are kept. `name` defaults to the environment's.

    Progress is reported as `phase`. `films` (T, 64, 64, 3) play behind the scene if the distraction shows a video.
    Episode i depends only on the settings, the films, the seed and i, never on the number of processes. Raises
    Stopped (call again to continue), EnvironmentFailed, SettingsError if the folder was started with other settings.
    """
    folder = out / "dataset"
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    _claim(folder, settings, seed)
    missing = deque(i for i in _numbers(settings) if not _is_whole(episode_path(folder, i)))
    if missing or not (folder / DATASET).exists():
        if missing:
            if settings.environment != SQUARE_WORLD:  # which draws its own
                choose_backend()  # once, for all processes
            _Crew(settings, folder, seed, missing, reporter, films, phase).work()
        write_dataset_info(_describe(settings, out, folder, seed, name))
    reporter.progress(settings.episodes, settings.episodes, phase)
    return read_dataset_info(folder)


class _Crew:
    """The processes, the episodes that are still to be made, and which process makes which."""

    def __init__(
        self,
        settings: CollectSettings,
        folder: Path,
        seed: int,
        missing: deque[int],
        reporter: CollectReporter,
        films: Sequence[NDArray[np.uint8]],
        phase: str,
    ) -> None:
        self._films, self._phase = films, phase
        self._order = Order(**settings.model_dump(include=set(Order._fields)))
        self._settings, self._folder, self._seed = settings, folder, seed
        self._missing, self._reporter = missing, reporter
        self._done = settings.episodes - len(missing)
        self._failures: dict[int, int] = {}
        self._jobs: list[_Job] = []

    def work(self) -> None:
        """Make all missing episodes; raises Stopped, EnvironmentFailed."""
        try:
            for _ in range(min(self._settings.workers, len(self._missing))):
                self._start()
            while self._jobs:
                self._reporter.progress(self._done, self._settings.episodes, self._phase)
                wait([job.child.connection for job in self._jobs], timeout=0.5)
                if self._reporter.stop_requested:
                    raise Stopped(f"stopped after {self._done} of {self._settings.episodes} episodes")
                for job in list(self._jobs):
                    self._attend(job)
        finally:
            for job in self._jobs:
                job.child.kill()
            sweep(self._folder)

    def _start(self) -> None:
        child = Child(self._order.environment, collector, self._order, self._folder, self._seed, self._films)
        job = _Job(child, self._missing.popleft())
        self._jobs.append(job)
        child.request(job.index)

    def _attend(self, job: "_Job") -> None:
        try:
            finished, _ = job.child.poll()
            if not finished:
                return
            self._done += 1
            if self._missing:
                job.index = self._missing.popleft()
                job.child.request(job.index)
            else:
                self._jobs.remove(job)
                job.child.close()
        except EnvironmentFailed as failure:
            self._replace(job, failure)

    def _replace(self, job: "_Job", failure: EnvironmentFailed) -> None:
        if self._reporter.stop_requested:
            raise Stopped(f"stopped after {self._done} of {self._settings.episodes} episodes")
        self._jobs.remove(job)
        self._failures[job.index] = self._failures.get(job.index, 0) + 1
        if self._failures[job.index] >= ATTEMPTS:
            raise failure
        self._reporter.note(f"episode {job.index}: {failure}; trying again in a fresh process")
        self._missing.appendleft(job.index)
        self._start()


@dataclass
class _Job:
    child: Child
    index: int  # of the current episode


def _numbers(settings: CollectSettings) -> range:
    return range(settings.first_episode, settings.first_episode + settings.episodes)


def _is_whole(path: Path) -> bool:
    try:
        return "image" in read_headers(path)
    except (ArchiveError, OSError):
        return False


def _claim(folder: Path, settings: CollectSettings, seed: int) -> None:
    """Record what the folder is filled with; only the number of episodes and of processes may change later."""
    wanted = {"seed": seed, **settings.model_dump(mode="json")}
    path = folder / REQUEST
    if path.exists():
        before: dict[str, Any] = json.loads(path.read_bytes())
        free = {"workers", "episodes"} if before["episodes"] <= settings.episodes else {"workers"}
        before = {name: field.default for name, field in CollectSettings.model_fields.items()} | before
        differing = sorted(key for key in wanted if key not in free and before.get(key) != wanted[key])
        if differing:
            key = differing[0]
            message = f"{folder} was started with {key} = {before.get(key)!r}, not {wanted[key]!r}: use another folder"
            raise SettingsError([Problem(f"/{key}", message)])
        if before["episodes"] < settings.episodes:
            (folder / DATASET).unlink(missing_ok=True)
    write_json(path, wanted)


def _describe(settings: CollectSettings, out: Path, folder: Path, seed: int, name: str | None) -> DatasetInfo:
    paths = [episode_path(folder, index) for index in _numbers(settings)]
    lengths = tuple(int(read_headers(path)["image"][0][0]) for path in paths)
    first = read_episode(paths[0])
    inner = out.name in ("collect", "held-out")  # part of a larger run, so it takes the run's id
    return DatasetInfo(
        id=f"{out.resolve().parent.name}-{out.name}" if inner else out.resolve().name,
        name=name or f"{settings.environment}-{settings.distraction}",
        kind="collected",
        folder=folder,
        environment=settings.environment,
        episodes=len(paths),
        frames=sum(lengths),
        lengths=lengths,
        action_size=first.action.shape[1],
        factor_names=first.factor_names,
        guessed_factors=False,
        created_at=now(),
        settings={"seed": seed, **settings.model_dump(mode="json")},
        warnings=(),
    )
