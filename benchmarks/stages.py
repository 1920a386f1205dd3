"""Stages of `diswm` in folders of their own, what their last checkpoint sees, and results from other machines."""

import datetime
import json
import math
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from safetensors import safe_open

from backend.pipeline.report import METRICS

RESULTS = Path(__file__).parent / "results"
SAVED = 143  # exit status of a stage that was asked to stop and has saved
CPU_SECONDS = "cpu-seconds.json"
TINY: dict[str, dict[str, Any]] = {
    "collect": {"episodes": 4, "episode_steps": 12},
    "pretrain": {"updates": 4, "held_out": 1, "log_every": 2},
    "finetune": {
        "agent_steps": 540,
        "prefill": 500,
        "explore_episodes": 1,
        "explore_steps": 20,
        "first_updates": 2,
        "evaluate_every": 500,
        "evaluate_episodes": 1,
        "held_out": 2,
    },
}

Run = dict[str, Any]


def stage(
    name: str,
    out: Path,
    seed: int,
    settings: dict[str, Any],
    smoke: bool = False,
    preset: str = "small",
    seconds: float | None = None,
) -> Path:
    """Runs a stage of `diswm` in a folder, or goes on with it, for at most so many seconds; returns the folder."""
    values = settings | (TINY.get(name, {}) if smoke else {})
    assignments = [part for key, value in values.items() for part in ("--set", f"{key}={_text(value)}")]
    command = [sys.executable, "-m", "backend", name, "--preset", "tiny" if smoke else preset, "--seed", str(seed)]
    if (out / "result.json").exists():
        return out
    environment = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    process = subprocess.Popen([*command, *assignments, "--out", str(out), "--resume"], env=environment)
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise
    if status not in (0, SAVED):
        raise SystemExit(f"{name} in {out} ended with exit status {status}; its last lines say why")
    return out


def counted(name: str, out: Path, seed: int, settings: dict[str, Any], smoke: bool, preset: str) -> Path:
    """Runs a stage or goes on with it, and adds the processor time that it took to what its folder says.

    For one stage at a time: the time of every child of this process is counted.
    """
    before = _spent()
    stage(name, out, seed, settings, smoke, preset)
    counter = out / CPU_SECONDS
    taken = _spent() - before + (json.loads(counter.read_text()) if counter.exists() else 0)
    counter.write_text(json.dumps(round(taken, 1)))
    return out


def seen(run: Path) -> Run:
    """What a run's last published checkpoint sees, factors that its dimensions are named by, its size, processor time.

    {} before a checkpoint was published.
    """
    published = sorted((run / "checkpoints").glob("update-*/statistics.json"))
    if not published:
        return {}
    checkpoint, counter = published[-1].parent, run / CPU_SECONDS
    quality = json.loads(published[-1].read_text()).get("quality", {})
    factors = checkpoint / "factors.json"
    dimensions = json.loads(factors.read_text())["dimensions"] if factors.exists() else []
    return {
        "run": run.name,
        "checkpoint": checkpoint.name,
        "finished": (run / "result.json").exists(),
        "named": sorted({entry["factor"] for entry in dimensions if entry["status"] == "named"}),
        "sees": quality.get("sees"),
        "agent_right": quality.get("agent_right"),
        "parts": quality.get("parts", {}),
        "parameters": model_parameters(checkpoint / "model.safetensors"),
        "cpu_seconds": json.loads(counter.read_text()) if counter.exists() else None,
    }


def model_parameters(file: Path) -> int:
    """How many numbers the video or world model in a file of weights has; actor and critics are left out."""
    with safe_open(file, "numpy") as weights:
        own = [name for name in weights.keys() if name.startswith("model.")]  # noqa: SIM118 # it is no mapping
        return sum(math.prod(weights.get_slice(name).get_shape()) for name in own)


def evaluations(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics that hold an evaluation."""
    path = run / METRICS
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if "evaluation_return" in line]


def last_day(run: Path) -> str:
    """The day on which a run last wrote a metric, in UTC."""
    written = (run / METRICS).stat().st_mtime
    return datetime.datetime.fromtimestamp(written, datetime.UTC).date().isoformat()


def earlier(file: Path) -> list[Run]:
    """The runs of a file of results, perhaps made on another machine; none if there is no file."""
    return json.loads(file.read_text())["runs"] if file.exists() else []


def joined(before: Iterable[Run], now: Iterable[Run], names: Sequence[str]) -> list[Run]:
    """Runs of both, one per value of these names: today's, unless only the one before has finished."""
    chosen = {tuple(run[name] for name in names): run for run in before}
    for run in now:
        key = tuple(run[name] for name in names)
        if run.get("finished") or not chosen.get(key, {}).get("finished"):
            chosen[key] = run
    return list(chosen.values())


def heading(title: str, days: Iterable[str]) -> str:
    """The first line of a table, with the first and the last day on which it was measured."""
    known = sorted(days)
    return f"# {title}, {' to '.join(dict.fromkeys((known[0], known[-1])))}"


def spread(values: Iterable[float | None], format: str) -> str:
    """ "mean [least, most]" of the values that are known, one number where they are all equal; "-" without any."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean, least, most = (format.format(value) for value in (fmean(known), min(known), max(known)))
    return mean if min(known) == max(known) else f"{mean} [{least}, {most}]"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _spent() -> float:
    """Processor seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
