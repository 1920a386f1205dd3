"""Two processes of the API on one home and one Postgres, behind a proxy that gives each request to the other one."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from backend.data.episodes import encode_episode, frames_only
from tests.faults.conftest import Store
from tests.support.forks import Forks
from tests.support.postgres import Server
from tests.support.proxy import Proxy, proxy
from tests.support.waiting import free_port, until

pytestmark = pytest.mark.slow
MODEL = "/checkpoints/tiny-world"
CUT = (httpx.RemoteProtocolError, httpx.ReadError, RemoteDisconnected)


@dataclass
class Site:
    """The store, the proxy in front of both processes, and a client of the proxy."""

    store: Store
    proxy: Proxy
    client: httpx.Client
    processes: dict[int, int]  # by port

    def kill(self, port: int) -> None:
        """SIGKILL to one of them."""
        self.store.kill(self.processes.pop(port))


@pytest.fixture
def site(postgres: Server, forks: Forks, tmp_path: Path, tiny_checkpoint_home: Path) -> Iterator[Site]:
    """Both processes answer."""
    home = tmp_path / "home"
    shutil.copytree(tiny_checkpoint_home, home)
    store = Store(home, forks, postgres.database())
    ports = [free_port(), free_port()]
    processes = {port: store.fork("serve", DISWM_PORT=str(port)) for port in ports}
    for port in ports:
        store.until(lambda port=port: store.answers(f"http://127.0.0.1:{port}/healthz"), 180)
    with proxy(ports) as between, httpx.Client(base_url=f"{between.address}/api/v1", timeout=120) as client:
        yield Site(store, between, client, processes)
    store.end()


def test_what_one_process_was_given_the_other_has(site: Site) -> None:
    client = site.client
    upload = {"files": ("squares.npz", _episode())}
    asked = client.post("/datasets/preview", files=upload, headers={"Prefer": "respond-async"})
    shown = _read(client, asked.json()["id"])
    begun = client.post("/datasets", files=upload, headers={"Prefer": "respond-async"})
    made = _read(client, begun.json()["id"])
    assert begun.status_code == 202 and shown["frames"] == made["frames"] == 40
    for _ in range(2):
        assert client.get(f"/datasets/{made['id']}").json() == made
        assert [item["id"] for item in client.get("/datasets").json()["items"]] == [made["id"]]
    wrong = client.post("/datasets", files={"files": ("no.npz", b"no")}, headers={"Prefer": "respond-async, wait=9"})
    assert [client.get(f"/imports/{made['id']}").status_code, wrong.status_code] == [200, 422]
    packed = client.get(f"{MODEL}/download").content
    known = [client.post("/checkpoints", files={"file": ("model.zip", packed)}) for _ in range(2)]
    assert [answer.status_code for answer in known] == [201, 200]
    copy = known[0].json()["id"]
    walked = _walk(client, "/checkpoints")
    assert copy in walked and len(walked) == len(set(walked))
    assert [client.get(f"/checkpoints/{copy}").status_code for _ in range(2)] == [200, 200]
    assert client.delete(f"/checkpoints/{copy}").status_code == 204
    assert [client.get(f"/checkpoints/{copy}").status_code for _ in range(2)] == [404, 404]
    assert all(site.proxy.answered[port] > 5 for port in site.processes)


def test_views_words_exports_and_measurements_are_the_same_from_both(site: Site) -> None:
    client = site.client
    drawn = [client.get(f"{MODEL}/traversal", params={"dims": "1", "columns": 3, "format": "png"}) for _ in range(2)]
    assert drawn[0].content == drawn[1].content and drawn[0].headers["etag"] == drawn[1].headers["etag"]
    body = {"checkpoint": "tiny-world", "kind": "traversal", "format": "png", "view": {"dims": "1", "columns": 3}}
    exports = [client.post("/exports", json=body) for _ in range(2)]
    assert [answer.status_code for answer in exports] == [201, 200]
    stored = client.get(f"/exports/{exports[0].json()['id']}").content
    opened = [client.post("/views", files={"file": ("dropped", stored)}).json() for _ in range(2)]
    assert opened[0] == opened[1] and opened[0]["found"] == "tiny-world"
    _write_words_at_once(client)
    for _ in range(2):
        assert len(client.get("/notes/checkpoint").json()["items"]) == 12
        assert len(client.get(f"{MODEL}/labels").json()["items"]) == 4
    made = client.post("/datasets", files={"files": ("squares.npz", _episode())}).json()
    measured = "/checkpoints/tiny-video/measurements"
    assert client.post(measured, json={"dataset": made["id"]}).json()["running"]
    assert client.get(measured).json()["running"]  # the other process says so, too
    while (answer := client.get(measured)).status_code == 200 and answer.json()["running"]:
        pass
    assert answer.status_code in (200, 409) and client.get(measured).json()["running"] is False


def test_runs_and_plays_go_on_when_one_of_the_processes_is_killed(site: Site) -> None:
    client, store = site.client, site.store
    store.add_dataset()
    order = {"stage": "pretrain", "preset": "tiny", "settings": {"dataset": "noise", "updates": 100_000}, "seed": 0}
    runs = [client.post("/runs", json=order, headers={"Idempotency-Key": "once"}).json()["id"] for _ in range(2)]
    assert runs[0] == runs[1]
    worker = store.fork("worker")
    played = client.post(f"{MODEL}/plays", json={"seed": 3}).json()
    steps = f"/plays/{played['id']}/steps"
    assert [client.post(steps, json={}).json()["step"] for _ in range(4)] == [1, 2, 3, 4]
    events = [_Events(client, runs[0]) for _ in range(2)]
    until(lambda: all(each.states[-1:] == ["running"] for each in events), 120)
    first, other = site.processes
    site.kill(first)
    assert [client.post(steps, json={}).json()["step"] for _ in range(3)] == [5, 6, 7]
    assert client.get("/runs", params={"state": "running"}).json()["items"][0]["id"] == runs[0]
    until(lambda: sum(each.over for each in events) == 1)  # that of the killed process, and its client asks again
    events.append(_Events(client, runs[0]))
    assert client.post(f"/runs/{runs[0]}/cancel").status_code == 202
    until(lambda: all(each.over for each in events), 60)
    assert sorted(each.states[-1] for each in events) == ["cancelled", "cancelled", "running"]
    begun = {"DISWM_PORT": str(first)}
    site.processes[first] = store.fork("serve", **begun)
    until(lambda: store.answers(f"http://127.0.0.1:{first}/healthz"), 120)
    before = site.proxy.answered[first]
    assert [client.post(steps, json={}).json()["step"] for _ in range(4)] == [8, 9, 10, 11]
    assert site.proxy.answered[first] > before
    assert client.delete(f"/plays/{played['id']}").status_code == 204
    assert [client.post(steps, json={}).status_code for _ in range(2)] == [404, 404]
    os.kill(worker, signal.SIGTERM)
    assert store.finish(worker) == 0 and other in site.processes


class _Events:
    """A client that listens to a run until the stream ends."""

    def __init__(self, client: httpx.Client, run: str) -> None:
        self.states: list[str] = []
        self.over = False
        self._client, self._run = client, run
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            with self._client.stream("GET", f"/runs/{self._run}/events") as stream:
                for line in stream.iter_lines():
                    if line.startswith("data:"):
                        self.states.append(json.loads(line.removeprefix("data:"))["state"])
        except CUT:
            pass
        self.over = True


def _write_words_at_once(client: httpx.Client) -> None:
    """Twelve notes and four labels, each in a file that all of its kind share."""

    def write(number: int) -> None:
        client.put(f"/notes/checkpoint/c{number}", json={"tags": [], "note": "seen"}).raise_for_status()
        if number < 4:
            client.put(f"{MODEL}/labels/{number}", json={"name": f"name {number}"}).raise_for_status()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _episode() -> bytes:
    frames = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), dtype=np.uint8)
    return encode_episode(frames_only(frames))


def _read(client: httpx.Client, id: str) -> Any:
    """What an upload became, asked until it is read."""
    while (answer := client.get(f"/imports/{id}", headers={"Prefer": "respond-async, wait=1"})).status_code == 202:
        pass
    assert answer.status_code == 200, answer.text
    return answer.json()


def _walk(client: httpx.Client, path: str) -> list[str]:
    """The ids of a list, one to a page."""
    found, cursor = [], None
    while True:
        page = client.get(path, params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
