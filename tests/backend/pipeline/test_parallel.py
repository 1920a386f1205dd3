"""Several processes that share an update learn what one would, and the loss of one of them is told."""

import os
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from backend.data.episodes import episode_places, frames_only, read_place, write_episode
from backend.data.replay import Replay
from backend.pipeline.builder import build_settings
from backend.pipeline.parallel import ProcessLost, Team, check_processes, team
from backend.pipeline.precision import convolve_in
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.settings import PretrainSettings, SettingsError
from models import losses
from tests.support.forks import Forks

UPDATES = 20


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of a square that moves, each episode at another pace."""
    folder = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    for number in range(8):
        image = np.zeros((12, 64, 64, 3), np.uint8)
        for t in range(12):
            image[t, 20:40, number + t * (number % 3) :][:, :16] = rng.integers(80, 255)
        write_episode(folder / f"episode-{number:06d}.npz", frames_only(image))
    return folder


def settings() -> PretrainSettings:
    small = {"updates": UPDATES, "batch": 8, "length": 6, "seeing": 0, "free_nats": 0.3}
    built = build_settings("pretrain", "tiny", small)
    assert isinstance(built, PretrainSettings)
    return built


def trained(folder: Path, floor: str, together: Team, begin: Path | None = None, until: int = UPDATES) -> Pretraining:
    """Updates in float32 from a save or from nothing; `floor` is "of all", or "own", which is wrong on purpose."""
    run = Pretraining(settings(), 3, "cpu", together.share)
    convolve_in(torch.float32, run.model)
    if begin is not None:
        run.load_state_dict(torch.load(begin, weights_only=True))
    replay = Replay(0, 1000)
    replay.extend(read_place(place) for place in episode_places(folder))
    own = patch("models.video_model.dynamics_kl", lambda *parts: losses.dynamics_kl(*parts[:4]))
    torch.set_num_threads(1)
    with own if floor == "own" else patch("os.getpid", os.getpid):
        while run.updates < until:
            run.step(replay.sample(8, 6, run.randomness.numpy, together.share.rows(8)))
    return run


def follow(folder: Path, floor: str, begin: Path | None, together: Team) -> None:
    trained(folder, floor, together, begin)


def end(_together: Team) -> None:
    os._exit(9)


def difference(left: Pretraining, right: Pretraining) -> float:
    ours, theirs = left.model.state_dict(), right.model.state_dict()
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


@pytest.fixture(scope="module")
def alone(squares: Path) -> Pretraining:
    """What one process learns."""
    return trained(squares, "of all", Team())


@pytest.mark.parametrize(("floor", "equal"), [("of all", True), ("own", False)])
def test_two_processes_learn_what_one_learns_unless_each_has_a_floor_of_its_own(
    squares: Path, alone: Pretraining, floor: str, *, equal: bool
) -> None:
    with team(2, partial(follow, squares, floor, None)) as together:
        shared = trained(squares, floor, together)
    assert (difference(alone, shared) <= 1e-6) is equal
    assert equal or difference(alone, shared) > 1e-4


def test_what_one_process_saved_two_go_on_with(squares: Path, alone: Pretraining, tmp_path: Path) -> None:
    save = tmp_path / "half.pt"
    torch.save(trained(squares, "of all", Team(), until=UPDATES // 2).state_dict(), save)
    with team(2, partial(follow, squares, "of all", save)) as together:
        shared = trained(squares, "of all", together, save)
    assert difference(alone, shared) <= 1e-6


def test_the_end_of_one_process_is_told_at_the_next_exchange() -> None:
    with pytest.raises(ProcessLost, match="ended"), team(2, end) as together:
        together.any(True)


def test_stages_and_batches_that_cannot_be_shared_are_refused() -> None:
    with pytest.raises(SettingsError, match="8 sequences do not divide evenly among 3 processes"):
        check_processes(settings(), 3, "cpu")
    with pytest.raises(SettingsError, match="only pretraining is shared"):
        check_processes(build_settings("finetune", "tiny", {}), 2, "cpu")


def test_a_run_goes_on_with_any_number_of_processes(squares: Path, tmp_path: Path, forks: Forks) -> None:
    out = tmp_path / "run"
    stage = ["pretrain", "--out", str(out), "--json"]
    rows = ["--set", "batch=8", "--set", "length=6", "--set", "log_every=1", "--set", "held_out=2"]
    torchrun = ["--standalone", "--nproc-per-node=2", "-m", "backend"]
    commands = [
        ("torch.distributed.run", [*torchrun, *stage, "--set", f"dataset={squares}", *rows]),
        (None, [*stage, "--resume", "--processes", "2"]),
        (None, [*stage, "--resume"]),
    ]
    environment = {"DISWM_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    for number, (module, command) in enumerate(commands, 1):
        done = forks.run((*command, "--set", f"updates={2 * number}"), environment, module=module)
        assert done.returncode == 0, done.stderr
        assert (out / "checkpoints" / f"update-{2 * number:09d}").is_dir()
    assert (out / "metrics.jsonl").read_text().count('"phase": "pretrain"') == 6
