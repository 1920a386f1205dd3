"""Environments in child processes: the same steps as in this process, and a typed error for every failure."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from backend.envs.make import make_environment
from backend.envs.protocol import EnvironmentFailed
from backend.envs.vector import ProcessEnvironment, VectorEnvironment
from tests.support import broken_environments as broken

ACTIONS = np.zeros((2, 2), np.float32)


def test_two_processes_give_the_steps_that_one_environment_gives_here() -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (4, 1)).astype(np.float32)
    home = make_environment("cartpole-swingup", distraction="set-a")
    expected = [[home.reset(seed), *(home.step(action) for action in actions)] for seed in (3, 4)]
    home.close()
    with VectorEnvironment("cartpole-swingup", count=2, distraction="set-a") as vector:
        assert (vector.action_size, vector.episode_steps) == (1, 500)
        assert vector.factor_names == home.factor_names
        steps = [vector.reset([3, 4]), *(vector.step(np.stack([action, action])) for action in actions)]
    for moment, row in enumerate(steps):
        for index, step in enumerate(row):
            assert step.image.tobytes() == expected[index][moment].image.tobytes()
            assert step.reward == expected[index][moment].reward
            assert step.factors.tobytes() == expected[index][moment].factors.tobytes()


@pytest.mark.parametrize(
    ("kind", "fault", "detail"),
    [
        ("Dying", "died", "exit status 7"),
        ("NotFinite", "not_finite", "reward nan"),
        ("Raising", "crashed", "a fault of its own"),
    ],
)
def test_a_fault_is_typed_and_the_next_reset_starts_afresh(kind: str, fault: str, detail: str) -> None:
    with VectorEnvironment("broken", count=2, factory=getattr(broken, kind)) as vector:
        for _ in range(2):
            first = vector.reset([1, 2])
            assert [int(step.image[0, 0, 0]) for step in first] == [1, 2]
            vector.step(ACTIONS)
            vector.step(ACTIONS)
            with pytest.raises(EnvironmentFailed, match=detail) as caught:
                vector.step(ACTIONS)
            assert caught.value.kind == fault
            assert vector.pids == [None, None]  # nobody is left with an answer that nobody asks for
            with pytest.raises(EnvironmentFailed, match="reset it first"):
                vector.step(ACTIONS)


def test_a_hanging_environment_is_given_up_after_the_limit() -> None:
    with VectorEnvironment("broken", count=1, factory=broken.Hanging, limit=5.0) as vector:
        vector.reset([0])
        vector.step(ACTIONS[:1])
        vector.step(ACTIONS[:1])
        pid = vector.pids[0]
        assert pid is not None
        begun = time.monotonic()
        with pytest.raises(EnvironmentFailed, match="no answer within 5 s") as caught:
            vector.step(ACTIONS[:1])
        assert 4.5 < time.monotonic() - begun < 9
        assert caught.value.kind == "hung"
        assert not Path(f"/proc/{pid}").exists()


STEPPING = """
from contextlib import closing
import numpy as np
from backend.envs.vector import ProcessEnvironment
from tests.support import broken_environments as broken
if __name__ == "__main__":
    with closing(ProcessEnvironment("counting", broken.Counting, limit=4.0)) as environment:
        environment.reset(0)
        for step in range(1_000_000):
            environment.step(np.zeros(2, np.float32))
            if step % 500 == 0:
                print(step, flush=True)
"""


def test_a_pause_of_the_whole_program_is_no_silence_of_its_environment(tmp_path: Path) -> None:
    """As by Ctrl-Z and fg, or a job that its cluster suspends."""
    script = tmp_path / "stepping.py"
    script.write_text(STEPPING)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True) as steps:
        assert steps.stdout is not None
        try:
            assert steps.stdout.readline() == "0\n"
            os.killpg(steps.pid, signal.SIGSTOP)
            time.sleep(5)
            os.kill(steps.pid, signal.SIGCONT)
            time.sleep(1)  # the environment goes on a little later
            os.killpg(steps.pid, signal.SIGCONT)
            assert [int(steps.stdout.readline()) for _ in range(20)][-1] == 10_000
        finally:
            os.killpg(steps.pid, signal.SIGKILL)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_of_the_whole_group_leaves_the_environment_to_its_parent(asked: signal.Signals) -> None:
    with closing(ProcessEnvironment("counting", broken.Counting)) as environment:
        environment.reset(0)
        assert environment.pid is not None
        os.kill(environment.pid, asked)
        time.sleep(0.2)
        assert environment.step(ACTIONS[0]).image.shape == (64, 64, 3)


def test_a_killed_process_is_noticed_at_once() -> None:
    environment = ProcessEnvironment("counting", broken.Counting)
    environment.reset(0)
    assert environment.pid is not None
    os.kill(environment.pid, signal.SIGKILL)
    begun = time.monotonic()
    with pytest.raises(EnvironmentFailed, match="signal 9"):
        environment.step(ACTIONS[0])
    assert time.monotonic() - begun < 5
    assert environment.reset(5).image[0, 0, 0] == 5
    environment.close()


def test_an_environment_that_cannot_be_made_says_why() -> None:
    with pytest.raises(EnvironmentFailed, match="no such model") as caught:
        VectorEnvironment("broken", count=1, factory=broken.Unbuildable)
    assert caught.value.kind == "crashed"


def test_a_full_disk_is_no_fault_of_the_environment() -> None:
    environment = ProcessEnvironment("counting", broken.FullDisk)
    environment.reset(0)
    with pytest.raises(OSError, match="No space left") as caught:
        environment.step(ACTIONS[0])
    assert caught.value.errno == errno.ENOSPC
    environment.close()


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, signal\n"
        "from tests.support.broken_environments import Counting\n"
        "from backend.envs.vector import ProcessEnvironment\n"
        "if __name__ == '__main__':\n"
        "    print(ProcessEnvironment('counting', Counting).pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, str(script)]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    assert child.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child.stdout.strip()}/cmdline").exists() and time.monotonic() < deadline:
        if not Path(f"/proc/{child.stdout.strip()}/cmdline").read_bytes():
            break  # a zombie: ended, and not yet collected by whoever inherits it
        time.sleep(0.05)
    assert time.monotonic() < deadline


def test_closing_ends_the_processes() -> None:
    vector = VectorEnvironment("counting", count=2, factory=broken.Counting)
    pids = vector.pids
    vector.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_counts_must_agree() -> None:
    with VectorEnvironment("counting", count=1, factory=broken.Counting) as vector:
        with pytest.raises(ValueError, match="need 1 seeds, got 2"):
            vector.reset([1, 2])
        with pytest.raises(ValueError, match="need 1 actions, got 2"):
            vector.step(ACTIONS)
    with pytest.raises(ValueError, match="at least one"):
        VectorEnvironment("counting", count=0, factory=broken.Counting)
