"""Exports over HTTP: files with descriptive names, stored by content, sent once."""

import errno
import io
import os
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from backend.data.checkpoint import FORGETTING, TEACHERS
from tests.support.forgetting import write_forgotten
from tests.support.weighing import write_weighed

BASE = "/api/v1/exports"
VIEW = {"dims": [0, 2], "columns": 5, "frame": 3}


def export(client: TestClient, **body: object) -> tuple[int, dict[str, object]]:
    answer = client.post(BASE, json={"checkpoint": "tiny-world", "view": VIEW, **body})
    return answer.status_code, answer.json()


@pytest.mark.parametrize("format", ["gif", "apng", "png", "svg", "pdf", "csv", "npz", "mp4", "webm"])
def test_a_view_becomes_a_file_that_is_kept_once_and_sent_once(client: TestClient, format: str) -> None:
    status, made = export(client, format=format)
    again, same = export(client, format=format)
    assert (status, again) == (201, 200)
    assert made == same
    assert str(made["file_name"]).startswith("diswm_reacher-easy_tiny-world-s0_dim00-dim02")
    answer = client.get(str(made["url"]))
    assert answer.status_code == 200
    assert len(answer.content) == made["bytes"] == int(answer.headers["content-length"])
    assert answer.headers["etag"] == made["etag"]
    assert answer.headers["content-type"].startswith(str(made["media_type"]).partition(";")[0])
    assert str(made["file_name"]) in answer.headers["content-disposition"]
    content = client.get(str(made["url"]), headers={"If-None-Match": answer.headers["etag"]})
    assert (content.status_code, content.content) == (304, b"")


def test_the_file_is_the_one_that_the_query_gives(client: TestClient) -> None:
    _, made = export(client, format="gif", view={**VIEW, "fps": 5, "upscale": 1})
    content = client.get(str(made["url"])).content
    asked = client.get("/api/v1/checkpoints/tiny-world/traversal?dims=0,2&columns=5&frame=3&format=gif&fps=5&upscale=1")
    assert asked.content == content
    assert f'filename="{made["file_name"]}"' in asked.headers["content-disposition"]
    assert Image.open(io.BytesIO(content)).info["duration"] == 200


def test_films_open_and_have_their_frames(client: TestClient) -> None:
    for format in ("mp4", "webm"):
        _, made = export(client, format=format, view={**VIEW, "pingpong": False})
        with av.open(io.BytesIO(client.get(str(made["url"])).content)) as film:
            assert len(list(film.decode(video=0))) == 5


def test_a_table_holds_the_values_of_the_view(client: TestClient) -> None:
    _, made = export(client, format="npz")
    with np.load(io.BytesIO(client.get(str(made["url"])).content), allow_pickle=False) as table:
        values = table["values"]
    view = client.get("/api/v1/checkpoints/tiny-world/traversal?dims=0,2&columns=5&frame=3").json()
    assert np.allclose(values, [row["values"] for row in view["dims"]], atol=1e-5)


def test_a_rollout_becomes_a_file(client: TestClient) -> None:
    status, made = export(client, kind="rollout", format="gif", view={"horizon": 4, "edit": "1:2@6"})
    assert status == 201
    assert "rollout" in str(made["file_name"])
    assert Image.open(io.BytesIO(client.get(str(made["url"])).content)).n_frames == 9


def test_a_bundle_holds_the_view_in_every_form(client: TestClient) -> None:
    status, made = export(client, kind="bundle", format="zip")
    assert status == 201
    with zipfile.ZipFile(io.BytesIO(client.get(str(made["url"])).content)) as bundle:
        suffixes = {Path(name).suffix for name in bundle.namelist()}
    assert {".pdf", ".svg", ".png", ".gif", ".mp4", ".csv", ".npz", ".tex", ".html", ".json"} <= suffixes


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"format": "gif", "view": {"fps": 0}}, 422, "/view/fps"),
        ({"format": "gif", "view": {"fps": 1_000_000}}, 422, "/view/fps"),
        ({"format": "gif", "view": {"fps": "10"}}, 422, "/view/fps"),
        ({"format": "gif", "view": {"colums": 7}}, 422, "/view/colums"),
        ({"format": "gif", "view": {"columns": 4}}, 422, "/view/columns"),
        ({"format": "gif", "view": {"columns": 10**6, "dims": "all"}}, 422, "/view/columns"),
        ({"format": "gif", "view": {"dims": [7]}}, 422, "/view/dims"),
        ({"format": "gif", "view": {"dims": [True]}}, 422, "/view/dims"),
        ({"format": "gif", "view": {"dims": 3}}, 422, "/view/dims"),
        ({"format": "gif", "view": {"edits": {"9": 1}}}, 422, "/view/edits"),
        ({"format": "gif", "view": {"frame": 99}}, 422, "/view/frame"),
        ({"format": "gif", "view": []}, 422, "/view"),
        ({"format": "jpng"}, 406, "/format"),
        ({"format": "json"}, 406, "/format"),
        ({"kind": "bundel"}, 422, "/kind"),
        ({"kind": "bundle", "format": "gif"}, 406, "/format"),
        ({"checkpoint": "../../etc"}, 422, "/checkpoint"),
        ({"checkpoint": 3}, 422, "/checkpoint"),
        ({"formt": "gif"}, 422, "/formt"),
    ],
)
def test_a_wrong_export_is_refused_with_a_pointer_and_nothing_is_kept(
    client: TestClient, home: Path, body: dict[str, object], status: int, pointer: str
) -> None:
    before = sorted((home / "exports").glob("*"))
    given, problem = export(client, **body)
    assert given == status
    assert problem["errors"][0]["pointer"] == pointer  # type: ignore[index]
    assert problem["remedy"]
    assert sorted((home / "exports").glob("*")) == before


def test_nan_in_a_view_is_422(client: TestClient) -> None:
    body = b'{"checkpoint": "tiny-world", "format": "gif", "view": {"fps": NaN}}'
    answer = client.post(BASE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/view/fps"


@pytest.mark.parametrize(
    "id", ["..", "%2e%2e", "..%2fcheckpoints", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "x" * 32, "A" * 32, "0" * 31]
)
def test_an_id_that_is_none_is_404(client: TestClient, id: str) -> None:
    assert client.get(f"{BASE}/{id}").status_code == 404


def test_a_full_disk_is_507_and_no_half_file_is_ever_served(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted((home / "exports").glob("*"))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        status, problem = export(client, format="csv", view={"columns": 3})
    assert status == 507
    assert problem["remedy"]
    assert sorted((home / "exports").glob("*")) == before
    assert export(client, format="csv", view={"columns": 3})[0] == 201


STRETCH = {"context": 4, "horizon": 3}
KINDS: dict[str, tuple[dict[str, object], tuple[str, ...], str]] = {
    "rollout": (STRETCH, ("gif", "csv"), "rollout?context=4&horizon=3"),
    "temporal": ({**STRETCH, "dims": [3, 0]}, ("gif", "mp4", "png", "npz"), "temporal?context=4&horizon=3&dims=3,0"),
    "together": ({**STRETCH, "with": ["tiny-video"]}, ("gif", "pdf"), "rollouts?context=4&horizon=3&with=tiny-video"),
    "imitation": (STRETCH, ("gif", "csv"), "imitation?context=4&horizon=3"),
    "calibration": (STRETCH, ("png", "npz"), "calibration?context=4&horizon=3"),
    "factors": ({}, ("png", "csv"), "factors?wait=true"),
    "intervals": ({}, ("svg", "npz"), "intervals?wait=true"),
    "interventions": ({"width": 6.875}, ("pdf", "png", "npz"), "interventions?wait=true&width=6.875"),
    "leakage": ({}, ("svg", "npz"), "leakage"),
    "invariance": ({}, ("svg", "csv"), "invariance"),
    "sensitivity": ({"width": 3.25}, ("pdf", "csv"), "sensitivity?width=3.25"),
    "carried": ({"reference": "tiny-video"}, ("pdf", "csv"), "carried?reference=tiny-video"),
    "compare": ({"other": "tiny-video"}, ("png", "csv"), "compare?other=tiny-video"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_can_be_exported_and_is_what_its_route_gives(client: TestClient, kind: str) -> None:
    view, formats, query = KINDS[kind]
    for format in formats:
        status, made = export(client, kind=kind, format=format, view=view)
        assert status in (200, 201), made
        content = client.get(str(made["url"])).content
        address = f"/api/v1/checkpoints/tiny-world/{query}{'&' if '?' in query else '?'}format={format}"
        assert client.get(address).content == content
        opened = client.post("/api/v1/views", files={"file": ("file", content)})
        if format in ("png", "gif", "svg", "npz"):
            assert opened.json()["kind"] == kind


@pytest.mark.parametrize(
    ("kind", "view", "pointer"),
    [
        ("compare", {"other": "nobody"}, "/view/other"),
        ("carried", {"reference": "nobody"}, "/view/reference"),
        ("sensitivity", {"dataset": "nothing"}, "/view/dataset"),
        ("temporal", {"dims": [99]}, "/view/dims"),
        ("together", {"with": ["nobody"]}, "/view/with"),
        ("counterfactual", {"factor": "light"}, "/view/factor"),
    ],
)
def test_what_an_export_names_wrongly_is_pointed_at(
    client: TestClient, kind: str, view: dict[str, object], pointer: str
) -> None:
    status, problem = export(client, kind=kind, format="png", view=view)
    assert status == 422
    assert [error["pointer"] for error in problem["errors"]] == [pointer]  # type: ignore[index,attr-defined]  # JSON


def test_the_weights_of_teachers_are_a_view_like_others_and_refused_where_there_are_none(
    client: TestClient, home: Path
) -> None:
    route = "/api/v1/checkpoints/tiny-world/teachers"
    assert client.get(route).status_code == 422
    folder = home / "checkpoints" / "tiny-world"
    write_weighed(folder, 3, 24)
    try:
        told = client.get(f"{route}?episode=1").json()
        assert told["teachers"][0]["name"] == "cartpole" and "equal weights" in told["says"]
        for format in ("csv", "png"):
            status, made = export(client, kind="teachers", format=format, view={"episode": 1})
            assert status in (200, 201), made
            content = client.get(str(made["url"])).content
            assert client.get(f"{route}?episode=1&format={format}").content == content
        opened = client.post("/api/v1/views", files={"file": ("file", content)}).json()
        assert (opened["kind"], opened["view"]) == ("teachers", {"episode": 1})
    finally:
        (folder / TEACHERS).unlink()


def test_what_was_forgotten_is_a_view_like_others_and_refused_where_nothing_is_known(
    client: TestClient, home: Path
) -> None:
    route = "/api/v1/checkpoints/tiny-world/forgetting"
    refused = client.get(route)
    assert refused.status_code == 409 and refused.json()["type"].endswith("no-chapters") and refused.json()["remedy"]
    folder = home / "checkpoints" / "tiny-world"
    write_forgotten(folder)
    try:
        assert client.get(route).json()["tasks"] == ["1 square-world", "2 pusher"]
        for format in ("csv", "png"):
            status, made = export(client, kind="forgetting", format=format, view={})
            assert status in (200, 201), made
            content = client.get(str(made["url"])).content
            assert client.get(f"{route}?format={format}").content == content
        assert client.post("/api/v1/views", files={"file": ("file", content)}).json()["kind"] == "forgetting"
    finally:
        (folder / FORGETTING).unlink()
