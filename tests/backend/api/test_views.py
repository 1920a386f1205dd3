"""A file that was made here says which view it shows."""

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.support.archives import zip_of_version

BASE = "/api/v1/checkpoints/tiny-world"


def opened(client: TestClient, content: bytes) -> tuple[int, dict[str, object]]:
    answer = client.post("/api/v1/views", files={"file": ("dropped", content)})
    return answer.status_code, answer.json()


@pytest.mark.parametrize("format", ["png", "gif", "apng", "svg", "npz", "zip"])
def test_a_dropped_file_reopens_its_view(client: TestClient, format: str) -> None:
    query = {"dims": "4,1", "columns": 3, "frame": 2, "mode": "fixed", "range": 1.5}
    made = client.get(f"{BASE}/traversal", params={**query, "format": format})
    status, view = opened(client, made.content)
    assert status == 200
    assert view["kind"] == "traversal"
    assert view["found"] == "tiny-world"
    assert view["view"] | {"edits": {}} == client.get(f"{BASE}/traversal", params=query).json()["request"]


def bomb(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"\0" * 70_000_000)
    return buffer.getvalue()


def lying_array() -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<U1000000", "fortran_order": False, "shape": (10**6,)})
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("settings.npy", buffer.getvalue())
    return outer.getvalue()


def forged(settings: str) -> bytes:
    return f"<svg><dc:description>{settings}</dc:description></svg>".encode()


def test_a_forged_file_is_only_read(client: TestClient) -> None:
    status, view = opened(client, forged('{"diswm": "rollout", "view": {"a": 1}, "checkpoint": {"../x": []}}'))
    assert status == 200
    assert view["found"] is None


@pytest.mark.parametrize(
    "content",
    [
        forged('{"diswm": "traversal", "view": {"a": NaN}}'),
        forged('{"diswm": "traversal", "view": {"a": "\\ud800"}}'),
        forged('{"diswm": "traversal", "view": ' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}"),
        forged('{"diswm": "traversal", "view": []}'),
        b"",
        b"text",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"PK\x03\x04",
        lambda: bomb("x/traversal.png"),
        lambda: bomb("settings.npy"),
        lying_array,
    ],
)
def test_a_file_that_says_nothing_is_422(client: TestClient, content: bytes | Callable[[], bytes]) -> None:
    status, problem = opened(client, content() if callable(content) else content)
    assert status == 422
    assert problem["errors"][0]["pointer"] == "/file"  # type: ignore[index]


def test_a_zip_of_a_version_that_is_not_out_yet_is_refused_in_words(client: TestClient) -> None:
    status, problem = opened(client, zip_of_version(99))
    assert status == 422
    assert "dropped is damaged: zip file version 9.9" in str(problem["errors"])
