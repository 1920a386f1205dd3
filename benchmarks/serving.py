"""From request to picture, and from `diswm app` to the first traversal: what a person waits for.

python -m benchmarks.serving     (about a minute)

Every request asks for a view that nobody asked for before. Writes benchmarks/results/serving.md.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx

from benchmarks.waiting import free_port, until

RESULTS = Path(__file__).parent / "results"
CHECKPOINT = "/api/v1/checkpoints/finger-episode-factors"
ALL = ",".join(str(dim) for dim in range(20))
TEN = ",".join(str(dim) for dim in range(10))
# (what, address with a place for the range, which makes each a new one, and the bar)
VIEWS = (
    (
        "traversal 20 x 7, request to picture",
        f"{CHECKPOINT}/traversal?dims={ALL}&columns=7&range={{}}&format=json",
        "80 ms",
    ),
    ("atlas 20 x 11, request to picture", f"{CHECKPOINT}/atlas?columns=11&range={{}}&format=json", "300 ms"),
    (
        "GIF of 32 frames, 10 rows, made and answered",
        f"{CHECKPOINT}/traversal?dims={TEN}&columns=17&range={{}}&format=gif",
        "1 s",
    ),
    ("PDF of 10 rows", f"{CHECKPOINT}/traversal?dims={TEN}&columns=7&range={{}}&format=pdf", ""),
    (
        "rollout of 50 steps, 8 samples",
        f"{CHECKPOINT}/rollout?context=5&horizon=44&samples=8&seed={{}}&format=json",
        "300 ms",
    ),
)


def main() -> None:
    """Measures, prints and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    chosen = parser.parse_args()
    lines = ["| what | median | worst | bar |", "|---|---|---|---|"]
    with TemporaryDirectory(prefix="diswm-serving-") as home:
        with app(Path(home)):
            pass  # the first start, which fills caches
        with app(Path(home)) as (client, seconds):
            lines.append(f"| second start of `diswm app` to the first traversal | {seconds:.1f} s | | 15 s |")
            for what, address, bar in VIEWS:
                taken = [_seconds(client, address.format(n + 1)) for n in range(chosen.repeats + 1)][1:]
                lines.append(f"| {what} | {1000 * median(taken):.0f} ms | {1000 * max(taken):.0f} ms | {bar} |")
    head = (
        f"# Serving, {datetime.date.today().isoformat()}\n\n`python -m benchmarks.serving` on {os.cpu_count()} cores, "
        f"{platform.platform()}, Python {platform.python_version()}; {chosen.repeats} requests each "
        "after a first one.\n\n"
    )
    text = head + "\n".join(lines) + "\n"
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "serving.md").write_text(text)


@contextmanager
def app(home: Path) -> Iterator[tuple[httpx.Client, float]]:
    """`diswm app` on a store of its own, and how long it took to its first traversal."""
    api, page = free_port(), free_port()
    ports = {"DISWM_PORT": str(api), "DISWM_PAGE_PORT": str(page), "DISWM_HOME": str(home)}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "backend", "app"], env=os.environ | ports, stdout=subprocess.DEVNULL
    )
    client = httpx.Client(base_url=f"http://127.0.0.1:{api}", timeout=60, trust_env=False)
    try:
        until(lambda: client.get(f"{CHECKPOINT}/traversal?format=json").status_code == 200)
        yield client, time.perf_counter() - begun
    finally:
        client.close()
        process.terminate()
        process.wait(60)


def _seconds(client: httpx.Client, address: str) -> float:
    begun = time.perf_counter()
    client.get(address).raise_for_status()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
