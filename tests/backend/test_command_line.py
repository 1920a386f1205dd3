"""The command line: exit codes, sentences, JSON, and three processes that start and stop as one."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backend.data.episodes import frames_only, write_episode
from backend.runs.processes import is_alive
from tests.support.forks import Ended, Forks
from tests.support.waiting import free_port, until

COMMANDS = ["app", "serve", "worker", "ui", "collect", "pretrain", "finetune", "pipeline"]
SMALL = "latents=2 stoch=2 deter=4 hidden=4 batch=1 length=2 held_out=2 checkpoint_every=20 log_every=10"


class CommandLine:
    """`diswm ...` with a home of its own: started as users do, or as a fork that has nothing to import any more."""

    def __init__(self, home: Path, forks: Forks) -> None:
        self.home = home
        self.environment = {"DISWM_HOME": str(home), "OMP_NUM_THREADS": "1"}
        self._forks = forks
        self._started: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str, **environment: str) -> Ended:
        """Carry out a command to its end."""
        return self._forks.run(arguments, self.environment | environment)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", *arguments],
            env=os.environ | self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def diswm(tmp_path: Path, forks: Forks) -> Iterator[CommandLine]:
    line = CommandLine(tmp_path, forks)
    yield line
    line.end()


@pytest.fixture
def noise(tmp_path: Path) -> str:
    """A folder of 6 episodes of 12 frames of noise."""
    folder = tmp_path / "noise"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(6):
        frames = generator.integers(0, 255, (12, 64, 64, 3), dtype=np.uint8)
        write_episode(folder / f"episode-{number}.npz", frames_only(frames))
    return str(folder)


def _set(values: str) -> list[str]:
    return [part for value in values.split() for part in ("--set", value)]


def _busy() -> bool:
    """Whether the machine is too busy for times in seconds to mean anything."""
    return os.getloadavg()[0] > 2 * (os.cpu_count() or 1)


def _get(url: str) -> int:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return int(answer.status)


def test_help_names_every_command(diswm: CommandLine) -> None:
    said = diswm.run("--help").stdout
    assert [name for name in COMMANDS if not re.search(rf"\b{name}\b", said)] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("collect", "--set", "episods=3"), "episods: there is no setting 'episods'; did you mean 'episodes'?"),
        (("collect", "--set", "episodes=three"), "episodes: "),
        (("collect", "--set", "episodes"), "key=value"),
        (("collect", "--preset", "smal"), "did you mean 'small'?"),
        (("collect", "--seed", "-1"), "--seed"),
        (("collect", "--seed", "9223372036854775808"), "--seed"),
        (("collect", "--settings-file", "/nowhere.json"), "cannot read /nowhere.json"),
    ],
)
def test_bad_settings_are_told_in_a_sentence_and_exit_with_2(
    diswm: CommandLine, arguments: tuple[str, ...], sentence: str
) -> None:
    ended = diswm.run(*arguments)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


@pytest.mark.slow
def test_an_unknown_data_set_exits_with_2(diswm: CommandLine) -> None:
    ended = diswm.run("pretrain", "--set", "dataset=nowhere")
    assert ended.returncode == 2
    assert "no data set 'nowhere'" in ended.stderr
    assert f"Looked in {diswm.home}; DISWM_HOME names another home." in ended.stderr
    assert list(diswm.home.iterdir()) == [], "nothing is written before everything is checked"


@pytest.mark.slow
def test_sigterm_saves_and_exits_with_143_and_resume_goes_on_to_the_end(diswm: CommandLine, noise: str) -> None:
    out = diswm.home / "mine"
    settings = diswm.home / "settings.json"
    settings.write_text(json.dumps({"dataset": noise, "updates": 20_000}))
    given = [
        "pretrain",
        "--preset",
        "tiny",
        *_set(SMALL),
        "--settings-file",
        str(settings),
        "--out",
        str(out),
        "--json",
    ]
    stage = diswm.start(*given, "--name", "first look")
    until((out / "metrics.jsonl").exists, 180)
    stage.terminate()
    begun = time.monotonic()
    assert stage.wait(180) == 143
    assert time.monotonic() - begun < 10 or _busy()

    again = diswm.run(*given)
    assert again.returncode == 2
    assert "--resume" in again.stderr

    done = json.loads((out / "progress.json").read_text())["done"]
    settings.write_text(json.dumps({"dataset": noise, "updates": done + 5}))
    ended = diswm.run(*given, "--resume", "--name", "first look")
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout)
    assert answer.keys() >= {"run", "checkpoint", "metrics", "seconds"}
    assert (answer["run"], answer["checkpoint"]) == ("mine", "mine")
    assert json.loads((out / "result.json").read_text()) == answer


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_resume_goes_further_with_what_the_run_was_begun_with_or_changes_nothing(
    diswm: CommandLine, noise: str
) -> None:
    out = str(diswm.home / "mine")
    given = ["pretrain", *_set(SMALL), "--set", f"dataset={noise}", "--set", "updates=4", "--out", out, "--seed", "3"]
    assert diswm.run(*given, "--name", "first").returncode == 0
    before = _content(Path(out))
    for arguments, sentence in (
        (("pretrain", "--set", "updates=6", "--set", "latents=12"), "latents: the run was started with 2, not 12"),
        (("pretrain", "--preset", "tiny", *_set("updates=6 batch=1"), "--set", f"dataset={noise}"), "deter: "),
        (("pretrain", "--seed", "4"), "seed: the run was started with 3, not 4"),
        (("pretrain", "--set", "updates=3"), "updates: 4 are done already, 3 are fewer"),
        (("collect",), "holds a run of pretrain"),
    ):
        refused = diswm.run(*arguments, "--resume", "--out", out)
        assert (refused.returncode, refused.stderr.count("Traceback")) == (2, 0), refused.stderr
        assert sentence in refused.stderr
        assert _content(Path(out)) == before
    ended = diswm.run("pretrain", "--resume", "--out", out, "--set", "updates=6", "--json")
    assert ended.returncode == 0, ended.stderr
    begun = json.loads((Path(out) / "settings.json").read_text())
    assert (begun["seed"], begun["name"], begun["settings"]["latents"], begun["settings"]["updates"]) == (
        *(3, "first"),
        *(2, 6),
    )
    assert (Path(out) / "checkpoints" / "update-000000006").is_dir()


@pytest.mark.parametrize("command", ["serve", "ui", "app"])
def test_an_open_address_without_a_token_is_refused(diswm: CommandLine, command: str) -> None:
    ended = diswm.run(command, DISWM_HOST="0.0.0.0", DISWM_PAGE_HOST="0.0.0.0")
    assert ended.returncode == 78
    assert "0.0.0.0" in ended.stderr and "DISWM_TOKEN" in ended.stderr


def test_a_token_file_that_others_can_read_is_refused(diswm: CommandLine) -> None:
    (diswm.home / "token").write_text("secret")
    (diswm.home / "token").chmod(0o644)
    ended = diswm.run("serve")
    assert ended.returncode == 78
    assert "chmod 600" in ended.stderr and "secret" not in ended.stderr


@pytest.mark.parametrize(("name", "value"), [("DISWM_PORT", "99999"), ("DISWM_PORT", "x"), ("DISWM_WORKER", "../x")])
def test_a_wrong_variable_is_named(diswm: CommandLine, name: str, value: str) -> None:
    ended = diswm.run("serve", **{name: value})
    assert ended.returncode == 78
    assert name in ended.stderr


def test_a_port_in_use_is_told_before_anything_starts(diswm: CommandLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = diswm.run("app", DISWM_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == 75
    assert "DISWM_PORT" in ended.stderr


@pytest.mark.slow
def test_the_app_starts_three_processes_restarts_one_that_dies_and_stops_them_all(diswm: CommandLine) -> None:
    ports = {"DISWM_PORT": str(free_port()), "DISWM_PAGE_PORT": str(free_port())}
    app = diswm.start("app", **ports)
    said = _read_until(app, "ready")
    assert f"http://127.0.0.1:{ports['DISWM_PAGE_PORT']}" in said
    assert _get(f"http://127.0.0.1:{ports['DISWM_PORT']}/healthz") == 200
    assert _get(f"http://127.0.0.1:{ports['DISWM_PAGE_PORT']}/") == 200
    children = _children(app.pid)
    assert len(children) == 3

    second = diswm.run("app", **{name: str(free_port()) for name in ports})
    assert second.returncode == 75
    assert "another DisWM Studio" in second.stderr

    os.kill(_worker_of(diswm.home), signal.SIGKILL)
    _read_until(app, "The worker ended")
    until(lambda: len(_children(app.pid)) == 3, 90)
    children = _children(app.pid)

    app.send_signal(signal.SIGINT)
    assert app.wait(60) == 0
    assert [child for child in children if is_alive(child)] == []


def _worker_of(home: Path) -> int:
    return int(json.loads((home / "locks" / "worker-worker-1.lock").read_text())["pid"])


def _read_until(process: subprocess.Popen[str], sentence: str) -> str:
    """Everything that the process says up to the line with that sentence."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if sentence in line:
            return said
    raise AssertionError(f"{sentence!r} was not said, but: {said}")


def _children(parent: int) -> list[int]:
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(child) for child in text.split() if is_alive(int(child))]
