"""Traversals and atlas over HTTP: strict queries, one computation, ETag, files that open."""

import base64
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image

from backend.api import atlas
from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.export import render, rollout
from backend.interpret.view import build_view
from backend.main import create_app
from backend.settings import Settings
from backend.views.catalogue import KINDS
from backend.views.formats import MEDIA_TYPES

BASE = "/api/v1/checkpoints/tiny-world"


def picture(uri: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_every_row_takes_equal_steps_and_says_where_the_frame_lies(client: TestClient, moving_squares: Clip) -> None:
    query = {"dims": "3,1", "columns": 5, "episode": 1, "frame": 4}
    view = client.get(f"{BASE}/traversal", params=query).json()
    assert [row["dim"] for row in view["dims"]] == [3, 1]
    assert view["unit"] == "σ of the data"
    for row in view["dims"]:
        assert row["sigmas"] == [-2, -1, 0, 1, 2]
        assert row["frame"]["value"] == pytest.approx(view["reference"][row["dim"]], abs=1e-5)
        assert row["frame"]["column"] == pytest.approx(row["frame"]["sigma"] + 2, abs=1e-5)
        assert row["held"] is None
    assert np.array_equal(picture(view["original"]), moving_squares.image[1, 4])
    assert view["request"]["range"] == 2
    grid = picture(view["image"]).astype(int)
    assert grid.shape == (2 * 64, 5 * 64, 3)
    centred = client.get(f"{BASE}/traversal", params={**query, "mode": "offset"}).json()
    assert [row["frame"]["column"] for row in centred["dims"]] == [2, 2]
    assert np.abs(picture(centred["image"]).astype(int)[:64, 128:192] - picture(view["reconstruction"])).mean() < 3


def test_the_frame_is_the_middle_one_unless_one_asks(client: TestClient, moving_squares: Clip) -> None:
    view = client.get(f"{BASE}/traversal", params={"dims": "0"}).json()
    assert view["request"]["frame"] == moving_squares.image.shape[1] // 2


def test_an_edit_moves_the_base_of_the_whole_grid(client: TestClient) -> None:
    view = client.get(f"{BASE}/traversal", params={"dims": "all", "edits": "2:1.5,4:-0.25"}).json()
    assert view["reference"][2] == 1.5
    assert view["reference"][4] == -0.25
    held = {row["dim"]: row["held"]["value"] for row in view["dims"] if row["held"]}
    assert held == {2: 1.5, 4: -0.25}
    assert all(row["frame"]["value"] != held.get(row["dim"]) for row in view["dims"])


def test_an_atlas_holds_every_dimension_by_kl_in_one_picture(client: TestClient) -> None:
    atlas = client.get(f"{BASE}/atlas", params={"columns": 5}).json()
    kl = [row["kl"] for row in atlas["rows"]]
    assert kl == sorted(kl, reverse=True)
    assert picture(atlas["image"]).shape == (6 * 64, 5 * 64, 3)
    assert picture(atlas["footprint"]).shape == (6 * 64, 64)
    exact = client.get(f"{BASE}/atlas", params={"columns": 5, "format": "png"})
    pixels = np.asarray(Image.open(io.BytesIO(exact.content))).astype(int)
    assert np.array_equal(pixels[:64, 2 * 64 : 3 * 64], picture(atlas["reconstruction"]))
    assert np.abs(picture(atlas["image"]).astype(int) - pixels).mean() < 3


def test_the_largest_model_that_can_be_trained_opens_its_page(
    client: TestClient, home: Path, save_video_model: Callable[[Path, int], None]
) -> None:
    for latents in (1, 256):
        save_video_model(home / "checkpoints" / f"wide-{latents}", latents)
        base = f"/api/v1/checkpoints/wide-{latents}"
        atlas = client.get(f"{base}/atlas", params={"columns": 11})
        assert atlas.status_code == 200, atlas.text
        assert len(atlas.json()["rows"]) == latents
        assert picture(atlas.json()["image"]).shape == (latents * 64, 11 * 64, 3)
        active = client.get(f"{base}/traversal", params={"columns": 7})
        assert active.status_code == 200, active.text
    too_tall = client.get(f"{base}/traversal", params={"columns": 11, "dims": "all", "format": "png"})
    assert too_tall.status_code == 422
    assert "more than a file holds" in too_tall.json()["detail"]
    assert client.get(f"{base}/atlas", params={"format": "webp"}).json()["errors"][0]["pointer"] == "query:format"


def test_an_atlas_says_where_the_frame_lies_and_which_values_are_held(client: TestClient) -> None:
    unheld = client.get(f"{BASE}/atlas", params={"frame": 4}).json()
    held = client.get(f"{BASE}/atlas", params={"frame": 4, "edits": "2:1.5"}).json()
    assert (unheld["held"], held["held"]) == ([], [2])
    assert held["reference"][2] == 1.5
    assert held["own"] == unheld["own"] == unheld["reference"]
    assert unheld["seen_before"] == 4
    assert unheld["likeness"]["unlike"] is False
    assert client.get(f"{BASE}/atlas", params={"base": "prior"}).json()["own"] is None


def test_footprints_have_one_scale_whatever_the_other_rows_do(client: TestClient) -> None:
    atlas = client.get(f"{BASE}/atlas").json()
    heat = picture(atlas["footprint"])
    for place, row in enumerate(atlas["rows"]):
        brightest = heat[64 * place : 64 * place + 64].max()
        assert brightest == pytest.approx(min(1.0, row["change"] / 0.5) * 255, abs=1)


@pytest.mark.parametrize(
    ("query", "pointer", "says"),
    [
        ("dims=-1", "query:dims", "0 to 5"),
        ("dims=6", "query:dims", "0 to 5"),
        ("dims=1.5", "query:dims", "0 to 5"),
        ("dims=true", "query:dims", "0 to 5"),
        ("dims=", "query:dims", "0 to 5"),
        ("dims=1,,2", "query:dims", "0 to 5"),
        ("dims=1%2C1", "query:dims", "twice"),
        ("dims=%E2%91%A0", "query:dims", "0 to 5"),
        ("range=nan", "query:range", "finite"),
        ("range=inf", "query:range", "finite"),
        ("range=1e999", "query:range", "finite"),
        ("range=-2", "query:range", "0 to 20"),
        ("range=0", "query:range", "above 0"),
        ("range=3:-3", "query:range", "finite number"),
        ("mode=quantile&range=101", "query:range", "0 to 100"),
        ("columns=0", "query:columns", "odd number from 1"),
        ("columns=4", "query:columns", "odd number from 1"),
        ("columns=-3", "query:columns", "odd number from 1"),
        ("columns=1e1", "query:columns", "whole number"),
        ("columns=7.0", "query:columns", "whole number"),
        ("columns=%207", "query:columns", "whole number"),
        ("mode=simga", "query:mode", "sigma"),
        ("frame=24", "query:frame", "0 to 23"),
        ("frame=-1", "query:frame", "greater than or equal to 0"),
        ("episode=3", "query:episode", "0 to 2"),
        ("episode=99999999999999999999", "query:episode", "whole number"),
        ("history=1", "query:history", "true or false"),
        ("base=photo", "query:base", "clip"),
        ("edits=2", "query:edits", "dim:value"),
        ("edits=9:1", "query:edits", "0 to 5"),
        ("edits=2:nan", "query:edits", "finite"),
        ("edits=2:1,2:2", "query:edits", "twice"),
        ("edits=2:1e9", "query:edits", "1000"),
        ("fps=0&format=gif", "query:fps", "from 0.1 to 50"),
        ("fps=nan&format=gif", "query:fps", "finite"),
        ("fps=1000000&format=gif", "query:fps", "50"),
        ("upscale=0", "query:upscale", "1"),
        ("width=4", "query:width", "3.25, 5.5, 6.875"),
        ("columns=7&columns=5", "query:columns", "twice"),
        ("colums=7", "query:colums", "no such parameter"),
        ("a%00b=1", "query:a\x00b", "no such parameter"),
    ],
)
@pytest.mark.parametrize("view", ["traversal", "atlas"])
def test_a_wrong_query_is_422_and_says_where_and_what_is_allowed(
    client: TestClient, view: str, query: str, pointer: str, says: str
) -> None:
    if view == "atlas" and pointer in ("query:dims", "query:fps", "query:upscale", "query:width"):
        says = "no such parameter"
    answer = client.get(f"{BASE}/{view}?{query}")
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"][0]["pointer"] == pointer
    assert says in problem["errors"][0]["detail"]
    assert problem["remedy"].endswith(".")


def test_a_mistyped_parameter_gets_the_nearest_one(client: TestClient) -> None:
    assert client.get(f"{BASE}/traversal?colums=7").json()["errors"][0]["suggestion"] == "columns"


def test_a_query_over_the_budget_is_422_with_cost_and_limit(client: TestClient) -> None:
    problem = client.get(f"{BASE}/traversal?columns=1000001&dims=all").json()
    assert problem["type"] == "/problems/over-budget"
    assert problem["cost"] == 6 * 1_000_001
    assert problem["limit"] < problem["cost"]


@pytest.mark.parametrize(
    ("query", "headers"), [("?format=jpng", {}), ("?format=", {}), ("", {"Accept": "image/tiff"}), ("?format=GIF", {})]
)
def test_an_unknown_format_is_406_naming_what_there_is(client: TestClient, query: str, headers: dict[str, str]) -> None:
    answer = client.get(f"{BASE}/traversal{query}", headers=headers)
    assert answer.status_code == 406
    assert "gif" in answer.json()["remedy"]


def test_accept_chooses_the_format(client: TestClient) -> None:
    answer = client.get(f"{BASE}/atlas", headers={"Accept": "image/webp, */*;q=0.1"})
    assert answer.headers["content-type"] == "image/webp"


def test_a_client_that_has_the_answer_gets_304(client: TestClient) -> None:
    first = client.get(f"{BASE}/traversal")
    again = client.get(f"{BASE}/traversal", headers={"If-None-Match": first.headers["etag"]})
    other = client.get(f"{BASE}/traversal?columns=5", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200
    assert other.headers["etag"] != first.headers["etag"]


def test_a_new_name_of_a_dimension_makes_the_old_answer_stale(client: TestClient) -> None:
    first = client.get(f"{BASE}/traversal?dims=5")
    client.put(f"{BASE}/labels/5", json={"name": "floor hue"})
    again = client.get(f"{BASE}/traversal?dims=5", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert again.json()["dims"][0]["name"] == "floor hue"
    assert "floor-hue" in again.json()["file_name"]


def test_equal_queries_at_once_are_computed_once_with_equal_bytes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    gate = threading.Event()

    def slow(checkpoint: Checkpoint, *rest: object) -> object:
        calls.append(checkpoint.info.id)
        gate.wait(5)
        return build_view(checkpoint, *rest)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr("backend.views.traversal.build_view", slow)
    with (
        TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1") as client,
        ThreadPoolExecutor(16) as clients,
    ):
        answers = [clients.submit(client.get, f"{BASE}/traversal?columns=9") for _ in range(16)]
        gate.set()
        results = [answer.result() for answer in answers]
    assert calls == ["tiny-world"]
    assert {answer.status_code for answer in results} == {200}
    assert len({answer.content for answer in results}) == len({answer.headers["etag"] for answer in results}) == 1


def test_overload_is_refused_with_a_time_to_come_back(app: FastAPI, client: TestClient) -> None:
    executor = app.state.services.executor
    executor.pending_cost += 1e6
    blocker = threading.Event()
    executor._flights["blocker"] = blocker  # type: ignore[assignment]  # any entry counts as work under way
    try:
        answer = client.get(f"{BASE}/traversal?columns=31")
    finally:
        del executor._flights["blocker"]
        executor.pending_cost -= 1e6
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert client.get(f"{BASE}/traversal?columns=31").status_code == 200


def test_out_of_memory_is_503_and_the_next_query_works(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object) -> object:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("backend.views.traversal.build_view", hungry)
        answer = client.get(f"{BASE}/traversal?columns=29")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert client.get(f"{BASE}/traversal?columns=29").status_code == 200


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_a_figure_comes_as_a_file_with_a_telling_name(client: TestClient, format: str) -> None:
    answer = client.get(f"{BASE}/traversal", params={"dims": "0,2", "columns": 3, "format": format})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith(
        'attachment; filename="diswm_reacher-easy_tiny-world-s0_dim00-dim02'
    )
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[format]
    assert answer.content.startswith(start)


def test_every_format_of_the_exports_can_be_asked_for() -> None:
    assert set(KINDS["traversal"].formats) == set(render.TRAVERSAL_FORMATS)
    assert set(KINDS["rollout"].formats) == set(rollout.ROLLOUT_FORMATS)
    assert set(MEDIA_TYPES) >= {format for kind in KINDS.values() for format in kind.formats} | set(atlas.FORMATS)


@pytest.mark.parametrize(("name", "told"), [("$5 vs $10", False), ("\U000105c0 knee", True)])
def test_a_name_that_no_font_draws_is_told_in_a_header(client: TestClient, name: str, told: bool) -> None:
    client.put(f"{BASE}/labels/3", json={"name": name, "note": "", "author": "ada"})
    try:
        for format in ("pdf", "gif"):
            answer = client.get(f"{BASE}/traversal", params={"dims": "3", "format": format, "columns": 3})
            assert answer.status_code == 200
            assert ("U+105C0" in answer.headers.get("warning", "")) == told
        assert "warning" not in client.get(f"{BASE}/traversal", params={"dims": "3", "format": "csv"}).headers
    finally:
        client.put(f"{BASE}/labels/3", json={"name": "", "note": "", "author": "ada"})
