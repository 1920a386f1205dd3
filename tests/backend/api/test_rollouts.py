"""Rollouts over HTTP."""

import base64
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

BASE = "/api/v1/checkpoints/tiny-world/rollout"


def test_a_rollout_has_a_strip_and_a_curve_value_for_each_step(client: TestClient) -> None:
    rollout = client.get(BASE, params={"context": 4, "horizon": 6, "edit": "2:1.5@5"}).json()
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(rollout["frames"].partition(",")[2]))))
    assert strip.shape == (3 * 64, 10 * 64, 3)
    assert len(rollout["steps"]) == len(rollout["psnr"]) == len(rollout["predicted_reward"]) == 10
    assert len(rollout["edited"]["value"]) == 10
    assert rollout["edited"]["predicted_reward"][:5] == rollout["predicted_reward"][:5]


def test_a_video_model_has_no_reward(client: TestClient) -> None:
    rollout = client.get("/api/v1/checkpoints/tiny-video/rollout", params={"horizon": 3}).json()
    assert rollout["predicted_reward"] is rollout["value"] is rollout["reward"] is rollout["edited"] is None


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("horizon=0", "query:horizon"),
        ("horizon=1000000", "query:horizon"),
        ("horizon=1.5", "query:horizon"),
        ("context=0", "query:context"),
        ("context=25", "query:context"),
        ("context=10&horizon=15", "query:horizon"),
        ("samples=0", "query:samples"),
        ("samples=17&horizon=2", "query:samples"),
        ("seed=-1", "query:seed"),
        ("seed=9223372036854775808", "query:seed"),
        ("seed=18446744073709551616", "query:seed"),
        ("actions=given", "query:actions"),
        ("actions=polcy", "query:actions"),
        ("edit=2:1.5", "query:edit"),
        ("edit=9:1.5@6", "query:edit"),
        ("edit=2:nan@6", "query:edit"),
        ("edit=2:1.5@99", "query:edit"),
        ("edit=2:1e9@6", "query:edit"),
        ("episode=9", "query:episode"),
        ("fps=0&format=gif", "query:fps"),
        ("horizn=5", "query:horizn"),
    ],
)
def test_a_wrong_query_is_422_and_says_where(client: TestClient, query: str, pointer: str) -> None:
    answer = client.get(f"{BASE}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert answer.json()["remedy"]


def test_the_quality_of_rollouts_is_given_over_episodes_beside_what_needs_no_model(client: TestClient) -> None:
    answer = client.get("/api/v1/checkpoints/tiny-world/rollout-scores", params={"context": 5, "horizon": 6})
    assert answer.status_code == 200, answer.text
    quality = answer.json()
    assert quality["episodes"] == 3
    for name in ("psnr", "ssim"):
        assert set(quality[name]) == {"model", "repeat last frame", "mean image"}
        for band in quality[name].values():
            assert {len(band[key]) for key in ("mean", "low", "high")} == {11}
    refused = client.get("/api/v1/checkpoints/tiny-world/rollout-scores", params={"context": 500})
    assert refused.json()["errors"][0]["pointer"] == "query:context"


def test_a_policy_that_is_not_there_is_409(client: TestClient) -> None:
    answer = client.get("/api/v1/checkpoints/tiny-video/rollout?actions=policy")
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["pointer"] == "query:actions"


def test_the_same_seed_twice_gives_equal_bytes_and_another_one_does_not(client: TestClient) -> None:
    def ask(seed: int) -> bytes:
        client.app.state.services.executor.cache = type(client.app.state.services.executor.cache)(10**6, lambda _: 1)  # type: ignore[attr-defined]  # computed anew
        answer = client.get(BASE, params={"samples": 3, "seed": seed, "horizon": 5})
        assert answer.status_code == 200
        return answer.content

    assert ask(7) == ask(7)
    assert ask(7) != ask(8)


def test_actions_given_by_hand_are_followed(client: TestClient) -> None:
    actions = [[0.5, -0.5]] * 4
    rollout = client.post(BASE, json={"actions": actions, "view": {"context": 3}}).json()
    assert rollout["horizon"] == 4
    assert rollout["actions"][3:] == actions


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"actions": [[0.5, 0.5], [0.5]]}', "/view/given"),
        (b'{"actions": [[0.5, NaN]]}', "/actions/0/1"),
        (b'{"actions": [[0.5, 7]]}', "/view/given"),
        (b'{"actions": [[0.5, "x"]]}', "/actions/0/1"),
        (b'{"actions": []}', "/actions"),
        (b'{"actions": [[0.5, 0.5]], "view": {"horizon": 3}}', "/view/given"),
        (b'{"actions": [[0.5, 0.5]], "view": {"contxt": 3}}', "/view/contxt"),
        (b'{"actions": [[0.5, 0.5]], "view": {"context": "3"}}', "/view/context"),
        (b'{"actions": [[0.5, 0.5]], "view": {"context": 1.5}}', "/view/context"),
        (b'{"actions": [[0.5, 0.5]], "view": {"episode": true}}', "/view/episode"),
    ],
)
def test_wrong_actions_are_422_with_a_pointer(client: TestClient, body: bytes, pointer: str) -> None:
    answer = client.post(BASE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
