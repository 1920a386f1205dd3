"""Collecting distracting video: episodes of a random policy, written by several processes side by side."""

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
    Episode,
    episode_of,
    now,
    read_dataset_info,
    read_episode,
    write_dataset_info,
    write_episode,
)
from backend.data.files import sweep, write_json
from backend.envs.gl import choose_backend
from backend.envs.make import make_environment
from backend.envs.process import Beat, Child, Handler
from backend.envs.protocol import Environment, EnvironmentFailed
from backend.pipeline.config import CollectSettings, Problem, SettingsError
from backend.pipeline.report import Stopped

REQUEST = "collecting.json"  # what the folder is being filled with
ATTEMPTS = 2  # a process that dies is replaced once for the same episode
BEAT_EVERY = 20  # agent steps
MEMORY = 0.85  # correlation of a smooth policy's action with the one before


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
) -> DatasetInfo:
    """Fill `out/dataset` with episodes; those already there are kept.

    `films` (T, 64, 64, 3) play behind the scene where the distraction shows a video. Episode i depends on the
    settings, the films, the seed and i alone, never on the number of processes. Raises Stopped (call again to go
    on), EnvironmentFailed, SettingsError if the folder was begun with other settings.
    """
    folder = out / "dataset"
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    _claim(folder, settings, seed)
    missing = deque(i for i in range(settings.episodes) if not _is_whole(_path(folder, i)))
    if missing or not (folder / DATASET).exists():
        if missing:
            choose_backend()  # once, for all processes
            _Crew(settings, folder, seed, missing, reporter, films).work()
        write_dataset_info(_describe(settings, out, folder, seed))
    reporter.progress(settings.episodes, settings.episodes, "collect")
    return read_dataset_info(folder)


def record_episode(settings: CollectSettings, environment: Environment, seed: int, index: int, beat: Beat) -> Episode:
    """Episode `index`: at most `episode_steps` frames, the first of them that of the reset."""
    pose_seed, policy_seed = np.random.SeedSequence([seed & 0xFFFFFFFF, seed >> 32, index]).generate_state(2)
    random = np.random.default_rng(policy_seed)
    action = np.zeros(environment.action_size, np.float32)
    noise = random.normal(size=environment.action_size)
    steps, actions = [environment.reset(int(pose_seed))], [action]
    while len(steps) < settings.episode_steps and not steps[-1].is_last:
        if settings.policy == "smooth":
            fresh = random.normal(size=environment.action_size)
            noise = MEMORY * noise + np.sqrt(1 - MEMORY**2) * fresh
            action = np.clip(noise, -1, 1).astype(np.float32)
        else:
            action = random.uniform(-1, 1, environment.action_size).astype(np.float32)
        steps.append(environment.step(action))
        actions.append(action)
        if len(steps) % BEAT_EVERY == 0:
            beat()
    episode = episode_of(steps, actions, environment.factor_names)
    return episode._replace(is_last=np.arange(len(steps)) == len(steps) - 1)  # this recording ends here


class _Crew:
    """The processes, the episodes that are still to be made, and who makes which."""

    def __init__(
        self,
        settings: CollectSettings,
        folder: Path,
        seed: int,
        missing: deque[int],
        reporter: CollectReporter,
        films: Sequence[NDArray[np.uint8]],
    ) -> None:
        self._films = films
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
                self._reporter.progress(self._done, self._settings.episodes, "collect")
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
        child = Child(self._settings.environment, _recorder, self._settings, self._folder, self._seed, self._films)
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
    index: int  # of the episode under way


def _recorder(settings: CollectSettings, folder: Path, seed: int, films: Sequence[NDArray[np.uint8]]) -> Handler:
    """Runs in a child: makes one environment, then records the episodes it is asked for."""
    environment = make_environment(
        settings.environment,
        distraction=settings.distraction,
        action_repeat=settings.action_repeat,
        look=settings.look,
        random_pose=settings.random_pose,
        films=films,
    )

    def record(index: int, beat: Beat) -> None:
        write_episode(_path(folder, index), record_episode(settings, environment, seed, index, beat))

    return record


def _path(folder: Path, index: int) -> Path:
    return folder / f"episode-{index:06d}.npz"


def _is_whole(path: Path) -> bool:
    try:
        return "image" in read_headers(path)
    except (ArchiveError, OSError):
        return False


def _claim(folder: Path, settings: CollectSettings, seed: int) -> None:
    """Note what the folder is filled with; more episodes or other processes are welcome, nothing else."""
    wanted = {"seed": seed, **settings.model_dump()}
    path = folder / REQUEST
    if path.exists():
        before: dict[str, Any] = json.loads(path.read_bytes())
        free = {"workers", "episodes"} if before["episodes"] <= settings.episodes else {"workers"}
        differing = sorted(key for key in wanted if key not in free and before.get(key) != wanted[key])
        if differing:
            key = differing[0]
            message = f"{folder} was begun with {key} = {before.get(key)!r}, not {wanted[key]!r}: take another folder"
            raise SettingsError([Problem(f"/{key}", message)])
        if before["episodes"] < settings.episodes:
            (folder / DATASET).unlink(missing_ok=True)
    write_json(path, wanted)


def _describe(settings: CollectSettings, out: Path, folder: Path, seed: int) -> DatasetInfo:
    paths = [_path(folder, index) for index in range(settings.episodes)]
    lengths = tuple(int(read_headers(path)["image"][0][0]) for path in paths)
    first = read_episode(paths[0])
    inner = out.name in ("collect", "held-out")  # part of a larger run: its id is the run's
    return DatasetInfo(
        id=f"{out.resolve().parent.name}-{out.name}" if inner else out.resolve().name,
        name=f"{settings.environment}-{settings.distraction}",
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
        settings={"seed": seed, **settings.model_dump()},
        warnings=(),
    )
