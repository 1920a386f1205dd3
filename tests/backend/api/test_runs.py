"""Runs over HTTP: accepted ones are queued; refused ones change nothing and say which field is wrong and why."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from backend.main import create_app
from backend.runs.folders import run_folder
from backend.runs.service import RunService
from backend.runs.states import RunState
from backend.settings import Settings

URL = "/api/v1/runs"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """An API without any run, not even the shipped ones."""
    monkeypatch.setattr("backend.runs.found.SHIPPED", tmp_path / "none")
    with TestClient(create_app(Settings(home=tmp_path, device="cpu")), base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def service(client: TestClient) -> RunService:
    client.get(URL)
    service: RunService = client.app.state.run_service  # type: ignore[attr-defined]  # Starlette types any ASGI app
    return service


def _body(**values: Any) -> dict[str, Any]:
    return {"stage": "collect", "preset": "tiny", "settings": {"episodes": 3}} | values


def _send(client: TestClient, text: str, content_type: str | None = "application/json") -> Any:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return client.post(URL, content=text.encode("utf-8", "surrogatepass"), headers=headers)


def test_a_run_is_accepted_with_its_place_and_its_command(client: TestClient, tmp_path: Path) -> None:
    answer = client.post(URL, json=_body(name="first", seed=2**63 - 1))
    assert answer.status_code == 202
    view = answer.json()
    assert answer.headers["Location"] == f"{URL}/{view['id']}"
    assert (view["state"], view["name"], view["seed"]) == ("queued", "first", 2**63 - 1)
    asked = "diswm collect --preset tiny --seed 9223372036854775807 --set episodes=3"
    assert view["command"] == f"DISWM_HOME={tmp_path} {asked}"
    assert view["settings"]["environment"] == "cartpole-swingup"
    assert (view["progress"], view["error"], view["checkpoint"], view["resumable"]) == (None, None, None, False)
    assert client.get(answer.headers["Location"]).json() == view


@pytest.mark.parametrize(
    ("text", "status", "pointer"),
    [
        ('{"stage":"pretrain","settings":{"learning_rate":NaN}}', 422, "/settings/learning_rate"),
        ('{"stage":"pretrain","settings":{"learning_rate":Infinity}}', 422, "/settings/learning_rate"),
        ('{"stage":"pretrain","settings":{"learning_rate":1e400}}', 422, "/settings/learning_rate"),
        ('{"stage":"pretrain","settings":{"learning_rate":"nan"}}', 422, "/settings/learning_rate"),
        ('{"stage":"collect","settings":{"episodes":9223372036854775808}}', 422, "/settings/episodes"),
        ('{"stage":"collect","settings":{"episodes":true}}', 422, "/settings/episodes"),
        ('{"stage":"collect","settings":{"episodes":3.0}}', 422, "/settings/episodes"),
        ('{"stage":"collect","settings":{"episods":3}}', 422, "/settings/episods"),
        ('{"stage":"collect","stgae":1}', 422, "/stgae"),
        ('{"stage":"colect"}', 422, "/stage"),
        ('{"stage":"collect","preset":"smal"}', 422, "/preset"),
        ("{}", 422, "/stage"),
        ('{"stage":"collect","stage":"collect"}', 400, None),
        ("{", 400, None),
        ("[]", 422, "/"),
        ('{"stage":"collect","settings":' + '{"a":' * 60 + "1" + "}" * 61, 422, None),
        ('{"stage":"collect","settings":' + "[" * 100_000, 422, None),
        ('{"stage":"collect","name":"\\ud800"}', 422, "/name"),
        ('{"stage":"collect","name":"a\\u0000b"}', 422, "/name"),
        ('{"stage":"collect","name":""}', 422, "/name"),
        ('{"stage":"collect","settings":{"environment":"reacher-eazy"}}', 422, "/settings/environment"),
        ('{"stage":"collect","settings":{"environment":"os:system"}}', 422, "/settings/environment"),
        ('{"stage":"collect","settings":{"environment":{"_target_":"os.system"}}}', 422, "/settings/environment"),
        ('{"stage":"collect","settings":{"environment":"${oc.env:HOME}"}}', 422, "/settings/environment"),
        ('{"stage":"collect","seed":-1}', 422, "/seed"),
        ('{"stage":"collect","seed":18446744073709551616}', 422, "/seed"),
        ('{"stage":"collect","seed":9223372036854775808}', 422, "/seed"),
        ('{"stage":"collect","seed":true}', 422, "/seed"),
        ('{"stage":"collect","seed":1.0}', 422, "/seed"),
        ('{"stage":"collect","device":"cuda:99"}', 422, "/device"),
        ('{"stage":"pretrain","settings":{"dataset":"nowhere"}}', 422, "/settings/dataset"),
        ('{"stage":"finetune","settings":{"teacher":"nobody"}}', 422, "/settings/teacher"),
    ],
)
def test_bad_input_is_refused_with_its_place_and_changes_nothing(
    client: TestClient, text: str, status: int, pointer: str | None
) -> None:
    answer = _send(client, text)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["detail"] and problem["remedy"]
    if pointer is not None:
        assert pointer in [fault["pointer"] for fault in problem["errors"]]
    assert client.get(URL).json()["items"] == []


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_type_is_refused(client: TestClient, content_type: str | None) -> None:
    assert _send(client, json.dumps(_body()), content_type).status_code == 415


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    assert _send(client, json.dumps(_body(name="x" * 2_000_000))).status_code == 413


def test_did_you_mean_names_the_nearest(client: TestClient) -> None:
    fault = client.post(URL, json=_body(settings={"episods": 3})).json()["errors"][0]
    assert fault["suggestion"] == "episodes"


def test_one_key_sent_32_times_at_once_makes_one_run(client: TestClient) -> None:
    barrier = threading.Barrier(32)

    def send(_: int) -> Any:
        barrier.wait()
        return client.post(URL, json=_body(), headers={"Idempotency-Key": "key-1"})

    with ThreadPoolExecutor(32) as pool:
        sent = list(pool.map(send, range(32)))
    assert {answer.status_code for answer in sent} == {202}
    assert len({answer.json()["id"] for answer in sent}) == 1
    assert len(client.get(URL).json()["items"]) == 1


def test_one_key_with_another_body_is_refused(client: TestClient) -> None:
    client.post(URL, json=_body(), headers={"Idempotency-Key": "key-1"})
    answer = client.post(URL, json=_body(seed=1), headers={"Idempotency-Key": "key-1"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "header:Idempotency-Key"
    assert len(client.get(URL).json()["items"]) == 1


def test_runs_are_listed_in_pages_and_filtered(client: TestClient) -> None:
    made = [client.post(URL, json=_body(seed=seed)).json()["id"] for seed in range(3)]
    client.post(f"{URL}/{made[0]}/cancel")
    first = client.get(URL, params={"limit": 2}).json()
    rest = client.get(URL, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [run["id"] for run in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert [run["id"] for run in client.get(URL, params={"state": "cancelled"}).json()["items"]] == [made[0]]
    assert client.get(URL, params={"stage": "pretrain"}).json()["items"] == []
    for bad in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"state": "asleep"}, {"stat": "queued"}):
        assert client.get(URL, params=bad).status_code == 422


def test_an_unknown_run_is_not_found(client: TestClient) -> None:
    for path in ("none", "..%2f..%2fetc", "%00", "x" * 500):
        answer = client.get(f"{URL}/{path}")
        assert answer.status_code == 404
        assert answer.json()["remedy"]
    assert client.post(f"{URL}/none/cancel").status_code == 404


def test_a_run_is_cancelled_resumed_cloned_and_removed(client: TestClient, tmp_path: Path) -> None:
    run = client.post(URL, json=_body()).json()["id"]
    assert client.delete(f"{URL}/{run}").status_code == 409
    assert client.post(f"{URL}/{run}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{URL}/{run}/cancel").status_code == 409
    assert client.post(f"{URL}/{run}/resume").json()["state"] == "queued"
    assert client.post(f"{URL}/{run}/resume").status_code == 409
    clone = client.post(f"{URL}/{run}/clone", json={"settings": {"episodes": 4}, "seed": 9})
    assert clone.status_code == 202
    assert clone.json()["settings"]["episodes"] == 4 and clone.json()["id"] != run
    assert client.post(f"{URL}/{run}/clone").status_code == 202
    assert client.post(f"{URL}/{run}/clone", json={"settings": {"episods": 4}}).status_code == 422
    client.post(f"{URL}/{run}/cancel")
    run_folder(tmp_path, run).mkdir(parents=True)
    assert client.delete(f"{URL}/{run}").status_code == 204
    assert client.get(f"{URL}/{run}").status_code == 404
    assert not run_folder(tmp_path, run).exists()


def test_a_run_that_is_over_says_what_to_raise_and_goes_on(client: TestClient, service: RunService) -> None:
    run = client.post(URL, json={"stage": "pipeline"}).json()
    assert run["amount"] == {"setting": "finetune.agent_steps", "value": 600}
    claimed = service.store.claim(run["id"], 0, "worker-1")
    assert claimed is not None
    service.store.finish(run["id"], claimed.attempt, RunState.SUCCEEDED, result={})
    refused = client.post(f"{URL}/{run['id']}/resume")
    assert refused.status_code == 409 and "finetune.agent_steps" in refused.json()["remedy"]
    again = client.post(f"{URL}/{run['id']}/resume", json={"settings": {"finetune": {"agent_steps": 900}}})
    assert (again.status_code, again.json()["state"], again.json()["amount"]["value"]) == (202, "queued", 900)
    wrong = client.post(f"{URL}/{run['id']}/resume", json={"setings": {}})
    assert wrong.status_code == 422


def test_metrics_and_log_are_read_on(client: TestClient, tmp_path: Path) -> None:
    run = client.post(URL, json=_body()).json()["id"]
    assert client.get(f"{URL}/{run}/metrics").json() == {"items": [], "next": 0}
    folder = run_folder(tmp_path, run)
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text('{"updates": 1, "image": NaN}\n{"updates": 2, "image": 3.5}\n')
    (folder / "log.txt").write_text("hello\n")
    assert client.get(f"{URL}/{run}/metrics", params={"since": 1}).json() == {
        "items": [{"updates": 2, "image": 3.5}],
        "next": 2,
    }
    assert client.get(f"{URL}/{run}/metrics").json()["items"][0]["image"] is None
    assert client.get(f"{URL}/{run}/log").json() == {"text": "hello\n", "next": 6}
    assert client.get(f"{URL}/{run}/log", params={"since": 6}).json() == {"text": "", "next": 6}
    for bad in (-1, 1.5, 2**70, "x"):
        assert client.get(f"{URL}/{run}/metrics", params={"since": bad}).status_code == 422


def test_events_tell_each_change_until_the_run_is_over(client: TestClient, service: RunService, tmp_path: Path) -> None:
    run = client.post(URL, json=_body()).json()["id"]
    service.store.claim(run, 0, "w")

    def finish() -> None:
        time.sleep(0.3)
        folder = run_folder(tmp_path, run)
        folder.mkdir(parents=True)
        (folder / "progress.json").write_text('{"phase": "collect", "done": 1, "total": 3}')
        time.sleep(1.0)
        service.store.finish(run, 1, RunState.SUCCEEDED)

    thread = threading.Thread(target=finish)
    thread.start()
    answer = client.get(f"{URL}/{run}/events")
    thread.join()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
    assert [event["state"] for event in events] == ["running", "running", "succeeded"]
    progress = {"phase": "collect", "done": 1.0, "total": 3.0, "share": 0.3333, "eta_s": None}
    assert events[1]["progress"] == progress
    assert client.get(f"{URL}/none/events").status_code == 404


def test_a_run_whose_worker_died_is_shown_as_waiting(client: TestClient, service: RunService) -> None:
    run = client.post(URL, json=_body()).json()["id"]
    service.store._clock = lambda: time.time() - 60
    service.store.claim(run, 0, "w")
    service.store._clock = time.time
    assert client.get(f"{URL}/{run}").json()["state"] == "queued"
    assert client.post(f"{URL}/{run}/cancel").json()["state"] == "cancelled"


def test_a_full_disk_answers_507_and_reads_go_on(client: TestClient, service: RunService) -> None:
    run = client.post(URL, json=_body()).json()["id"]

    def no_more_pages(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    engine = service.store._engine
    engine.dispose()
    event.listen(engine, "connect", no_more_pages)
    statuses = {client.post(URL, json=_body(name="x" * 200)).status_code for _ in range(40)}
    assert statuses == {202, 507}
    refused = client.post(URL, json=_body(name="x" * 200))
    assert refused.json()["type"] == "/problems/disk-full"
    assert client.get(f"{URL}/{run}").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/a%00b", 404),
        ("/runs/a%00b/log", 404),
        ("/runs?stage=%00", 422),
        ("/runs?cursor=%00", 422),
        ("/runs?search=%00", 422),
        ("/curves?runs=a%00b", 422),
        ("/checkpoints/a%00b", 404),
        ("/datasets/a%00b", 404),
    ],
)
def test_the_character_nul_names_nothing(client: TestClient, path: str, status: int) -> None:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_database_that_does_not_answer_is_said_everywhere(client: TestClient, service: RunService) -> None:
    run = client.post(URL, json=_body()).json()["id"]
    client.post(URL, json=_body())

    @event.listens_for(service.store._engine, "before_cursor_execute")
    def _lost(*_: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("the connection is lost"))

    for path in (URL, f"{URL}/{run}", f"{URL}/{run}/log", f"/api/v1/curves?runs={run}", "/api/v1/workers"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), path
    assert client.post(URL, json=_body()).status_code == 503
    assert client.post(f"{URL}/{run}/cancel").status_code == 503
    assert client.get("/readyz").status_code == 503
    metrics = client.get("/metrics")
    assert metrics.status_code == 200 and "diswm_database_up 0" in metrics.text


def test_runs_are_searched_by_words_of_name_stage_and_state(client: TestClient) -> None:
    for name in ("walker seed three", "walker seed four", "100%_odd"):
        client.post(URL, json={**_body(), "name": name})
    found = lambda words: [run["name"] for run in client.get(URL, params={"search": words}).json()["items"]]  # noqa: E731
    assert found("SEED queued three") == ["walker seed three"]
    assert found("100%_") == ["100%_odd"]
    assert found("walker nothing") == []
