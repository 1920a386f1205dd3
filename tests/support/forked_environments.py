"""Processes of environments as forks of one that has the simulator loaded; `backend.envs.process` starts interpreters.

It has the one function of `multiprocessing` that `backend.envs.process` calls, and is put in its place.
"""

import os
from collections.abc import Callable, Mapping
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from tests.support.fork_server import ROOM, take_environment

PRELOADED = ["backend.envs.vector", "backend.pipeline.collect", "tests.support.simulators"]


def start() -> None:
    """Start the process that is forked, without waiting for its imports."""
    forkserver.set_forkserver_preload(PRELOADED)
    os.environ.update(ROOM)
    forkserver.ensure_running()
    for name in ROOM:
        del os.environ[name]


def get_context(_method: str) -> ForkServerContext:
    """Starts forks, whatever method is asked for."""
    return Context()


class Process(ForkServerProcess):
    """A fork with the environment of the process that orders it, as any child has."""

    def __init__(self, *, target: Callable[..., None], args: tuple[Any, ...], **more: Any) -> None:
        super().__init__(target=run_with, args=(dict(os.environ), target, args), **more)


class Context(ForkServerContext):
    Process = Process  # type: ignore[assignment]  # multiprocessing's own kind of override


def run_with(environment: Mapping[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    take_environment(environment)
    target(*arguments)
