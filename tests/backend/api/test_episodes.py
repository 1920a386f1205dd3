"""Episodes of data sets over HTTP: pictures in step with their numbers; another name; factors measured over them."""

import time

import numpy as np
import pytest
from fastapi.testclient import TestClient

from backend.data.clip import Clip
from backend.data.episodes import Episode, encode_episode

BASE = "/api/v1/datasets"


@pytest.fixture
def dataset(client: TestClient, moving_squares: Clip) -> str:
    """A data set of two episodes of 20 frames, with two actions and the clip's factors."""
    files = []
    for n in range(2):
        episode = Episode(
            image=moving_squares.image[n, :20],
            action=np.stack([np.linspace(0, 1, 20), np.full(20, 0.5)], 1).astype(np.float32),
            reward=np.linspace(0, 2, 20).astype(np.float32),
            discount=np.ones(20, np.float32),
            is_first=np.arange(20) == 0,
            is_last=np.arange(20) == 19,
            is_terminal=np.zeros(20, bool),
            factors=moving_squares.factors[n, :20],
            factor_names=moving_squares.factor_names,
        )
        files.append(("files", (f"{n}.npz", encode_episode(episode))))
    answer = client.post(BASE, data={"name": "squares"}, files=files)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def test_an_episode_comes_with_its_reward_actions_and_factors(client: TestClient, dataset: str) -> None:
    answer = client.get(f"{BASE}/{dataset}/episodes/1")
    assert answer.status_code == 200
    episode = answer.json()
    charts = {chart["title"]: chart["lines"][0]["values"] for chart in episode["curves"]}
    assert list(charts)[:3] == ["Reward", "Action 0", "Action 1"]
    assert {name.replace("_", " ") for name in client.get(f"{BASE}/{dataset}").json()["factor_names"]} <= set(charts)
    assert (charts["Reward"][0], charts["Reward"][-1]) == (0.0, 2.0)
    assert all(len(values) == 20 for values in charts.values())
    assert (episode["steps"], episode["length"], episode["context"]) == (list(range(20)), 20, 20)
    later = client.get(f"{BASE}/{dataset}/episodes/1", params={"start": 15}).json()
    assert later["steps"] == [15, 16, 17, 18, 19]
    assert later["curves"][0]["lines"][0]["values"] == charts["Reward"][15:]


def test_an_episode_or_frame_that_is_not_there_is_refused(client: TestClient, dataset: str) -> None:
    assert client.get(f"{BASE}/{dataset}/episodes/2").status_code == 422
    assert client.get(f"{BASE}/{dataset}/episodes/one").status_code == 422
    refused = client.get(f"{BASE}/{dataset}/episodes/0", params={"start": 20})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "query:start"


def test_a_data_set_gets_another_name_and_keeps_its_id(client: TestClient, dataset: str) -> None:
    renamed = client.patch(f"{BASE}/{dataset}", json={"name": "kitchen, Tuesday"})
    assert renamed.status_code == 200
    assert client.get(f"{BASE}/{dataset}").json()["name"] == "kitchen, Tuesday"
    assert renamed.json()["id"] == dataset
    assert client.patch(f"{BASE}/{dataset}", json={"name": "  "}).status_code == 422


def test_factors_are_measured_over_a_data_set(client: TestClient, dataset: str) -> None:
    url = "/api/v1/checkpoints/tiny-video/measurements"
    assert client.post(url, json={"dataset": "none of ours"}).status_code == 404
    assert client.get(url).json()["running"] is False
    begun = client.post(url, json={"dataset": dataset})
    assert begun.status_code == 202
    end = time.monotonic() + 120
    while (answer := client.get(url)).status_code == 200 and answer.json()["running"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    if answer.status_code == 200:
        assert client.get("/api/v1/checkpoints/tiny-video/factors").json()["frames"] == 40
    else:
        assert answer.json()["type"].endswith("factors-impossible")
        assert "squares" in answer.json()["detail"]
        assert client.get(url).status_code == 200  # said once
