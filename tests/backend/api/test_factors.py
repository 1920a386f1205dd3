"""Factors, labels, leakage, sensitivity and comparison over HTTP."""

import csv
import errno
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from backend.data.catalogue import SHIPPED
from backend.data.checkpoint import Checkpoint
from backend.interpret import charts
from backend.interpret.cards import factors_of
from backend.views import tables

BASE = "/api/v1/checkpoints"


def test_factors_that_are_not_computed_yet_are_409_with_a_time_to_come_back_and_computed_once(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    gate = threading.Event()

    def slow(checkpoint: Checkpoint, **_: object) -> object:
        calls.append(checkpoint.info.id)
        gate.wait(10)
        return factors_of(checkpoint)

    monkeypatch.setattr("backend.api.computing.factors_of", slow)
    path = home / "checkpoints" / "tiny-video" / "factors.json"
    assert not path.exists()
    first = client.get(f"{BASE}/tiny-video/factors")
    second = client.get(f"{BASE}/tiny-video/factors")
    assert [first.status_code, second.status_code] == [409, 409]
    assert first.headers["retry-after"]
    assert first.json()["type"] == "/problems/computing"
    with ThreadPoolExecutor(4) as clients:
        waiting = [clients.submit(client.get, f"{BASE}/tiny-video/factors?wait=true") for _ in range(4)]
        time.sleep(0.05)
        gate.set()
        answers = [answer.result() for answer in waiting]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert calls == ["tiny-video"]
    assert client.get(f"{BASE}/tiny-video/factors").status_code == 200
    assert client.get(f"{BASE}/tiny-video").json()["named"] == sum(
        entry["status"] == "named" for entry in answers[0].json()["dimensions"]
    )


def test_factors_that_cannot_be_computed_are_409_with_the_reason(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Checkpoint, **__: object) -> None:
        raise ValueError("no frames to encode")

    (home / "checkpoints" / "tiny-video" / "factors.json").unlink(missing_ok=True)
    monkeypatch.setattr("backend.api.computing.factors_of", fails)
    answer = client.get(f"{BASE}/tiny-video/factors?wait=true")
    assert answer.status_code == 409
    assert "no frames to encode" in answer.json()["detail"]


def test_the_table_and_the_card_agree(client: TestClient) -> None:
    table = client.get(f"{BASE}/tiny-world/factors?wait=true").json()
    assert len(table["dimensions"]) == 6
    assert len(table["nmi"]) == 6
    card = client.get(f"{BASE}/tiny-world/factors/2").json()
    assert card["factor"] == table["dimensions"][2]["factor"]
    assert card["extremes"]["low"]
    assert all(0 <= place["frame"] < 24 for place in card["extremes"]["high"])


def test_a_person_s_name_wins_and_can_be_taken_away(client: TestClient) -> None:
    client.get(f"{BASE}/tiny-world/factors?wait=true")
    given = client.put(f"{BASE}/tiny-world/labels/3", json={"name": " Hüfte ", "note": "left", "author": "ada"})
    assert given.status_code == 200
    assert given.json() | {"written_at": ""} == {
        "dim": 3,
        "name": "Hüfte",
        "note": "left",
        "author": "ada",
        "written_at": "",
        "carried_from": None,
    }
    table = client.get(f"{BASE}/tiny-world/factors").json()
    assert table["dimensions"][3]["name"] == "Hüfte"
    assert table["dimensions"][3]["name_source"] == "person"
    assert [label["dim"] for label in table["labels"]] == [3]
    client.put(f"{BASE}/tiny-world/labels/3", json={"name": ""})
    assert client.get(f"{BASE}/tiny-world/factors").json()["labels"] == []


def test_names_given_at_once_are_all_kept(client: TestClient) -> None:
    with ThreadPoolExecutor(6) as clients:
        list(clients.map(lambda dim: client.put(f"{BASE}/tiny-world/labels/{dim}", json={"name": f"n{dim}"}), range(6)))
    labels = client.get(f"{BASE}/tiny-world/factors?wait=true").json()["labels"]
    assert [label["name"] for label in labels] == [f"n{dim}" for dim in range(6)]


@pytest.mark.parametrize("dim", ["-1", "6", "1.5", "true", "x", "٣", "99999999999999"])
def test_a_dimension_that_is_not_there_is_422_naming_the_range(client: TestClient, dim: str) -> None:
    put = client.put(f"{BASE}/tiny-world/labels/{dim}", json={"name": "x"})
    get = client.get(f"{BASE}/tiny-world/factors/{dim}")
    assert [put.status_code, get.status_code] == [422, 422]
    assert "0 to 5" in put.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": 3}, "/name"),
        ({"name": "x" * 81}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "a\u0090b"}, "/name"),
        ({"name": "x", "nmae": "y"}, "/nmae"),
        ([], "/"),
    ],
)
def test_a_label_that_is_none_is_422(client: TestClient, body: object, pointer: str) -> None:
    answer = client.put(f"{BASE}/tiny-world/labels/0", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_leakage_is_a_square_table(client: TestClient) -> None:
    leakage = client.get(f"{BASE}/tiny-world/leakage").json()
    assert [len(row) for row in leakage["matrix"]] == [6] * 6
    assert 0 <= leakage["diagonal_share"] <= 1


def test_sensitivity_needs_a_policy(client: TestClient) -> None:
    table = client.get(f"{BASE}/tiny-world/sensitivity").json()
    assert len(table["dimensions"]) == 6
    refused = client.get(f"{BASE}/tiny-video/sensitivity")
    assert refused.status_code == 409


def test_two_checkpoints_are_matched(client: TestClient) -> None:
    itself = client.get(f"{BASE}/tiny-world/compare?other=tiny-world").json()
    assert all(match["first"] == match["second"] for match in itself["matches"])
    unknown = client.get(f"{BASE}/tiny-world/compare?other=nothing")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "query:other")
    assert client.get(f"{BASE}/tiny-world/compare").status_code == 422


def test_names_are_checked_both_ways_and_kept(client: TestClient, home: Path) -> None:
    first = client.get(f"{BASE}/tiny-world/interventions?format=png")
    assert first.status_code == 409
    assert first.json()["type"] == "/problems/computing"
    found = client.get(f"{BASE}/tiny-world/interventions?wait=true").json()
    assert [entry["dim"] for entry in found["dimensions"]] == list(range(6))
    assert {"name", "factor", "nmi", "drawn", "drawn_agrees", "set", "set_agrees"} <= found["dimensions"][0].keys()
    assert found["set"] is None
    assert "no factor that can be set" in found["why"]
    assert (home / "checkpoints" / "tiny-world" / "interventions.json").is_file()
    assert client.get(f"{BASE}/tiny-world/interventions").status_code == 200


def test_files_of_interventions_and_intervals_have_the_numbers_of_their_tables(client: TestClient) -> None:
    shipped = f"{BASE}/finger-episode-factors"
    told = client.get(f"{shipped}/interventions").json()
    file = np.load(io.BytesIO(client.get(f"{shipped}/interventions?format=npz").content))
    dims = [int(row.split(":")[0].removeprefix("dim ")) for row in file["rows"]]
    half = len(dims) // 2
    assert half and dims[:half] == dims[half:]
    columns = [name.replace(" ", "_") for name in file["columns"]]
    for number, items in enumerate((told["draws"], told["set"]["factors"])):
        block, known = (
            file["values"][half * number : half * number + half],
            {item["factor"]: item["moves"] for item in items},
        )
        for column, factor in enumerate(columns):
            expected = [known[factor][dim] for dim in dims[:half]] if factor in known else [np.nan] * half
            np.testing.assert_allclose(block[:, column], expected)
        verdict = ("drawn_move", "set_move")[number]
        assert np.nanmax(block, axis=1).tolist() == [told["dimensions"][dim][verdict] for dim in dims[:half]]
    table = client.get(f"{shipped}/intervals").json()
    entries = {entry["dim"]: entry for entry in table["dimensions"]}
    header, *lines = csv.reader(io.StringIO(client.get(f"{shipped}/intervals?format=csv").text))
    assert header[1:4] == ["best factor", "best factor_low", "best factor_high"]
    for dim, (name, *cells) in zip(dims[:half], lines, strict=True):
        entry = entries[dim]
        assert name == f"dim {dim}: {entry['name']}" if entry["name"] else name.startswith(f"dim {dim} (")
        marks = [entry["nmi"], *entry["interval"], entry["second_nmi"], *entry["second_interval"], entry["null"]]
        assert [float(cell) for cell in cells[:7]] == marks
        assert cells[7:9] == ["", ""]


def test_where_there_is_nothing_to_draw_no_empty_figure_is_made(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"dimensions": [], "draws": [], "seen": {}, "set": None, "why": "these pictures come from no simulator"}
    builder = tables.table_of(lambda _: nothing, charts.interventions_chart)
    monkeypatch.setattr(tables, "INTERVENTIONS", replace(tables.INTERVENTIONS, build=builder))
    monkeypatch.setattr("backend.views.tables.intervals_of", lambda _: nothing)
    for table in ("interventions", "intervals"):
        refused = client.get(f"{BASE}/finger-episode-factors/{table}?format=svg")
        assert refused.status_code == 409
        assert refused.json()["type"] == "/problems/nothing-to-draw"
        assert refused.json()["errors"][0]["pointer"] == "path:checkpoint"


def test_labels_can_be_read_back_with_who_and_when(client: TestClient) -> None:
    client.put(f"{BASE}/tiny-video/labels/4", json={"name": "sky", "note": "upper half", "author": "ada"})
    client.put(f"{BASE}/tiny-video/labels/1", json={"name": "knee", "author": "bob"})
    items = client.get(f"{BASE}/tiny-video/labels").json()["items"]
    assert [(item["dim"], item["name"], item["author"]) for item in items] == [(1, "knee", "bob"), (4, "sky", "ada")]
    assert items[1]["note"] == "upper half"
    assert all(item["written_at"].startswith("20") for item in items)


def test_a_checkpoint_that_cannot_be_written_to_still_says_what_its_dimensions_mean(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("backend.data.checkpoint.write_json", read_only)
    (home / "checkpoints" / "tiny-world" / "factors.json").unlink(missing_ok=True)
    answer = client.get(f"{BASE}/tiny-world/factors?wait=true")
    assert answer.status_code == 200
    assert len(answer.json()["dimensions"]) == 6


def test_a_shipped_checkpoint_is_named_in_the_home_and_not_in_the_checkout(client: TestClient, home: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in SHIPPED.rglob("*"))
    shipped = f"{BASE}/cartpole-swingup-policy"
    assert client.put(f"{shipped}/labels/3", json={"name": "pole", "author": "ada"}).status_code == 200
    assert [label["name"] for label in client.get(f"{shipped}/labels").json()["items"]] == ["pole"]
    assert client.get(f"{shipped}/factors").json()["dimensions"][3]["name"] == "pole"
    assert len(list(home.glob("shipped/cartpole-swingup-policy-*/labels.json"))) == 1
    assert sorted((path, path.stat().st_mtime_ns) for path in SHIPPED.rglob("*")) == before
