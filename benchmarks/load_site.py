"""What `benchmarks/load.py` measures: an API and a worker of their own, and a training run that never ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np

from backend.data.episodes import frames_only, read_dataset_info, write_dataset_info, write_episode
from benchmarks.waiting import free_port, until

TRAINING = {"dataset": "noise", "updates": 100_000, "checkpoint_every": 100_000, "log_every": 5, "held_out": 2}


class Site:
    """An API and a worker on a store of their own, with a training run that goes on all the time."""

    def __init__(self, home: Path) -> None:
        _add_noise(home)
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        environment = os.environ | {"DISWM_HOME": str(home), "DISWM_PORT": str(port), "OMP_NUM_THREADS": "1"}
        start = [sys.executable, "-m", "backend"]
        self.api = subprocess.Popen([*start, "serve"], env=environment)
        self.worker = subprocess.Popen([*start, "worker"], env=environment)
        self.client = httpx.Client(base_url=self.address, timeout=60, trust_env=False)
        self.run = self.checkpoint = ""

    def open(self) -> None:
        """Wait for the API, start the training run and wait until it learns."""
        until(lambda: self.client.get("/healthz").status_code == 200)
        self.checkpoint = self.client.get("/api/v1/checkpoints").json()["items"][0]["id"]
        body = {"stage": "pretrain", "preset": "small", "settings": TRAINING}
        self.run = self.client.post("/api/v1/runs", json=body).raise_for_status().json()["id"]
        until(lambda: self.updates() > 10)

    def updates(self) -> float:
        """Gradient updates that the training run has made."""
        progress = self.client.get(f"/api/v1/runs/{self.run}").json()["progress"]
        return float(progress["done"]) if progress else 0.0

    def computed(self) -> float:
        """Queries that the API has computed since its start."""
        lines = self.client.get("/metrics").text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("diswm_queries_computed "))

    def close(self) -> None:
        """End both; the run saves and stops."""
        for process in (self.worker, self.api):
            process.terminate()
        for process in (self.worker, self.api):
            process.wait(60)


class Pace:
    """How many updates a second the training run makes while something else goes on."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._begun, self._at = site.updates(), time.monotonic()

    def now(self) -> float:
        """Since this was made."""
        return (self._site.updates() - self._begun) / (time.monotonic() - self._at)


def _add_noise(home: Path) -> None:
    """A data set of noise."""
    folder = home / "datasets" / "noise"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(12):
        frames = generator.integers(0, 255, (60, 64, 64, 3), dtype=np.uint8)
        write_episode(folder / f"episode-{number:06d}.npz", frames_only(frames))
    write_dataset_info(read_dataset_info(folder))
