"""The paper's first row, Cheetah Run to Walker Walk at preset `paper`, as far as the time allows.

.venv/bin/python benchmarks/paper.py --out .diswm/paper --minutes 25   # again and again: it goes on where it stopped

The curve goes to benchmarks/results/paper.{json,md,png,svg} with date and device.
"""

import argparse
import datetime
import os
import time
from pathlib import Path
from typing import Any

import torch

from backend.data.curves import NoCurve, compare_curves, read_curve
from backend.data.files import write_json
from backend.export.curves import render_curves, table_of_curves
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor

VIDEOS = {"environment": "cheetah-run", "distraction": "set-a"}
ONLINE = {"environment": "walker-walk", "distraction": "set-a", "distraction_later": "set-b"}


def main() -> None:
    """Continues the first unfinished stage until the time is up, then reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/paper"))
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", default="diswm", help="any method of `diswm finetune`")
    parser.add_argument("--updates", type=int, default=200_000, help="of pretraining")
    parser.add_argument("--agent-steps", type=int, default=500_000)
    parser.add_argument("--smoke", action="store_true", help="a few updates, to see that all of it works")
    chosen = parser.parse_args()
    online = {**ONLINE, "method": chosen.method, "agent_steps": chosen.agent_steps}
    videos, model, run = (chosen.out / name for name in ("videos", "video-model", f"{chosen.method}-{chosen.seed}"))
    stages = (
        ("collect", videos, {**VIDEOS, "workers": max(os.cpu_count() or 1, 1)}),
        ("pretrain", model, {"dataset": str(videos), "updates": chosen.updates}),
        ("finetune", run, {**online, "teacher": str(model)}),
    )
    end = time.monotonic() + 60 * chosen.minutes
    for name, folder, settings in stages:
        left = end - time.monotonic()
        if left <= 0:
            break
        stage(name, folder, chosen.seed, settings, chosen.smoke, preset="paper", seconds=left)
    settings = {"videos": VIDEOS, "online": online, "pretraining_updates": chosen.updates}
    report(run, chosen.out if chosen.smoke else RESULTS, settings)


def report(run: Path, folder: Path, settings: dict[str, Any]) -> None:
    """Writes curve, table and figure of a run that has been evaluated, whatever the result."""
    try:
        comparison = compare_curves([read_curve(run)])
    except NoCurve as error:
        print(error)
        return
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else processor()
    about = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": device,
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "settings": settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "paper.json", {**about, **comparison})
    table = table_of_curves(comparison)
    head = f"{about['date']}, {device}, torch {torch.__version__}. One run."
    (folder / "paper.md").write_text(f"# The paper's first row\n\n{head}\n\n```\n{table}\n```\n\n![paper](paper.png)\n")
    for format in ("png", "svg"):
        (folder / f"paper.{format}").write_bytes(render_curves(comparison, format))
    print(table)


if __name__ == "__main__":
    main()
