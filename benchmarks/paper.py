"""The paper's first row, Cheetah Run to Walker Walk at preset `paper`, as far as the time allows.

.venv/bin/python benchmarks/paper.py --out .diswm/paper --minutes 25   # again and again: it goes on where it stopped

The curve goes to benchmarks/results/paper.{json,md,png,svg} with date and device.
"""

import argparse
import os
import time
from pathlib import Path

from benchmarks.learning import RESULTS, report, stage

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
    report(
        [run],
        chosen.out if chosen.smoke else RESULTS,
        "paper",
        {"videos": VIDEOS, "online": online, "pretraining_updates": chosen.updates},
    )


if __name__ == "__main__":
    main()
