"""What a client of each kind does, for locust; `benchmarks/load.py` starts them."""

import itertools
import os
import random
import time

from locust import FastHttpUser, constant_throughput, task

CHECKPOINT = os.environ.get("LOAD_CHECKPOINT", "")
RUN = os.environ.get("LOAD_RUN", "")
RATE = float(os.environ.get("LOAD_RATE", "1"))
_fresh = itertools.count(random.randrange(10**9))


class Regular(FastHttpUser):
    """Somebody who comes back after `period` seconds, each at a different moment, as people do not act in step."""

    abstract = True
    period = 1.0

    def on_start(self) -> None:
        time.sleep(self.period * random.random())
        self.due = time.monotonic()

    def wait_time(self) -> float:
        self.due += self.period
        return max(0.0, self.due - time.monotonic())


class Page(Regular):
    """A page that follows a run: its state, its new metrics and its log, once a second."""

    @task
    def poll(self) -> None:
        for path in (f"/api/v1/runs/{RUN}", f"/api/v1/runs/{RUN}/metrics?since=0", f"/api/v1/runs/{RUN}/log"):
            self.client.get(path, name=path.split(RUN)[1].partition("?")[0] or "/run")


class Browser(Regular):
    """Somebody who looks at one traversal again and again, four times a second."""

    period = 0.25

    @task
    def look(self) -> None:
        self.client.get(f"/api/v1/checkpoints/{CHECKPOINT}/traversal?format=png", name="cached traversal")


class Explorer(FastHttpUser):
    """Somebody who asks for a traversal that nobody asked for before, RATE times a second or as fast as it goes."""

    wait_time = constant_throughput(RATE)

    @task
    def ask(self) -> None:
        extent = 1 + (next(_fresh) % 10**6) / 10**6
        path = f"/api/v1/checkpoints/{CHECKPOINT}/traversal?format=png&range={extent:.6f}"
        with self.client.get(path, name="answered", catch_response=True) as answer:
            if answer.status_code in (429, 503) and answer.headers.get("Retry-After"):
                answer.request_meta["name"] = "refused"
                answer.success()
