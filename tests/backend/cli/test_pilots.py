"""Job scripts for clusters: what they hold, and that the one for SLURM starts a worker that ends when idle."""

import ast
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from backend.__main__ import build_app


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_HOME", str(tmp_path / "the home"))
    monkeypatch.setenv("DISWM_DATABASE_URL", "postgresql://user:secret@db/runs")


def _told(*arguments: str) -> str:
    answer = CliRunner().invoke(build_app(), ["pilots", *arguments])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_slurm_gets_an_array_that_ends_in_time_to_save_and_options_after_two_dashes(tmp_path: Path) -> None:
    script = _told(
        "slurm", "--count", "8", "--time", "4h", "--labels", "a100,big", "--", "--partition=gpu", "--gres=gpu:1"
    )
    options = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]
    assert {"--array=1-8", "--time=240", "--signal=B:TERM@120", "--partition=gpu", "--gres=gpu:1"} <= set(options)
    assert script.rstrip().endswith("worker --until-idle 120 --max-minutes 238 --labels a100,big")
    assert f"DISWM_HOME='{tmp_path / 'the home'}'" in script
    assert "secret" not in script


def test_the_script_for_slurm_starts_a_worker_that_ends_when_there_is_nothing_to_do(
    tmp_path: Path,
) -> None:
    script = _told("slurm", "--idle", "1")
    environment = {name: value for name, value in os.environ.items() if name != "DISWM_DATABASE_URL"}
    ended = subprocess.run(
        ["bash", "-s"], input=script, text=True, env=environment, timeout=120, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "the home" / "home-id").exists()


def test_submitting_gives_the_script_to_sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/given\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    _told("slurm", "--submit")
    assert (tmp_path / "given").read_text() == _told("slurm")


def test_kubernetes_gets_a_job_and_ray_a_script_neither_with_the_password() -> None:
    job = yaml.safe_load(_told("k8s", "--count", "3", "--time", "30m"))
    assert job["kind"] == "Job" and job["spec"]["parallelism"] == 3 and job["spec"]["activeDeadlineSeconds"] == 1800
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["worker", "--until-idle", "120", "--max-minutes", "28"]
    script = _told("ray", "--count", "3")
    ast.parse(script)
    assert "range(3)" in script and "secret" not in script


@pytest.mark.parametrize(
    "given", [("slurn",), ("slurm", "--time", "4"), ("slurm", "--time", "1m"), ("ray", "--submit"), ("k8s", "--", "-x")]
)
def test_a_wrong_request_is_one_sentence_and_exit_2(given: tuple[str, ...]) -> None:
    told = CliRunner().invoke(build_app(), ["pilots", *given])
    assert told.exit_code == 2 and len(told.stderr.strip().splitlines()) == 1
