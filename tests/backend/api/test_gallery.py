"""The gallery over HTTP: stored views, their pictures, the report."""

import io
import re

from fastapi.testclient import TestClient
from PIL import Image

URL = "/api/v1/gallery"
BODY = {"kind": "traversal", "checkpoint": "tiny-video", "view": {"columns": 3, "dims": "0"}, "title": "dim 0 $x$"}


def test_a_view_is_kept_drawn_renamed_and_taken_out(client: TestClient) -> None:
    stored = client.post(URL, json={**BODY, "note": "the square moves", "link": "traversals?dim=0"})
    assert stored.status_code == 201, stored.text
    piece = stored.json()
    assert client.get(URL).json()["items"] == [piece]
    picture = client.get(f"{URL}/{piece['id']}/picture")
    assert Image.open(io.BytesIO(picture.content)).width > 100
    changed = client.put(f"{URL}/{piece['id']}", json={"title": "square", "note": ""}).json()
    assert (changed["title"], changed["note"]) == ("square", "")
    assert client.delete(f"{URL}/{piece['id']}").status_code == 204
    assert client.get(URL).json()["items"] == []
    assert client.get(f"{URL}/{piece['id']}/picture").status_code == 404
    assert client.put(f"{URL}/{piece['id']}", json={"title": "x"}).status_code == 404


def test_what_cannot_be_drawn_is_not_kept(client: TestClient) -> None:
    wrong = client.post(URL, json={**BODY, "view": {"columns": 4_000}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/view/columns"
    assert client.post(URL, json={**BODY, "checkpoint": "nobody"}).status_code == 404
    assert client.post(URL, json={**BODY, "kind": "painting"}).status_code == 422
    assert client.get(URL).json()["items"] == []


def test_the_report_holds_every_view_with_its_note_and_fetches_nothing(client: TestClient) -> None:
    ids = [client.post(URL, json={**BODY, "note": "<b>bold</b> & $5"}).json()["id"] for _ in range(2)]
    page = client.get(f"{URL}/report")
    assert page.headers["content-type"].startswith("text/html")
    assert page.text.count("<figure>") == 2
    assert "&lt;b&gt;bold" in page.text and "http" not in page.text
    document = client.get(f"{URL}/report", params={"format": "pdf"})
    assert document.content.startswith(b"%PDF") and len(re.findall(rb"/Type /Page\b", document.content)) == 2
    assert "diswm_report.pdf" in document.headers["content-disposition"]
    for id in ids:
        client.delete(f"{URL}/{id}")
