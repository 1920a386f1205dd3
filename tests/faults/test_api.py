"""An answered write survives kill -9 of the API, and a repeated one is not doubled."""

import contextlib
import os
import signal
import socket
import threading
import time
from http.client import HTTPException
from typing import Any

import pytest

from backend.runs.service import Order

WRITERS = 8


class Apis:
    """Starts `diswm serve` repeatedly at one address, each time in a process that can be killed."""

    def __init__(self, shop: Any) -> None:
        self.address = shop.address()
        self._shop = shop

    def start(self, **environment: str) -> int:
        """An API that answers; its process."""
        port = self.address.rpartition(":")[2]
        process: int = self._shop.fork("serve", DISWM_PORT=port, **environment)
        self._shop.until(lambda: self._shop.answers(f"{self.address}/healthz"), 180)
        return process


class Writers:
    """Clients that keep submitting runs, each with its own key, and repeat requests that got no answer."""

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


def _hammer(shop: Any, kills: int) -> dict[str, str]:
    """Kill the API this often while clients write; returns the run answered for each key."""
    apis = Apis(shop)
    writers = Writers(lambda body, **headers: shop.send(f"{apis.address}/api/v1/runs", body, **headers))
    try:
        for _ in range(kills):
            api = apis.start()
            _wait_for_more(shop, writers)
            shop.kill(api)
        apis.start()
        _wait_for_more(shop, writers)
    finally:
        writers.stop()
    return writers.answered


def _wait_for_more(shop: Any, writers: Writers) -> None:
    before = len(writers.answered)
    shop.until(lambda: len(writers.answered) > before + WRITERS, 180)


def _check(shop: Any, answered: dict[str, str]) -> None:
    rows = {row.idempotency_key: row.id for row in shop.service.store.newest(limit=1_000_000)}
    names = [row.name for row in shop.service.store.newest(limit=1_000_000)]
    lost = {key: run for key, run in answered.items() if rows.get(key) != run}
    assert lost == {}
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_no_answered_run_is_lost_and_none_is_doubled_when_the_api_is_killed(shop: Any) -> None:
    _check(shop, _hammer(shop, kills=25))


@pytest.mark.long
def test_no_answered_run_is_lost_and_none_is_doubled_in_a_hundred_kills(shop: Any, ledger: Any) -> None:
    kills = int(os.environ.get("API_KILLS", "100"))
    answered = _hammer(shop, kills)
    _check(shop, answered)
    ledger.write(
        "API killed under 8 writers",
        "0 lost, 0 doubled",
        f"{kills} kills",
        f"{len(answered)} runs answered, 0 lost, 0 doubled",
    )


def test_a_run_whose_answer_a_kill_took_is_there_once_when_it_is_sent_again(shop: Any) -> None:
    apis = Apis(shop)
    body = {"stage": "collect", "preset": "tiny", "settings": {"episodes": 2}}
    first = apis.start(DISWM_CRASH_AT="run-inserted")
    with pytest.raises((OSError, HTTPException)):
        shop.send(f"{apis.address}/api/v1/runs", body, **{"Idempotency-Key": "once"})
    assert shop.finish(first) == -signal.SIGKILL
    apis.start()
    status, view = shop.send(f"{apis.address}/api/v1/runs", body, **{"Idempotency-Key": "once"})
    assert status == 202
    assert [row.id for row in shop.service.store.newest(limit=10)] == [view["id"]]
    shop.send(f"{apis.address}/api/v1/runs", body)  # the negative control: without the key it is another run
    assert len(shop.service.store.newest(limit=10)) == 2


def test_an_api_asked_to_end_takes_leave_of_every_request_and_leaves_nothing_behind(shop: Any) -> None:
    apis = Apis(shop)
    api = apis.start()
    _, view = shop.send(f"{apis.address}/api/v1/runs", {"stage": "collect", "preset": "tiny"})
    events = _begun(apis.address, f"GET /api/v1/runs/{view['id']}/events HTTP/1.1", "", b"")
    assert b"queued" in _until_quiet(events)
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n' + bytes(3_000_000)
    about = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000\r\n"
    upload = _begun(apis.address, "POST /api/v1/datasets HTTP/1.1", about, form)
    shop.until(lambda: list(shop.home.glob("uploads/*/*")), 60)
    os.kill(api, signal.SIGTERM)
    shop.finish(api)
    with events, upload:
        assert _until_quiet(events).endswith(b"0\r\n\r\n")  # the last chunk: it ended, it was not torn
        assert _until_quiet(upload).startswith(b"HTTP/1.1 503")
    assert list(shop.home.glob("uploads/*")) == []
    assert "Traceback" not in (shop.home / "serve.txt").read_text()


def test_the_token_is_in_no_log_whatever_is_asked_with_it(shop: Any) -> None:
    token = "0123456789abcdef" * 4
    apis = Apis(shop)
    api = apis.start(DISWM_TOKEN=token)
    for given, status in {f"Bearer {token}": 422, f"Basic {token}": 401, "": 401}.items():
        for path in ("/api/v1/runs", f"/api/v1/runs?token={token}"):
            body = {"stage": f"collect {token}"}
            assert shop.send(f"{apis.address}{path}", body, Authorization=given)[0] == status
    torn = _begun(apis.address, "GET /readyz HTTP/1.1", f"Authorization: Bearer {token}\r\nContent-Length: x\r\n", b"")
    with torn:
        assert _until_quiet(torn).startswith(b"HTTP/1.1 400")
    os.kill(api, signal.SIGTERM)
    shop.finish(api)
    said = (shop.home / "serve.txt").read_text()
    assert token not in said
    assert "Invalid HTTP request" in said  # the log is the one that it was said in


def _begun(address: str, line: str, about: str, body: bytes) -> socket.socket:
    """A connection on which a request was sent."""
    host, _, port = address.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=5)
    connection.sendall(f"{line}\r\nHost: {host}\r\n{about}\r\n".encode() + body)
    return connection


def _until_quiet(connection: socket.socket) -> bytes:
    """The bytes received until the other side closes or is silent for some seconds."""
    got = b""
    with contextlib.suppress(TimeoutError):
        while piece := connection.recv(100_000):
            got += piece
    return got


def test_a_doubled_and_a_lost_run_are_noticed(shop: Any) -> None:
    """Negative control: the check above can fail."""
    order = Order("collect", "tiny", {}, "0-0", 0, "cpu")
    run = shop.service.submit(order, "0-0").row.id
    _check(shop, {"0-0": run})
    with pytest.raises(AssertionError):
        _check(shop, {"0-0": run, "0-1": "run-never-written"})
    shop.service.submit(order)  # the same request again, without its key
    with pytest.raises(AssertionError):
        _check(shop, {"0-0": run})
