"""How long the API takes for the lists that the pages ask for, with 10,000 checkpoints, 1,000 runs and 1,000 data sets.

python -m benchmarks.lists     (about a minute)

Makes a home of that size and starts the API on it. Writes benchmarks/results/lists.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx
import numpy as np
import psutil
from sqlalchemy.orm import Session

from backend.data.episodes import frames_only, read_dataset_info, write_dataset_info, write_episode
from backend.data.places import SHIPPED
from backend.data.run_start import RunStart, write_run_start
from backend.pipeline.builder import build_settings
from backend.runs.database import open_database
from backend.runs.table import RunRow
from backend.settings import Settings
from benchmarks.page import head
from benchmarks.waiting import free_port, until
from frontend.components.listing import LISTED, RUNS_LISTED

RESULTS = Path(__file__).parent / "results"
CHECKPOINTS, RUNS, DATASETS = 10_000, 1_000, 1_000
FILES = (
    "config.json",
    "manifest.json",
    "model.safetensors",
    "clip.npz",
    "statistics.json",
    "factors.json",
    "quality.json",
)
SHELL = 2  # of so many runs one was started from the shell
BAR_MS, WALK_BAR_MS = 200, 2_000


class Ask(NamedTuple):
    """A list that a page asks for; `whole`: page by page to its end."""

    where: str
    path: str
    whole: bool = False

    def get(self, client: httpx.Client) -> int:
        """Ask; the bytes of all answers."""
        size, cursor = 0, ""
        while True:
            joint = "&" if "?" in self.path else "?"
            answer = client.get(f"{self.path}{joint}cursor={cursor}" if cursor else self.path).raise_for_status()
            size, cursor = size + len(answer.content), answer.json().get("next_cursor")
            if not (self.whole and cursor):
                return size


ASKED = (
    Ask("header of every page, and lists of checkpoints in the training form, Compare and Imagine",
        f"/checkpoints?limit={LISTED}"),
    Ask("a search in these", "/checkpoints?limit=12&search=made-0777"),
    Ask("one checkpoint that is not among the newest", "/checkpoints/made-00001"),
    Ask("Imagine, Play with a video model", "/checkpoints?stage=finetune&limit=1"),
    Ask("Data, training form, base frame", f"/datasets?limit={LISTED}"),
    Ask("Factors, Measure over", f"/datasets?limit={LISTED}&actions=0,1"),
    Ask("Home, Runs now", "/runs?state=queued,running,paused&limit=20"),
    Ask("Train and Runs", f"/runs?limit={RUNS_LISTED}"),
    Ask("a search in these", f"/runs?limit={RUNS_LISTED}&search=run-0777"),
    Ask("Compare, Returns", f"/runs?stage=finetune,pipeline&limit={RUNS_LISTED}"),
    Ask("every checkpoint, page by page", "/checkpoints", whole=True),
    Ask("every run, page by page", "/runs", whole=True),
    Ask("every data set, page by page", "/datasets", whole=True),
)  # fmt: skip


def main() -> None:
    """Measures, prints and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", default="", help="What else ran on the machine, as a sentence.")
    parser.add_argument("--out", type=Path, default=RESULTS / "lists.md")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home)
        with api(home) as (address, process):
            lines = []
            for ask in ASKED:
                lines.append(measured(ask, address, process, 1 if ask.whole else chosen.rounds))
                print(lines[-1], file=sys.stderr)
    text = "\n".join([*title(chosen.beside), *lines]) + "\n"
    print(text)
    chosen.out.write_text(text)


def fill(home: Path) -> None:
    """A home with many checkpoints, runs of the queue and of the shell, and data sets, all small."""
    source = shutil.copytree(SHIPPED / "cartpole-swingup-policy", home / "source")
    for number in range(CHECKPOINTS):
        folder = home / "checkpoints" / f"made-{number:05d}"
        folder.mkdir(parents=True)
        for name in FILES:
            os.link(source / name, folder / name)
    settings = build_settings("pretrain", "tiny").model_dump(mode="json")
    database = open_database(Settings(home=home))
    began = datetime.now(UTC) - timedelta(days=30)
    with Session(database) as session:
        for number in range(RUNS):
            run, at = f"run-{number:04d}", (began + timedelta(minutes=number)).timestamp()
            (home / "runs" / run).mkdir(parents=True)
            write_run_start(home / "runs" / run, RunStart("pretrain", number, settings, run, "tiny"))
            if number % SHELL:
                session.add(row(run, number, settings, at))
        session.commit()
    made = home / "datasets" / "noise"
    made.mkdir(parents=True)
    write_episode(made / "episode-000000.npz", frames_only(noise()))
    write_dataset_info(read_dataset_info(made))
    for number in range(DATASETS - 1):
        folder = shutil.copytree(made, home / "datasets" / f"noise-{number:04d}")
        write_dataset_info(replace(read_dataset_info(folder), id=folder.name))


def noise() -> Any:
    """The frames of one short episode."""
    return np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), dtype=np.uint8)


def row(run: str, seed: int, settings: dict[str, Any], at: float) -> RunRow:
    """A run of the queue that is over."""
    return RunRow(
        id=run, name=run, stage="pretrain", preset="tiny", seed=seed, device="auto", settings=settings, overrides={},
        state="succeeded", created_at=at, queued_at=at, started_at=at, finished_at=at + 60,
    )  # fmt: skip


@contextmanager
def api(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The API on a home; yields its address and process."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {"DISWM_HOME": str(home), "DISWM_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "backend", "serve"], env=environment)
    try:
        until(lambda: httpx.get(f"{address}/healthz").status_code == 200)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def measured(ask: Ask, address: str, process: psutil.Process, rounds: int) -> str:
    """A line of the table. The first time does not count: files are read again only once they have changed."""
    times, work, sizes = [], [], []
    with httpx.Client(base_url=f"{address}/api/v1", timeout=300, trust_env=False) as client:
        for _ in range(rounds + 1):
            began, worked = time.perf_counter(), sum(process.cpu_times()[:2])
            sizes.append(ask.get(client))
            times.append(1000 * (time.perf_counter() - began))
            work.append(1000 * (sum(process.cpu_times()[:2]) - worked))
    usual = f"{median(times[1:]):,.0f} ms | {median(work[1:]):,.0f} ms | {times[0]:,.0f} ms"
    return f"| {ask.where} | `{ask.path}` | {sizes[-1] / 1000:,.0f} kB | {usual} |"


def title(beside: str) -> list[str]:
    """The heading and the head of the table."""
    heading = head()
    about = heading[2].replace("benchmarks.page", "benchmarks.lists")
    return [
        heading[0].replace("# The page", "# Lists of the pages"),
        "",
        f"{about} {CHECKPOINTS:,} checkpoints, {RUNS:,} runs (half of them started from the shell), {DATASETS:,} data "
        f"sets. Bar: {BAR_MS} ms for an answer, {WALK_BAR_MS:,} ms for all pages. {beside}".rstrip(),
        "",
        "| where | request | answer | median | of it CPU of the API | first time |",
        "|---|---|---|---|---|---|",
    ]


if __name__ == "__main__":
    main()
