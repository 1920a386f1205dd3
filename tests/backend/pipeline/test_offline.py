"""Offline learning: recordings in, a checkpoint with a policy out; what it cannot learn from is refused first."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.data.checkpoint import load_checkpoint, read_info
from backend.data.episode import Episode
from backend.data.episodes import DatasetInfo, frames_only, write_dataset_info, write_episode
from backend.pipeline.builder import build_settings
from backend.pipeline.checks import check_references
from backend.pipeline.continuing import check_continuation
from backend.pipeline.report import Reporter, metric_lines
from backend.pipeline.settings import SettingsError
from backend.pipeline.stages import run_stage

SETTINGS = {
    "latents": 4,
    "stoch": 4,
    "deter": 8,
    "hidden": 8,
    "units": 8,
    "batch": 2,
    "length": 4,
    "horizon": 2,
    "updates": 4,
    "behaviour_after": 2,
    "log_every": 1,
    "held_out": 1,
}


def a_data_set(home: Path, name: str, actions: int = 1, episodes: int = 3, rewards: float = 1.0) -> None:
    """Noise of six frames each, from no environment that could be played in; rewards from 0 to `rewards`."""
    folder = home / "datasets" / name
    rng = np.random.default_rng(0)
    made: list[Episode] = []
    for place in range(episodes):
        image = rng.integers(0, 255, (6, 64, 64, 3)).astype(np.uint8)
        action, reward = rng.uniform(-1, 1, (6, actions)), rewards * rng.uniform(0, 1, 6)
        episode = frames_only(image)._replace(action=action.astype(np.float32), reward=reward.astype(np.float32))
        folder.mkdir(parents=True, exist_ok=True)
        write_episode(folder / f"episode-{place}.npz", episode)
        made.append(episode)
    lengths = (6,) * episodes
    write_dataset_info(
        DatasetInfo(name, name, "clips", folder, None, episodes, sum(lengths), lengths, actions, (), True, "", {}, ())
    )


def a_run(home: Path, out: Path, **overrides: Any) -> dict[str, Any]:
    settings = build_settings("offline", "tiny", SETTINGS | {"demonstrations": "experts"} | overrides)
    with Reporter(out, quiet=True).listening() as reporter:
        run_stage("offline", settings, out=out, home=home, seed=0, device="cpu", reporter=reporter)
    return settings.model_dump(mode="json")


@pytest.mark.parametrize("method", ["ditto", "cloning", "cmil", "adept", "flow"])
def test_a_policy_is_learned_from_recordings_alone_and_the_model_stands_still_meanwhile(
    tmp_path: Path, method: str
) -> None:
    a_data_set(tmp_path, "experts")
    a_data_set(tmp_path, "anyone")
    a_run(tmp_path, tmp_path / "run", method=method, dataset="anyone", checkpoint_every=2)
    before, after = (
        load_checkpoint(read_info(tmp_path / "run" / "checkpoints" / f"update-{updates:09d}", "c", "run"))
        for updates in (2, 4)
    )
    assert before.actor_critic is not None and after.actor_critic is not None
    for name, value in before.model.state_dict().items():
        assert (after.model.state_dict()[name] == value).all(), name
    assert any(
        (after.actor_critic.state_dict()[name] != value).any()
        for name, value in before.actor_critic.actor.state_dict(prefix="actor.").items()
    )
    assert after.info.stage == "offline"
    lines = list(metric_lines(tmp_path / "run" / "metrics.jsonl"))
    assert [line["updates"] for line in lines if line["phase"] == "offline"] == [1, 2, 3, 4]
    assert any("latent_distance_5" in line for line in lines)


def test_sequences_are_longer_while_cooling(tmp_path: Path, shapes: list[tuple[int, int]]) -> None:
    a_data_set(tmp_path, "experts")
    a_run(tmp_path, tmp_path / "run", length=3, cooling=0.5, cooling_length=6)
    assert shapes == [(2, 3), (2, 3), (1, 6), (1, 6)]


def test_what_cannot_be_learned_from_is_refused_in_a_sentence(tmp_path: Path) -> None:
    a_data_set(tmp_path, "experts")
    a_data_set(tmp_path, "film", actions=0)
    a_data_set(tmp_path, "others", actions=2)
    a_data_set(tmp_path, "one", episodes=1)
    for overrides, place, sentence in (
        ({"demonstrations": None}, "/demonstrations", "learns from recorded episodes"),
        ({"demonstrations": "film"}, "/demonstrations", "film has no actions"),
        ({"demonstrations": "one"}, "/demonstrations", "at least 2"),
        ({"demonstrations": "nowhere"}, "/demonstrations", "nowhere"),
        ({"dataset": "others"}, "/dataset", "actions of size 2, the demonstrations 1"),
        ({"dataset": "film"}, "/dataset", "film has no actions"),
        ({"length": 9}, "/length", "longer than the longest"),
    ):
        settings = build_settings("offline", "tiny", SETTINGS | {"demonstrations": "experts"} | overrides)
        with pytest.raises(SettingsError, match=sentence) as refused:
            check_references(settings, tmp_path)
        assert refused.value.problems[0].pointer == place
    for overrides, sentence in (({"horizon": 4}, "need longer sequences"), ({"behaviour_after": 4}, "leave none")):
        with pytest.raises(SettingsError, match=sentence):
            build_settings("offline", "tiny", SETTINGS | overrides)


def test_recordings_without_rewards_are_refused_where_rewards_are_learned_and_nowhere_else(tmp_path: Path) -> None:
    a_data_set(tmp_path, "experts", rewards=0.0)
    with pytest.raises(SettingsError, match="experts has no rewards to learn from: all 2 episodes") as refused:
        a_run(tmp_path, tmp_path / "refits", method="adept")
    assert refused.value.problems[0].pointer == "/demonstrations"
    assert not (tmp_path / "refits/checkpoints").exists()
    a_run(tmp_path, tmp_path / "clones", method="cloning", evaluate_episodes=0)
    assert (tmp_path / "clones/checkpoints").exists()


def test_a_run_goes_on_with_more_updates_and_with_nothing_else_changed(tmp_path: Path) -> None:
    before = build_settings("offline", "tiny", SETTINGS | {"demonstrations": "experts"}).model_dump(mode="json")
    check_continuation("offline", before, build_settings("offline", "tiny", before | {"updates": 9}), tmp_path)
    with pytest.raises(SettingsError, match="was started with 'ditto'"):
        check_continuation("offline", before, build_settings("offline", "tiny", _cloning(before)), tmp_path)


def _cloning(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "likeness_above_chance"} | {"method": "cloning"}
