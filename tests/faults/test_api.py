"""An answered write survives kill -9 of the API, and a repeated one is not doubled."""

import subprocess
import threading
import time
from http.client import HTTPException
from typing import Any

import pytest

from backend.runs.desk import Order

WRITERS = 8


class Writers:
    """Clients that submit runs without end, each with a key of its own, and repeat what nobody answered."""

    def __init__(self, send: Any) -> None:
        self.answered: dict[str, str] = {}
        self._send = send
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int) -> None:
        number = 0
        while not self._over.is_set():
            key = f"{writer}-{number}"
            body = {"stage": "collect", "preset": "tiny", "name": key, "settings": {"episodes": 2}}
            try:
                status, view = self._send(body, **{"Idempotency-Key": key})
            except (OSError, HTTPException, ValueError):
                time.sleep(0.05)
                continue
            assert status == 202, view
            self.answered[key] = view["id"]
            number += 1


def _hammer(shop: Any, kills: int) -> Writers:
    """Kill the API while it is written to, that often."""
    address = shop.address()
    writers = Writers(lambda body, **headers: shop.send(f"{address}/api/v1/runs", body, **headers))
    try:
        for _ in range(kills):
            api: subprocess.Popen[bytes] = shop.start_api(address)
            before = len(writers.answered)
            shop.until(lambda before=before: len(writers.answered) > before + WRITERS, 60)
            api.kill()
            api.wait()
        shop.start_api(address)
        before = len(writers.answered)
        shop.until(lambda: len(writers.answered) > before, 60)
    finally:
        writers.stop()
    return writers


def _check(shop: Any, answered: dict[str, str]) -> None:
    rows = {row.idempotency_key: row.id for row in shop.desk.store.newest(limit=1_000_000)}
    names = [row.name for row in shop.desk.store.newest(limit=1_000_000)]
    lost = {key: run for key, run in answered.items() if rows.get(key) != run}
    assert lost == {}
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_no_answered_run_is_lost_and_none_is_doubled_when_the_api_is_killed(shop: Any) -> None:
    _check(shop, _hammer(shop, kills=3).answered)


@pytest.mark.long
def test_no_answered_run_is_lost_and_none_is_doubled_in_a_hundred_kills(shop: Any) -> None:
    _check(shop, _hammer(shop, kills=100).answered)


def test_a_doubled_and_a_lost_run_are_noticed(shop: Any) -> None:
    """The negative control: the check above can fail."""
    order = Order("collect", "tiny", {}, "0-0", 0, "cpu")
    run = shop.desk.submit(order, "0-0").row.id
    _check(shop, {"0-0": run})
    with pytest.raises(AssertionError):
        _check(shop, {"0-0": run, "0-1": "run-never-written"})
    shop.desk.submit(order)  # the same request again, without its key
    with pytest.raises(AssertionError):
        _check(shop, {"0-0": run})
