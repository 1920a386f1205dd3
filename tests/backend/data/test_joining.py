"""Joined data sets: shards make the data set that one run would have collected."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from backend.data.containers import VideoError
from backend.data.episodes import (
    DatasetInfo,
    frames_only,
    read_dataset_info,
    read_episodes,
    write_dataset_info,
    write_episode,
)
from backend.data.joining import join


def a_part(folder: Path, numbers: range, **settings: object) -> DatasetInfo:
    """What a run collected: its episodes show their number."""
    folder.mkdir()
    for number in numbers:
        write_episode(folder / f"episode-{number:06d}.npz", frames_only(np.full((3, 64, 64, 3), number, np.uint8)))
    held = {"seed": 0, "look": "wide", "first_episode": numbers.start, "episodes": len(numbers), **settings}
    info = read_dataset_info(folder)
    write_dataset_info(replace(info, id=folder.name, name=folder.name, kind="collected", settings=held))
    return read_dataset_info(folder)


def test_shards_come_in_the_order_of_their_episodes_and_take_no_room_twice(tmp_path: Path) -> None:
    late, early = a_part(tmp_path / "late", range(2, 5)), a_part(tmp_path / "early", range(2))
    joined = join([late, early], tmp_path, "all")
    assert (joined.name, joined.episodes, joined.frames, joined.folder.parent.name) == ("all", 5, 15, "datasets")
    assert joined.settings == {"seed": 0, "look": "wide", "joined": ["early", "late"]}
    assert_array_equal([episode.image[0, 0, 0, 0] for episode in read_episodes(joined.folder)], range(5))
    assert (joined.folder / "episode-000000.npz").samefile(early.folder / "episode-000000.npz")
    assert join([early, late], tmp_path, "again") == joined  # the same shards in any order
    grown = join([early, replace(late, episodes=4, frames=12, lengths=(3,) * 4)], tmp_path, "again")
    assert grown.id != joined.id  # a collection that has grown since


def test_collections_with_other_seeds_keep_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    first, second = a_part(tmp_path / "first", range(3, 5)), a_part(tmp_path / "second", range(2), seed=1)
    joined = join([first, second], tmp_path, "all")
    assert [episode.image[0, 0, 0, 0] for episode in read_episodes(joined.folder)] == [3, 4, 0, 1]
    assert "seed" not in joined.settings


def test_what_does_not_fit_together_is_refused_with_the_difference(tmp_path: Path) -> None:
    wide, near = a_part(tmp_path / "wide", range(2)), a_part(tmp_path / "near", range(2, 4), look="near")
    with pytest.raises(VideoError, match=r"near has another look \(near\) than wide \(wide\)"):
        join([wide, near], tmp_path, "all")
    with pytest.raises(VideoError, match="both hold episode 1 of the same collection"):
        join([wide, a_part(tmp_path / "again", range(1, 3))], tmp_path, "all")
    with pytest.raises(VideoError, match="two or more"):
        join([wide], tmp_path, "all")
    assert not (tmp_path / "datasets").exists()
