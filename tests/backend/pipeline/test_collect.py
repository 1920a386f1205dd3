"""Collecting: the data depend only on settings and seed, whatever is stopped, killed or resumed in between."""

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.data.episodes import DatasetInfo, read_dataset_info, read_episodes
from backend.envs.protocol import EnvironmentFailed, Step
from backend.pipeline.collect import collect
from backend.pipeline.collector import Order, record_episode
from backend.pipeline.report import Stopped
from backend.pipeline.settings import CollectSettings, SettingsError

EPISODES, FRAMES = 5, 6


class Listener:
    """A reporter that records its calls; it asks to stop after `stop_at` episodes and kills workers `kills` times."""

    def __init__(self, stop_at: int | None = None, kills: int = 0) -> None:
        self.stop_requested = False
        self.reports: list[tuple[int, int, str]] = []
        self.notes: list[str] = []
        self._stop_at = stop_at
        self._kills = kills

    def progress(self, done: int, total: int, phase: str) -> None:
        self.reports.append((done, total, phase))
        self.stop_requested = self._stop_at is not None and done >= self._stop_at
        if self._kills and (children := multiprocessing.active_children()):
            self._kills -= 1
            children[0].kill()

    def note(self, text: str) -> None:
        self.notes.append(text)


def _settings(**changes: object) -> CollectSettings:
    values = {"episodes": EPISODES, "episode_steps": FRAMES, "workers": 2}
    return CollectSettings.model_validate(values | changes)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "dataset").glob("*.npz"))}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DatasetInfo, Listener]:
    """A data set collected by two processes. Do not write."""
    out, listener = tmp_path_factory.mktemp("runs") / "run-1", Listener()
    return out, collect(_settings(), out, 0, listener), listener


def test_a_data_set_is_described_and_complete(collected: tuple[Path, DatasetInfo, Listener]) -> None:
    out, info, listener = collected
    assert (info.id, info.name, info.kind) == ("run-1", "cartpole-swingup-episode", "collected")
    assert (info.episodes, info.frames, info.lengths) == (EPISODES, EPISODES * FRAMES, EPISODES * (FRAMES,))
    assert info.settings["seed"] == 0 and not info.guessed_factors
    assert read_dataset_info(out / "dataset") == info
    assert sorted(_files(out)) == [f"episode-{index:06d}.npz" for index in range(EPISODES)]
    done = [report[0] for report in listener.reports]
    assert done == sorted(done) and listener.reports[-1] == (EPISODES, EPISODES, "collect")


def test_episodes_hold_pictures_actions_rewards_and_true_factors(
    collected: tuple[Path, DatasetInfo, Listener],
) -> None:
    episodes = list(read_episodes(collected[0] / "dataset"))
    names = episodes[0].factor_names
    distractors = [names.index(name) for name in ("body_colour", "light", "camera_angle")]
    cart = names.index("cart_position")
    for episode in episodes:
        assert episode.image.shape == (FRAMES, 64, 64, 3)
        assert (episode.action[0] == 0).all() and (np.abs(episode.action[1:]) > 0).all()
        assert episode.reward[0] == 0 and np.isfinite(episode.reward).all()
        assert episode.is_first.tolist() == [True] + [False] * (FRAMES - 1)
        assert episode.is_last.tolist() == [False] * (FRAMES - 1) + [True] and not episode.is_terminal.any()
        assert (episode.factors[:, distractors] == episode.factors[0, distractors]).all()
        assert episode.factors[:, cart].std() > 0
    first = np.stack([episode.factors[0] for episode in episodes])
    assert first[:, distractors].std(axis=0).min() > 0.01 and first[:, cart].std() > 0.2


def test_episodes_say_where_the_agent_is(collected: tuple[Path, DatasetInfo, Listener]) -> None:
    for episode in read_episodes(collected[0] / "dataset"):
        assert episode.agent is not None and episode.agent.shape == (FRAMES, 64, 64)
        assert (episode.agent.sum(axis=(1, 2)) > 10).all()  # cart and pole
        body = episode.image[episode.agent].astype(float)
        assert body.std(axis=0).max() < 0.8 * episode.image.reshape(-1, 3).std(axis=0).max()  # of one colour


def test_the_number_of_processes_changes_nothing(collected: tuple[Path, DatasetInfo, Listener], tmp_path: Path) -> None:
    collect(_settings(workers=1), tmp_path / "alone", 0, Listener())
    assert _files(tmp_path / "alone") == _files(collected[0])


def test_a_shard_has_the_episodes_that_a_whole_collection_has_at_these_numbers(
    collected: tuple[Path, DatasetInfo, Listener], tmp_path: Path
) -> None:
    collect(_settings(first_episode=3, episodes=2), tmp_path, 0, Listener())
    whole = _files(collected[0])
    assert _files(tmp_path) == {name: whole[name] for name in ("episode-000003.npz", "episode-000004.npz")}


def test_a_folder_from_before_a_setting_existed_goes_on_with_its_default(tmp_path: Path) -> None:
    collect(_settings(episodes=1), tmp_path, 3, Listener())
    request = tmp_path / "dataset" / "collecting.json"
    before = json.loads(request.read_bytes())
    del before["first_episode"]
    request.write_text(json.dumps(before))
    assert collect(_settings(episodes=1), tmp_path, 3, Listener()).episodes == 1
    with pytest.raises(SettingsError, match="first_episode = 0, not 1"):
        collect(_settings(episodes=1, first_episode=1), tmp_path, 3, Listener())


def test_a_stopped_collection_goes_on_and_equals_the_uncut_one(
    collected: tuple[Path, DatasetInfo, Listener], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(Stopped, match="of 5 episodes"):
        collect(_settings(), out, 0, Listener(stop_at=2))
    assert multiprocessing.active_children() == []
    assert not (out / "dataset" / "dataset.json").exists()
    finished = _files(out)
    assert 2 <= len(finished) < EPISODES
    written = {name: (out / "dataset" / name).stat().st_mtime_ns for name in finished}
    damaged = sorted(finished)[0]
    (out / "dataset" / damaged).write_bytes(finished[damaged][:1000])
    listener = Listener()
    info = collect(_settings(workers=1), out, 0, listener)
    assert listener.reports[0][0] == len(finished) - 1  # all but the damaged one are kept
    assert _files(out) == _files(collected[0]) and info.episodes == EPISODES
    assert all((out / "dataset" / name).stat().st_mtime_ns == written[name] for name in finished if name != damaged)


def test_a_finished_collection_is_given_back_without_a_process(collected: tuple[Path, DatasetInfo, Listener]) -> None:
    listener = Listener(kills=1)  # would kill a process if there were one
    assert collect(_settings(), collected[0], 0, listener) == collected[1]
    assert listener.reports == [(EPISODES, EPISODES, "collect")]


def test_a_folder_of_other_settings_is_refused_and_more_episodes_are_welcome(
    collected: tuple[Path, DatasetInfo, Listener], tmp_path: Path
) -> None:
    collect(_settings(episodes=1), tmp_path, 1, Listener())
    before = _files(tmp_path)
    assert before["episode-000000.npz"] != _files(collected[0])["episode-000000.npz"]  # another seed, other data
    for changes, seed, pointer in (({"distraction": "set-a"}, 1, "/distraction"), ({}, 0, "/seed")):
        with pytest.raises(SettingsError) as caught:
            collect(_settings(**changes), tmp_path, seed, Listener())
        assert [problem.pointer for problem in caught.value.problems] == [pointer]
    assert _files(tmp_path) == before
    assert collect(_settings(episodes=2), tmp_path, 1, Listener()).episodes == 2
    assert _files(tmp_path)["episode-000000.npz"] == before["episode-000000.npz"]


def test_a_killed_process_is_replaced_and_the_data_are_the_same(
    collected: tuple[Path, DatasetInfo, Listener], tmp_path: Path
) -> None:
    listener = Listener(kills=1)
    collect(_settings(), tmp_path / "run", 0, listener)
    assert _files(tmp_path / "run") == _files(collected[0])
    assert len(listener.notes) == 1 and "signal 9" in listener.notes[0]


def test_processes_that_die_again_and_again_are_a_typed_failure(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="signal 9"):
        collect(_settings(workers=1), tmp_path / "run", 0, Listener(kills=1000))
    assert multiprocessing.active_children() == []


class Still:
    """An environment in which nothing happens but that actions are added up as rewards."""

    name, action_size, factor_names, episode_steps = "still", 3, (), 1000

    def reset(self, seed: int) -> Step:
        return self._seen(float(seed))._replace(is_first=True)

    def step(self, action: NDArray[np.float32]) -> Step:
        return self._seen(float(action.sum()))

    def close(self) -> None:
        """Nothing to free."""

    def _seen(self, reward: float) -> Step:
        return Step(np.zeros((64, 64, 3), np.uint8), reward, 1.0, False, False, False, np.zeros(0, np.float32))


def _memory_of(policy: str) -> float:
    """Correlation of each action with the one before, over an episode of 1,000 frames."""
    order = Order("still", "none", 2, "fast", episode_steps=1000, policy=policy, random_pose=False)
    action = record_episode(order, Still(), 0, 0, lambda: None).action[1:]
    assert np.abs(action).max() <= 1
    return float(np.corrcoef(action[1:].ravel(), action[:-1].ravel())[0, 1])


def test_the_smooth_policy_remembers_and_the_random_one_does_not() -> None:
    assert _memory_of("smooth") > 0.7
    assert abs(_memory_of("random")) < 0.1
