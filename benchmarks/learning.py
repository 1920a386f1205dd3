"""Does distillation help? DisWM, its two ablations and DreamerV2 learn cartpole swingup after videos of reacher.

python -m benchmarks.learning --out .diswm/learning            # under two hours on two CPU cores
python -m benchmarks.learning --out .diswm/learning --report   # what is there so far, without running on

Every arm and seed is a run of its own in a folder of its own; started again, each goes on where it stopped. Curves,
table and figure go to benchmarks/results/learning.{json,md,png,svg}.
"""

import argparse
import datetime
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from backend.data.curves import NoCurve, compare_curves, read_curve
from backend.export.curves import render_curves, table_of_curves

RESULTS = Path(__file__).parent / "results"
ARMS = ("diswm", "diswm-no-distillation", "diswm-no-disentanglement", "dreamerv2")
SOURCE, TARGET, COLOURS = "reacher-easy", "cartpole-swingup", "set-a"
SAVED = 143  # exit status of a stage that was asked to stop and has saved

NETWORKS = {"stoch": 32, "deter": 128, "hidden": 128}
VIDEOS = {"environment": SOURCE, "distraction": COLOURS, "episodes": 400, "episode_steps": 50}
VIDEO_MODEL = {**NETWORKS, "updates": 1_500, "held_out": 20, "beta": 0.05}
ONLINE = {
    **NETWORKS,
    "environment": TARGET,
    "distraction": COLOURS,
    "units": 128,
    "batch": 8,
    "length": 10,
    "horizon": 10,
    "agent_steps": 8_000,
    "first_updates": 200,
    "train_every": 8,
    "evaluate_every": 2_000,
    "evaluate_episodes": 3,
}
TINY: dict[str, dict[str, Any]] = {
    "collect": {"episodes": 4, "episode_steps": 12},
    "pretrain": {"updates": 4, "held_out": 1},
    "finetune": {"agent_steps": 510, "prefill": 500, "first_updates": 2, "evaluate_every": 500, "evaluate_episodes": 1},
}


def main() -> None:
    """Runs what is missing, then reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/learning"))
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--side-by-side", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--report", action="store_true", help="only report what is there")
    parser.add_argument("--smoke", action="store_true", help="a few updates, to see that all of it works")
    chosen = parser.parse_args()
    runs = {chosen.out / f"{arm}-seed{seed}": (arm, seed) for seed in chosen.seeds for arm in chosen.arms}
    if not chosen.report:
        teacher = video_model(chosen.out, chosen.smoke)
        with ThreadPoolExecutor(chosen.side_by_side) as pool:
            for _ in pool.map(lambda run: learn(run, *runs[run], teacher, chosen.smoke), runs):
                pass
    settings = {"videos": VIDEOS, "video_model": VIDEO_MODEL, "online": ONLINE}
    report(list(runs), chosen.out if chosen.smoke else RESULTS, "learning", settings)


def video_model(out: Path, smoke: bool) -> Path:
    """The video model that is distilled: collected and pretrained once, for all arms."""
    stage("collect", out / "videos", 0, VIDEOS, smoke)
    return stage("pretrain", out / "video-model", 0, {**VIDEO_MODEL, "dataset": str(out / "videos")}, smoke)


def learn(run: Path, arm: str, seed: int, teacher: Path, smoke: bool) -> None:
    """One arm with one seed."""
    stage("finetune", run, seed, {**ONLINE, "method": arm, "teacher": str(teacher)}, smoke)


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


def report(runs: Sequence[Path], folder: Path, name: str, settings: dict[str, Any]) -> None:
    """Writes curves, table and figure of those runs that have been evaluated, whatever the result."""
    curves = []
    for run in runs:
        try:
            curves.append(read_curve(run))
        except NoCurve as error:
            print(error)
    if not curves:
        return
    comparison = compare_curves(curves)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    about = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": device,
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "settings": settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({**about, **comparison}, indent=1) + "\n")
    table = table_of_curves(comparison)
    head = f"{about['date']}, {device}, torch {torch.__version__}. Bands: one standard deviation over seeds."
    (folder / f"{name}.md").write_text(
        f"# {name.capitalize()}\n\n{head}\n\n```\n{table}\n```\n\n![{name}]({name}.png)\n"
    )
    for format in ("png", "svg"):
        (folder / f"{name}.{format}").write_bytes(render_curves(comparison, format))
    print(table)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    main()
