"""Playing over HTTP with the real simulator in a process of its own."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient

from backend.api.play_records import Recorded
from backend.api.plays import IDLE_SECONDS, MOST, SPARED_SECONDS, Held, Plays
from backend.http.problems import Problem
from backend.main import create_app
from backend.settings import Settings

WORLD, VIDEO = "/api/v1/checkpoints/tiny-world", "/api/v1/checkpoints/tiny-video"


def _nothing_to_load(id: str) -> NoReturn:
    raise AssertionError(id)


def simulators() -> int:
    """Child processes that run a simulator."""
    return sum(
        "spawn_main" in " ".join(child.cmdline())
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
    )


@pytest.fixture(scope="module")
def begun(client: TestClient) -> Iterator[dict[str, Any]]:
    """A play of the tiny agent in reacher-easy."""
    answer = client.post(f"{WORLD}/plays", json={"seed": 7})
    assert answer.status_code == 201, answer.text
    yield answer.json()
    assert client.delete(f"/api/v1/plays/{answer.json()['id']}").status_code == 204


def test_a_play_begins_with_a_picture_that_the_model_has_seen(begun: dict[str, Any]) -> None:
    assert (begun["environment"], begun["action_size"], begun["policy"]) == ("reacher-easy", 2, True)
    first = begun["moment"]
    assert first["step"] == 0 and first["looked"] and not first["over"]
    assert first["action"] == [0, 0] and len(first["policy"]) == 2 and len(first["latent"]) == 6
    assert first["real"].startswith("data:image/png") and first["difference"] > 0
    assert begun["dimensions"] and {"dim", "name", "mean", "std"} == set(begun["dimensions"][0])


def test_steps_go_on_by_hand_and_by_policy_and_become_film_and_data_set(
    client: TestClient, begun: dict[str, Any]
) -> None:
    steps = f"/api/v1/plays/{begun['id']}/steps"
    dim = str(begun["dimensions"][0]["dim"])
    bodies: list[dict[str, Any]] = [{"action": [1, -1]}, {"action": None, "looks": False}, {"edits": {dim: 1.0}}]
    moments = [client.post(steps, json=body).json() for body in bodies]
    assert [moment["step"] for moment in moments] == [1, 2, 3]
    assert [moment["looked"] for moment in moments] == [True, False, True]
    assert moments[0]["action"] == [1, -1] and moments[1]["action"] == pytest.approx(moments[0]["policy"], abs=1e-5)
    film = client.get(f"/api/v1/plays/{begun['id']}/film", params={"format": "npz"})
    assert 'filename="diswm_reacher-easy_tiny-world-s0_play-seed7-3steps.npz"' in film.headers["content-disposition"]
    arrays = np.load(io.BytesIO(film.content))
    assert any(array.shape[-4:] == (4, 64, 64, 3) for array in arrays.values())
    saved = client.post(f"/api/v1/plays/{begun['id']}/dataset", json={"name": "by hand"})
    assert saved.status_code == 201
    found = client.get(f"/api/v1/datasets/{saved.json()['id']}").json()
    assert (found["name"], found["frames"], found["environment"]) == ("by hand", 4, "reacher-easy")
    assert "finger_x" in found["factor_names"]


@pytest.mark.parametrize("format", ["gif", "png", "npz", "csv"])
def test_a_file_of_a_play_reopens_it_at_the_same_moment(client: TestClient, begun: dict[str, Any], format: str) -> None:
    path, dim = f"/api/v1/plays/{begun['id']}", str(begun["dimensions"][0]["dim"])
    client.post(f"{path}/restart", json={"seed": 5})
    for body in ({"action": [0.1, -1]}, {"looks": False}, {"edits": {dim: 1.5}, "looks": False}):
        last = client.post(f"{path}/steps", json=body).json()
    film = client.get(f"{path}/film", params={"format": format}).content
    opened = client.post("/api/v1/views", files={"file": (f"play.{format}", film)}).json()
    assert (opened["kind"], opened["found"], opened["view"]["seed"]) == ("play", begun["checkpoint"], 5)
    again = client.post(f"{path}/restart", json=opened["view"]).json()
    assert again == last


def test_steps_of_a_file_that_do_not_fit_are_422_and_leave_no_play(client: TestClient) -> None:
    before = simulators()
    answer = client.post(f"{WORLD}/plays", json={"steps": [{"action": [0.5]}]})
    assert answer.status_code == 422 and answer.json()["errors"][0]["pointer"] == "/action"
    assert simulators() == before


def test_the_same_seed_begins_the_same_episode(client: TestClient, begun: dict[str, Any]) -> None:
    first, other, again = (
        client.post(f"/api/v1/plays/{begun['id']}/restart", json={"seed": seed}).json() for seed in (7, 8, 7)
    )
    assert first["real"] == again["real"] == begun["moment"]["real"] != other["real"]
    empty = client.post(f"/api/v1/plays/{begun['id']}/dataset", json={})
    assert empty.status_code == 409 and "Nothing was played" in empty.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"action": [0.5]}, "/action"),
        ({"action": [0.5, 2]}, "/action"),
        ({"action": ["x", 0]}, "/action/0"),
        ({"edits": {"99": 1}}, "/edits"),
        ({"edits": {"first": 1}}, "/edits"),
        ({"looks": "yes"}, "/looks"),
        ({"acton": None}, "/acton"),
    ],
)
def test_a_wrong_step_is_422_and_says_where(
    client: TestClient, begun: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    answer = client.post(f"/api/v1/plays/{begun['id']}/steps", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_video_model_and_a_play_that_has_ended_are_refused_in_words(client: TestClient) -> None:
    answer = client.post(f"{VIDEO}/plays", json={})
    assert answer.status_code == 409 and "knows no actions" in answer.json()["detail"]
    gone = client.post("/api/v1/plays/nothing/steps", json={})
    assert gone.status_code == 404 and gone.json()["remedy"] == "Begin another one."


def test_a_play_that_ends_leaves_no_process_behind(client: TestClient) -> None:
    before = simulators()
    id = client.post(f"{WORLD}/plays", json={}).json()["id"]
    assert simulators() == before + 1
    client.delete(f"/api/v1/plays/{id}")
    end = time.monotonic() + 20
    while simulators() > before and time.monotonic() < end:
        time.sleep(0.1)
    assert simulators() == before
    assert client.post(f"/api/v1/plays/{id}/steps", json={}).status_code == 404


def test_a_play_goes_on_in_every_process_of_the_api(client: TestClient, home: Path) -> None:
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1") as other:
        begun = client.post(f"{WORLD}/plays", json={"seed": 3}).json()
        path = f"/api/v1/plays/{begun['id']}"
        bodies: list[dict[str, Any]] = [{"action": [1, -1]}, {"looks": False}, {}, {"action": [0.3, 0.1]}]
        shown = [
            at.post(f"{path}/steps", json=body).json() for at, body in zip([other, client] * 2, bodies, strict=True)
        ]
        assert [moment["step"] for moment in shown] == [1, 2, 3, 4]
        assert other.post(f"{path}/restart", json={"seed": 3, "steps": bodies}).json() == shown[-1]
        files = [at.get(f"{path}/film", params={"format": "csv"}).content for at in (client, other)]
        assert files[0] == files[1]
        assert other.delete(path).status_code == 204
        assert client.post(f"{path}/steps", json={}).status_code == 404


def test_a_play_outlives_the_process_that_began_it(client: TestClient, home: Path) -> None:
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1") as first:
        begun = first.post(f"{WORLD}/plays", json={"seed": 3, "steps": [{"action": [1, -1]}]}).json()
    path = f"/api/v1/plays/{begun['id']}"
    record = home / "plays" / f"{begun['id']}.jsonl"
    record.write_text(record.read_text() + '{"action": [0')  # a process was killed while it wrote
    assert [client.post(f"{path}/steps", json={}).json()["step"] for _ in range(2)] == [2, 3]
    os.utime(record, (0, 0))
    client.post(f"{WORLD}/plays", json={"seed": 3})
    assert client.post(f"{path}/steps", json={}).status_code == 404


def test_idle_plays_end_and_make_way_and_busy_ones_do_not(tmp_path: Path) -> None:
    now, ended = [0.0], list[str]()
    plays = Plays(tmp_path, _nothing_to_load, lambda: now[0])

    def hold(id: str) -> None:
        plays._records.write(id, Recorded("tiny-world", "", 0))
        plays._held[id] = Held(object(), lambda: ended.append(id), now[0])  # type: ignore[arg-type] # never touched

    hold("early")
    now[0] = IDLE_SECONDS + 1
    plays.end_idle()
    assert ended == ["early"]
    for number in range(MOST):
        hold(f"p{number}")
        now[0] += 1
    with pytest.raises(Problem, match="open already"):
        plays._make_room()
    now[0] += SPARED_SECONDS
    plays._make_room()
    assert ended == ["early", "p0"]
    plays.close_all()
    assert len(ended) == MOST + 1
