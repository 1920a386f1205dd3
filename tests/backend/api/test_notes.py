"""Tags and notes over HTTP: stored, replaced, removed, and visible to another process."""

from pathlib import Path

from fastapi.testclient import TestClient

from backend.data.gallery import add_piece, read_gallery
from backend.data.notes import read_notes, write_note

URL = "/api/v1/notes"


def test_a_note_is_kept_replaced_and_taken_away(client: TestClient) -> None:
    body = {"tags": ["seed 3", "good", "good"], "note": " see the pole "}
    stored = client.put(f"{URL}/run/run-a", json=body).json()
    assert (stored["id"], stored["tags"], stored["note"]) == ("run-a", ["seed 3", "good"], "see the pole")
    assert client.get(f"{URL}/run").json()["items"] == [stored]
    assert client.get(f"{URL}/checkpoint").json()["items"] == []
    client.put(f"{URL}/run/run-a", json={"tags": [], "note": "only words"})
    assert [item["note"] for item in client.get(f"{URL}/run").json()["items"]] == ["only words"]
    client.put(f"{URL}/run/run-a", json={})
    assert client.get(f"{URL}/run").json()["items"] == []


def test_dimensions_and_episodes_are_named_within_what_they_belong_to(client: TestClient) -> None:
    client.put(f"{URL}/dimension/run-a.update-000000100/7", json={"tags": ["light"]})
    client.put(f"{URL}/episode/clips-1/12", json={"tags": ["broken"]})
    assert client.get(f"{URL}/dimension").json()["items"][0]["id"] == "run-a.update-000000100/7"
    assert client.get(f"{URL}/episode").json()["items"][0]["id"] == "clips-1/12"


def test_what_is_no_note_is_refused(client: TestClient) -> None:
    for body in ({"tags": ["a,b"]}, {"tags": [""]}, {"tags": ["x"] * 21}, {"note": 3}, {"colour": "red"}):
        assert client.put(f"{URL}/run/run-b", json=body).status_code == 422, body
    assert client.put(f"{URL}/pet/run-b", json={}).status_code == 422


def test_what_stands_in_a_damaged_file_is_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    texts = ["", "[]", '{"run-a": 3}', '{"run-a": {"tags": null}}']
    for text in texts:
        (folder / "run.json").write_text(text)
        assert read_notes(tmp_path, "run") == {}
        write_note(tmp_path, "run", "run-b", ["new"], "")
        assert list(read_notes(tmp_path, "run")) == ["run-b"]
    assert sorted(path.read_text() for path in folder.glob("run.json.damaged-*")) == sorted(texts)


def test_a_damaged_gallery_is_set_aside(tmp_path: Path) -> None:
    for text in ("{", '[{"id": 3}]', "7"):
        (tmp_path / "gallery.json").write_text(text)
        assert read_gallery(tmp_path) == []
        add_piece(tmp_path, "traversal", "c", {}, "title", "", "")
        assert [piece.title for piece in read_gallery(tmp_path)] == ["title"]
    assert len(list(tmp_path.glob("gallery.json.damaged-*"))) == 3
