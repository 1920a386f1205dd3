"""Several processes that learn from one batch, each from its rows: here, or on several machines by torchrun.

Every process has the same weights, optimiser and generators. Gradients are averaged in `Update`, noise is drawn for the
whole batch and the floor of the dynamics KL acts on the mean over all, so that the processes do what one would. The
first one reports, saves and publishes; saves do not depend on the number of processes.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, multiprocessing
from torch.distributed import TCPStore  # type: ignore[attr-defined] # its stub does not name it

from backend.pipeline.curriculum import shape
from backend.pipeline.report import Diverged
from backend.pipeline.settings import PipelineSettings, PretrainSettings, Problem, SettingsError, StageSettings
from models.share import ALONE, Share

TIMEOUT = timedelta(hours=2)
"""How long the others wait for the first process, which alone measures and publishes checkpoints."""

Value = TypeVar("Value")


class ProcessLost(Exception):
    """Another process of the same run has ended or cannot be reached."""


@dataclass(frozen=True)
class Team:
    """This process among those of its run."""

    share: Share = ALONE

    def device(self, device: str) -> str:
        """The device of this process, given the run's `device`: one GPU per process, if there are GPUs."""
        if self.share.size == 1 or not device.startswith("cuda"):
            return device
        return f"cuda:{os.environ.get('LOCAL_RANK', self.share.rank)}"

    def any(self, mine: bool) -> bool:
        """Whether it is so in any process."""
        if self.share.size == 1:
            return mine
        return bool(self.share.average(torch.tensor(float(mine))).item())

    def given(self, value: Value) -> Value:
        """The first process's value, in every process."""
        if self.share.size == 1:
            return value
        held: list[Any] = [value]
        with _exchange():
            distributed.broadcast_object_list(held)
        return held[0]  # type: ignore[no-any-return] # torch passes on any object


def check_processes(settings: StageSettings, processes: int, device: str) -> None:
    """Raises SettingsError unless this many processes, or those of torchrun, can share a stage's updates."""
    by_torchrun = size_by_torchrun()
    pretraining = settings.pretrain if isinstance(settings, PipelineSettings) and by_torchrun == 1 else settings
    size = max(processes, by_torchrun)
    here = int(os.environ["LOCAL_WORLD_SIZE"]) if by_torchrun > 1 else processes
    if size == 1:
        return
    if not isinstance(pretraining, PretrainSettings):
        raise SettingsError([Problem("/processes", "only pretraining is shared: other stages run in one process")])
    gpus = torch.cuda.device_count()
    if device.startswith("cuda") and here > gpus:
        raise SettingsError([Problem("/processes", f"each needs a GPU of its own, and this machine has {gpus}")])
    check_divides(pretraining, size)


def check_divides(settings: PretrainSettings, processes: int) -> None:
    """Raises SettingsError if a batch of the run, of any of its shapes, has no equal parts for all."""
    for update, progress in ((0, 0.0), (settings.seeing, 0.0), (settings.seeing, 1.0)):
        try:
            Share(size=processes).rows(shape(settings, update, progress)[0])
        except ValueError as error:
            raise SettingsError([Problem("/batch", str(error))]) from None


@contextmanager
def team(processes: int, follow: Callable[[Team], None]) -> Iterator[Team]:
    """Begin a team: as torchrun started this process, or with further processes on this machine, which `follow`.

    `follow` is pickled. Raises ProcessLost when one of the others ends early.
    """
    if size_by_torchrun() > 1:
        with by_torchrun() as joined:
            yield joined
    elif processes == 1:
        yield Team()
    else:
        store = TCPStore("127.0.0.1", 0, processes, is_master=True, wait_for_workers=False, timeout=TIMEOUT)
        context = multiprocessing.get_context("spawn")
        others = [
            context.Process(target=_follow, args=(follow, rank, processes, store.port), daemon=True)
            for rank in range(1, processes)
        ]
        try:
            for other in others:
                other.start()
            while not all(store.check([_ready(rank)]) for rank in range(1, processes)):
                if not all(other.is_alive() for other in others):
                    raise ProcessLost("a further process of this run ended before it began")
                time.sleep(0.05)
            _meet(store, 0, processes)
            with _joined(0, processes) as joined:
                yield joined
        finally:
            for other in others:
                other.kill()
                other.join()


@contextmanager
def by_torchrun() -> Iterator[Team]:
    """Join the processes that torchrun started, on this machine or on several."""
    distributed.init_process_group(_backend(), timeout=TIMEOUT)
    with _joined(distributed.get_rank(), distributed.get_world_size()) as joined:
        yield joined


def size_by_torchrun() -> int:
    """How many processes torchrun started, of which this is one; 1 if it started none."""
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def rank_by_torchrun() -> int:
    """This process's number among those that torchrun started; 0 if it started none."""
    return int(os.environ["RANK"]) if "TORCHELASTIC_RUN_ID" in os.environ else 0


def _follow(follow: Callable[[Team], None], rank: int, size: int, port: int) -> None:
    """The life of a further process: the first one decides when all of them stop, so signals are left to it."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    store = TCPStore("127.0.0.1", port, size, is_master=False, timeout=TIMEOUT)
    store.set(_ready(rank), "")
    _meet(store, rank, size)
    with suppress(Diverged, ProcessLost), _joined(rank, size) as joined:  # the first process says so
        follow(joined)


def _ready(rank: int) -> str:
    return f"ready-{rank}"


def _meet(store: TCPStore, rank: int, size: int) -> None:
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # a host's name need not resolve to its own address
    distributed.init_process_group(_backend(), store=store, rank=rank, world_size=size, timeout=TIMEOUT)


@contextmanager
def _joined(rank: int, size: int) -> Iterator[Team]:
    """The team of a process group that has begun; this process uses its part of the machine's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(threads // int(os.environ.get("LOCAL_WORLD_SIZE", size)), 1))
    try:
        yield Team(Share(rank, size, _average))
    finally:
        torch.set_num_threads(threads)
        distributed.destroy_process_group()


def _average(value: Tensor) -> Tensor:
    total = value.clone()
    with _exchange():
        distributed.all_reduce(total)
    return total / distributed.get_world_size()


@contextmanager
def _exchange() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise ProcessLost(f"another process of this run has ended or cannot be reached: {error}") from error


def _backend() -> str:
    return "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
