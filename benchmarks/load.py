"""32 clients beside a real training run: how long they wait, what fails, and what the training loses.

.venv/bin/python -m benchmarks.load                    about three minutes; the bars are those of two idle cores
.venv/bin/python -m benchmarks.load --seconds 5 --clients 8
"""

import argparse
import csv
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from benchmarks.load_site import Pace, Site

CLIENTS = Path(__file__).with_name("load_clients.py")
UPLOAD_BYTES = 200 * 10**6


@dataclass(frozen=True)
class Seen:
    """What the clients of one kind saw: requests, failures, and the waiting times in milliseconds."""

    requests: int
    failures: int
    p50: float
    p99: float
    rate: float  # requests a second


@dataclass(frozen=True)
class Row:
    """One line of the table; `met` is None where there is no bar."""

    what: str
    seen: str
    bar: str = ""
    met: bool | None = None


def main() -> None:
    """Measures and prints the table; the exit status is 1 where a bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=int, default=25, help="of each of the parts")
    parser.add_argument("--out", type=Path, help="file for the table, as Markdown")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="diswm-load-") as folder:
        site = Site(Path(folder))
        try:
            site.open()
            rows = _measure(site, arguments.clients, arguments.seconds)
        finally:
            site.close()
    text = _table(rows, arguments.clients, arguments.seconds)
    print(text)
    if arguments.out:
        arguments.out.write_text(text)
    raise SystemExit(any(row.met is False for row in rows))


def _measure(site: Site, clients: int, seconds: int) -> list[Row]:
    pace = Pace(site)
    time.sleep(seconds)
    alone = pace.now()
    rows = [Row("training alone", f"{alone:.2f} updates/s")]
    rows += _polling(site, clients, seconds, alone)
    rows += _cached(site, clients, seconds)
    rows += _identical(site, clients)
    rows += _overload(site, clients, seconds)
    return rows + _upload(site, seconds)


def _polling(site: Site, clients: int, seconds: int, alone: float) -> list[Row]:
    pace = Pace(site)
    seen = _drive(site, "Page", clients, seconds)["Aggregated"]
    slower = 1 - pace.now() / alone
    return [
        _waits(f"{clients} pages that poll once a second", seen, 300),
        Row("training beside them", f"{100 * slower:.0f}% slower"),
    ]


def _cached(site: Site, clients: int, seconds: int) -> list[Row]:
    """The traversal is computed once, before the clients come."""
    site.client.get(f"/api/v1/checkpoints/{site.checkpoint}/traversal?format=png").raise_for_status()
    seen = _drive(site, "Browser", clients, seconds)["Aggregated"]
    return [_waits(f"{clients} look at a cached traversal", seen, 100)]


def _identical(site: Site, clients: int) -> list[Row]:
    """Clients that all ask at the same moment for a traversal that nobody asked for before."""
    path = f"/api/v1/checkpoints/{site.checkpoint}/traversal?format=png&range={1 + time.time() % 1:.9f}"
    before, together = site.computed(), threading.Barrier(clients)

    def ask(_: int) -> tuple[int, str | None, bytes]:
        with httpx.Client(base_url=site.address, timeout=60, trust_env=False) as client:
            client.get("/healthz")  # the connection is there
            together.wait()
            answer = client.get(path)
            return answer.status_code, answer.headers.get("etag"), answer.content

    with ThreadPoolExecutor(clients) as pool:
        answers = set(pool.map(ask, range(clients)))
    computed = site.computed() - before
    statuses = sorted({status for status, _, _ in answers})
    seen = f"computed {computed:.0f} times, {len(answers)} kinds of answers, status {statuses}"
    met = computed == 1 and len(answers) == 1 and statuses == [200]
    return [Row(f"{clients} identical queries at once", seen, "computed once, equal bytes and ETag", met)]


def _overload(site: Site, clients: int, seconds: int) -> list[Row]:
    """Four clients that never pause show what can be answered; then four times as much is asked for."""
    able = _drive(site, "Explorer", 4, seconds, LOAD_RATE="1000")["answered"].rate
    seen = _drive(site, "Explorer", clients, seconds, LOAD_RATE=str(4 * able / clients))
    answered, refused = seen["answered"], seen.get("refused")
    good = (answered.requests - answered.failures) / answered.requests * answered.rate / able
    rows = [
        Row("fresh traversals answered where four clients never pause", f"{able:.1f}/s"),
        Row("answered under four times that", f"{100 * good:.0f}%, {answered.failures} failed", ">= 80%", good >= 0.8),
    ]
    if refused is None:
        return [*rows, Row("refused meanwhile", "none")]
    return [*rows, _waits(f"refused meanwhile ({refused.rate:.1f}/s)", refused, 100)]


def _upload(site: Site, seconds: int) -> list[Row]:
    """One client sends a large file that is not a film, while others poll."""
    process = psutil.Process(site.api.pid)
    before = process.memory_info().rss
    most = [before]
    statuses: list[int] = []

    def send() -> None:
        while len(statuses) == 0 or time.monotonic() < end:
            statuses.append(_send_large(site))

    end = time.monotonic() + seconds / 2
    sender = threading.Thread(target=send)
    sender.start()
    with _watching(process, most):
        seen = _drive(site, "Page", 4, seconds)["Aggregated"]
        sender.join()
    grown = (max(most) - before) / 2**20
    sent = f"{len(statuses)} uploads of {UPLOAD_BYTES // 10**6} MB, each answered {set(statuses)}"
    return [
        Row("memory during " + sent, f"+{grown:.0f} MiB", "<= 64 MiB", grown <= 64),
        _waits("4 pages that poll meanwhile", seen, 200),
    ]


def _send_large(site: Site) -> int:
    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="large.mp4"\r\n\r\n'
        piece = bytes(10**6)
        for _ in range(UPLOAD_BYTES // len(piece)):
            yield piece
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with httpx.Client(base_url=site.address, timeout=120, trust_env=False) as client:
        return client.post("/api/v1/datasets", content=body(), headers=headers).status_code


@contextmanager
def _watching(process: psutil.Process, most: list[int]) -> Iterator[None]:
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            most.append(process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _drive(site: Site, kind: str, clients: int, seconds: int, **environment: str) -> dict[str, Seen]:
    """Clients of one kind for some seconds; what they met, by the names of the requests."""
    with TemporaryDirectory(prefix="diswm-locust-") as folder:
        table = Path(folder) / "seen"
        command = [sys.executable, "-m", "locust", "-f", str(CLIENTS), kind, "--headless", "--only-summary"]
        command += ["--users", str(clients), "--spawn-rate", str(clients), "--run-time", f"{seconds}s"]
        command += ["--host", site.address, "--csv", str(table), "--exit-code-on-error", "0", "--loglevel", "ERROR"]
        given = {"LOAD_RUN": site.run, "LOAD_CHECKPOINT": site.checkpoint} | environment
        # its summary goes to standard error
        ended = subprocess.run(
            command, env=os.environ | given, capture_output=True, text=True, timeout=seconds + 120, check=False
        )
        if ended.returncode:
            raise SystemExit(ended.stderr)
        with (Path(folder) / "seen_stats.csv").open() as file:
            lines = {line["Name"]: line for line in csv.DictReader(file)}
    if int(lines["Aggregated"]["Request Count"]) == 0:
        raise SystemExit(f"nobody answered {kind} within {seconds} s: give it more, or a less busy machine")
    return {name: _seen(line) for name, line in lines.items()}


def _seen(line: dict[str, Any]) -> Seen:
    return Seen(
        requests=int(line["Request Count"]),
        failures=int(line["Failure Count"]),
        p50=float(line["50%"]),
        p99=float(line["99%"]),
        rate=float(line["Requests/s"]),
    )


def _waits(what: str, seen: Seen, bar: float) -> Row:
    text = f"p50 {seen.p50:.0f} ms, p99 {seen.p99:.0f} ms, {seen.failures} of {seen.requests} failed"
    return Row(what, text, f"p99 <= {bar:.0f} ms, 0 failed", seen.p99 <= bar and seen.failures == 0)


def _table(rows: list[Row], clients: int, seconds: int) -> str:
    words = {True: "yes", False: "NO", None: ""}
    lines = ["| what | seen | bar | met |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.seen} | {row.bar} | {words[row.met]} |" for row in rows]
    load = os.getloadavg()[0]
    about = (
        f"Written by `python -m benchmarks.load` on {time.strftime('%Y-%m-%d', time.gmtime())}: {clients} clients, "
        f"{seconds} s a part, {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}; "
        f"clients, API and training share the cores; load average at the end {load:.1f}."
    )
    return "\n".join(["# Load", "", about, "", *lines, ""])


if __name__ == "__main__":
    main()
