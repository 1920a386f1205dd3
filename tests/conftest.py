"""Fixtures for many tests: a clip with known factors, and a home with small, randomly initialised checkpoints."""

import datetime
import gc
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
import torch
from numpy.typing import NDArray

from backend.data.checkpoint import save_checkpoint
from backend.data.clip import Clip
from backend.envs.gl import choose_backend
from backend.settings import get_settings
from models.actor_critic import ActorCritic
from models.config import ActorCriticConfig, VideoModelConfig, WorldModelConfig
from models.traversal import LatentStatistics
from models.types import normalise
from models.video_model import VideoModel
from models.world_model import WorldModel
from tests.support import forked_environments
from tests.support.forks import Ended, Forks
from tests.support.postgres import Server, server

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

EPISODES, STEPS, ACTIONS = 3, 24, 2
FACTOR_NAMES = ("square x", "square y", "square brightness")


TOGETHER = "tests/frontend/browser"
"""Tests that one process runs, because they share a browser."""

LONGEST_FIRST = (
    "frontend/browser",
    "faults/test_worker.py",
    "test_documents.py",
    "backend/pipeline/test_learns.py",
    "frontend/test_end_to_end.py",
    "frontend/test_pages.py",
    "faults/test_crash_points.py",
    "backend/pipeline/test_pretrain.py",
    "faults/test_postgres.py",
    "backend/pipeline/test_parallel.py",
    "faults/test_replicas.py",
    "backend/api/test_schemathesis.py",
    "models/test_context.py",
    "backend/pipeline/test_finetune.py",
    "faults/test_pipeline.py",
    "backend/pipeline/methods/test_lifelong.py",
    "backend/cli/test_views.py",
    "frontend/test_outage.py",
    "frontend/test_traversals.py",
    "backend/pipeline/methods/test_flow.py",
    "faults/test_api.py",
    "test_wheel.py",
    "frontend/test_imagination.py",
    "backend/test_command_line.py",
    "frontend/test_quality.py",
)
"""Files, and a folder, that take some 25 seconds or more; those that mostly wait alternate with those that compute."""


STARTED_ANEW = (
    "backend/envs/test_vector.py",
    "backend/pipeline/test_environments.py",
    "backend/api/test_play.py",
    "backend/data/test_decode.py",
    "backend/data/test_unpacked.py",
)
"""Tests whose environments and decoders are new interpreters, as they are for users."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look for garbage less often, as a process of the tests holds millions of objects that stay; share collection.

    Each process of the tests reads all of them, and a file is translated by the first that reads it, which takes longer
    than the rest: so each begins at another place. `pytest_collection_modifyitems` brings them into one order.
    """
    gc.set_threshold(50_000)
    own, config = getattr(session.config, "workerinput", None), session.config
    if own and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        files = sorted(str(file) for place in config.args for file in Path(place).rglob("test_*.py"))
        first = int(own["workerid"].removeprefix("gw")) * len(files) // own["workercount"]
        config.args[:] = files[first:] + files[:first]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files start first, then those with slow tests, so that all processes end at about the same time.

    Whatever the order in which files were read, this one is the same in each process.
    """
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST_FIRST)}
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[int, bool, Path]:
        found = places.get(item.path, places.get(item.path.parent, len(places)))
        return found, item.path not in slow, item.path

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadScopeScheduling | None":
    """Processes take whole files, or all that stays together."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER if nodeid.startswith(f"{TOGETHER}/") else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _one_precision_on_every_cpu() -> Iterator[None]:
    """Image networks learn in float32 unless a test says otherwise, whatever this CPU multiplies in hardware."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cpu, "get_capabilities", dict)
        yield


@pytest.fixture(scope="module", autouse=True)
def _ordinary_priority() -> Iterator[None]:
    """No test makes this process real-time: whatever it starts later, browsers too, would leave the rest no CPU."""
    yield
    if hasattr(os, "sched_getscheduler"):
        assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.fixture(scope="session")
def _forked_environments() -> None:
    choose_backend()  # children inherit the choice, for which each command would draw a picture in a new interpreter
    forked_environments.start()


@pytest.fixture(scope="session")
def _decoders() -> Iterator[SimpleNamespace]:
    """`subprocess` for the processes that read films and pictures: forks of one that has loaded what they need."""
    server = Forks("import_decoders")

    def run(_command: Sequence[str], *, input: str, timeout: float, **_captured: object) -> Ended:
        return server.run((), dict(os.environ), module="backend.data.decode.__main__", input=input, timeout=timeout)

    yield SimpleNamespace(run=run, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired)
    server.end()


@pytest.fixture(scope="module", autouse=True)
def _children_are_forks(
    request: pytest.FixtureRequest, _forked_environments: None, _decoders: SimpleNamespace
) -> Iterator[None]:
    """Environments and decoders begin without their imports, but for the tests of these processes themselves."""
    with pytest.MonkeyPatch.context() as patch:
        if not any(request.path.is_relative_to(Path(__file__).parent / place) for place in STARTED_ANEW):
            patch.setattr("backend.envs.process.multiprocessing", forked_environments)
            patch.setattr("backend.data.decode.client.subprocess", _decoders)
        yield


@pytest.fixture(autouse=True)
def _settings_of_this_test_alone() -> Iterator[None]:
    """Settings are read once a process; here each test reads its own environment."""
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A Postgres server for all tests of this process."""
    with server() as running:
        yield running


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """The server that forks `diswm` commands."""
    server = Forks()
    yield server
    server.end()


@pytest.fixture
def forked_readers(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that read foreign files have torch loaded; all else is theirs: limits, reading, what they say."""

    def run(command: Sequence[str], **_captured: object) -> Ended:
        _, _, module, *arguments = command
        return forks.run(tuple(arguments), {}, module=module)

    monkeypatch.setattr("backend.data.tensors_apart.subprocess", SimpleNamespace(run=run, TimeoutExpired=TimeoutError))


@pytest.fixture(scope="session")
def moving_squares() -> Clip:
    """Episodes of a square that moves and changes its brightness: the three factors are known in every frame."""
    generator = np.random.default_rng(0)
    action = generator.uniform(-1, 1, (EPISODES, STEPS, ACTIONS)).astype(np.float32)
    action[:, 0] = 0
    start = generator.uniform(16, 40, (EPISODES, 1, 2))
    position = np.clip(start + np.cumsum(6 * action, 1), 2, 46).astype(np.float32)
    brightness = np.broadcast_to(generator.uniform(90, 255, (EPISODES, 1, 1)), (EPISODES, STEPS, 1))
    factors = np.concatenate([position, brightness], -1).astype(np.float32)
    image = np.stack([[draw_square(*frame) for frame in episode] for episode in factors])
    reward = (position[..., 0] / 64).astype(np.float32)
    return Clip(image, action, reward, factors, FACTOR_NAMES)


@pytest.fixture(scope="session")
def tiny_checkpoint_home(tmp_path_factory: pytest.TempPathFactory, moving_squares: Clip) -> Path:
    """A DISWM_HOME with the checkpoints `tiny-video` (action-free) and `tiny-world` (actions, policy). Do not write.

    Both have 6 latents and random weights; their clips are `moving_squares`.
    """
    home = tmp_path_factory.mktemp("home")
    save_tiny_video(home / "checkpoints" / "tiny-video", moving_squares)
    save_tiny_world(home / "checkpoints" / "tiny-world", moving_squares)
    return home


@pytest.fixture(scope="session")
def save_video_model(moving_squares: Clip) -> Callable[[Path, int], None]:
    """`save_video_model(folder, latents)`: a small video model with so many latents, as pretraining writes it."""
    return lambda folder, latents: save_tiny_video(folder, moving_squares, latents)


def draw_square(x: float, y: float, brightness: float) -> NDArray[np.uint8]:
    """One frame (64, 64, 3): a square of 16 pixels on dark blue."""
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[..., 2] = 60
    frame[int(y) : int(y) + 16, int(x) : int(x) + 16] = int(brightness)
    return frame


def save_tiny_video(folder: Path, clip: Clip, latents: int = 6) -> None:
    """A checkpoint of a small video model, as pretraining writes it."""
    torch.manual_seed(0)
    config = VideoModelConfig(latents=latents, stoch=8, deter=16, hidden=16, kernels=(8, 8, 8, 8, 16))
    model = VideoModel(config).eval()
    save_checkpoint(
        folder,
        model=model,
        actor_critic=None,
        config=described(folder.name, "pretrain"),
        clip=clip,
        statistics=statistics_of(model, clip),
    )


def save_tiny_world(folder: Path, clip: Clip) -> None:
    """A checkpoint of a small world model with actor and critic, as fine-tuning writes it."""
    torch.manual_seed(1)
    sizes = WorldModelConfig(
        latents=6, stoch=8, deter=16, hidden=16, kernels=(8, 8, 8, 8, 16), action_size=ACTIONS, head_units=16
    )
    model = WorldModel(sizes).eval()
    behaviour = ActorCritic(ActorCriticConfig(feature=sizes.feature, action_size=ACTIONS, units=16)).eval()
    save_checkpoint(
        folder,
        model=model,
        actor_critic=behaviour,
        config=described(folder.name, "finetune"),
        clip=clip,
        statistics=statistics_of(model, clip),
    )


def described(name: str, stage: str) -> dict[str, object]:
    """What a stage says of itself in config.json."""
    return {
        "name": name,
        "stage": stage,
        "environment": "reacher-easy",
        "steps": 10,
        "created_at": "2026-01-02T03:04:05+00:00",
        "seed": 0,
        "settings": {},
        "versions": {"torch": torch.__version__},
    }


@torch.no_grad()
def statistics_of(model: VideoModel, clip: Clip) -> LatentStatistics:
    """The aggregate posterior of the clip's frames."""
    latent = model.encode(normalise(torch.from_numpy(clip.image)).flatten(0, 1))
    return LatentStatistics.of(latent.mean.numpy(), latent.logvar.numpy())


class Ledger:
    """The results of the long tests as a table; `make faults` writes it to the path in FAULTS_TABLE."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []

    def write(self, promise: str, bar: str, tried: str, seen: str) -> None:
        """One row."""
        self.rows.append((promise, bar, tried, seen))

    def text(self) -> str:
        """The table, with the machine and the day."""
        memory = psutil.virtual_memory().total // 2**30
        machine = f"{processor()}, {os.cpu_count()} cores, {memory} GiB, {platform.system()} {platform.release()}"
        versions = f"Python {platform.python_version()}, torch {torch.__version__}"
        rows = [("promise", "bar", "tried", "seen"), ("---",) * 4, *self.rows]
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        today = datetime.datetime.now(datetime.UTC).date()
        return (
            f"# What faults did\n\nWritten by `make faults` on {today} at {_commit()}, on {machine}; {versions}. "
            f"A row is written only by a test that passed.\n\n{table}\n"
        )


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "an unknown commit"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


@pytest.fixture(scope="session")
def ledger() -> Iterator[Ledger]:
    """Where long forms write what they found."""
    opened = Ledger()
    yield opened
    target = os.environ.get("FAULTS_TABLE")
    if target and opened.rows:
        Path(target).write_text(opened.text())
