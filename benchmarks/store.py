"""How long a run's folder takes into the store and out of it: its first copy, a pass without changes, a log that grew.

python -m benchmarks.store [URL] [--megabytes 60]     (some seconds; s3:// reads the AWS_* variables)

Without URL the store is a folder. Writes benchmarks/results/store.md.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from backend.data.files import write_folder
from backend.data.store.download import bring
from backend.data.store.manifest import read_manifest
from backend.data.store.opening import open_store
from backend.data.store.upload import Upload
from benchmarks.page import head

RESULTS = Path(__file__).parent / "results"
EPISODES, EPISODE_BYTES = 200, 40_000
LOG_BYTES = 2_000_000
Made = TypeVar("Made")


def main() -> None:
    """Measures, prints and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?")
    parser.add_argument("--service", default="a folder on the same disk", help="what the store is, for the table")
    parser.add_argument("--megabytes", type=int, default=60, help="of one save")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        rows = measured(chosen.url or f"file://{place}/store", Path(place), chosen.megabytes)
    text = written(chosen, rows)
    (RESULTS / "store.md").write_text(text)
    print(text)


def measured(url: str, place: Path, megabytes: int) -> list[tuple[str, float]]:
    """(what was done, seconds)."""
    objects = open_store(url)
    assert objects is not None, "file:// is no store"
    folder = place / "run"
    write_folder(folder / "resume" / "update-000000001", {"training.pt": os.urandom(megabytes * 10**6)})
    (folder / "dataset").mkdir()
    for number in range(EPISODES):
        (folder / "dataset" / f"episode-{number:06d}.npz").write_bytes(os.urandom(EPISODE_BYTES))
    (folder / "metrics.jsonl").write_bytes(os.urandom(LOG_BYTES))
    upload = Upload(objects, f"benchmark-{time.time_ns()}/1")
    rows = [("the first copy", timed(lambda: upload.put(folder))[0])]
    rows.append(("a pass without changes", timed(lambda: upload.put(folder))[0]))
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(os.urandom(20_000))
    seconds, key = timed(lambda: upload.put(folder))
    rows.append(("after 20 kB of new metrics", seconds))
    write_folder(folder / "resume" / "update-000000002", {"training.pt": os.urandom(megabytes * 10**6)})
    seconds, key = timed(lambda: upload.put(folder))
    rows.append(("a new save", seconds))
    rows.append(("the whole folder on another machine", timed(lambda: bring_back(url, key, place / "there"))[0]))
    return rows


def bring_back(url: str, key: str, folder: Path) -> None:
    """Download what a manifest names."""
    objects = open_store(url)
    assert objects is not None
    bring(objects, read_manifest(objects, key), folder)


def timed(make: Callable[[], Made]) -> tuple[float, Made]:
    """Seconds, and what was made."""
    begun = time.perf_counter()
    made = make()
    return time.perf_counter() - begun, made


def written(chosen: argparse.Namespace, rows: list[tuple[str, float]]) -> str:
    """The table as Markdown."""
    heading, command = (
        head(),
        f"python -m benchmarks.store {chosen.url or ''}".strip() + f" --megabytes {chosen.megabytes}",
    )
    lines = [
        heading[0].replace("The page", "A run's folder in the store"),
        "",
        heading[2].replace("python -m benchmarks.page", command),
        "",
        f"A save of {chosen.megabytes} MB, {EPISODES} episodes of {EPISODE_BYTES // 1000} kB and "
        f"{LOG_BYTES // 10**6} MB of metrics; the store: {chosen.service}.",
        "",
        "| | time |",
        "|---|---|",
        *(f"| {what} | {seconds:.2f} s |" for what, seconds in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
