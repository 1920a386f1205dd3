"""Factors are computed once and kept with the checkpoint; extreme frames are where a dimension ends."""

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info
from backend.data.clip import Clip
from backend.data.episodes import frames_only, read_dataset_info, write_episode
from backend.interpret.cards import encode_clip, encode_dataset, extreme_frames, factors_of


@pytest.fixture
def own(tiny_checkpoint_home: Path, tmp_path: Path) -> Checkpoint:
    """A copy that may be written to."""
    folder = tmp_path / "own"
    shutil.copytree(tiny_checkpoint_home / "checkpoints" / "tiny-video", folder)
    return load_checkpoint(read_info(folder, "own", "import"))


def test_factors_are_kept_with_the_checkpoint(own: Checkpoint) -> None:
    first = factors_of(own)
    assert json.loads((own.info.folder / "factors.json").read_text()) == first
    marked = first | {"seed": 77}
    (own.info.folder / "factors.json").write_text(json.dumps(marked))
    assert factors_of(own) == marked
    assert factors_of(own, encode_clip(own)) == first


def test_only_a_checkpoint_that_must_not_be_written_is_answered_without_keeping_it(
    own: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"dimensions": [], "why": "this test is about writing"}
    monkeypatch.setattr("backend.interpret.cards.analyse", lambda *_frames, **_options: answer)
    for number in (errno.EROFS, errno.ENOSPC):

        def refuse(path: Path, _value: object, number: int = number) -> None:
            raise OSError(number, "refused", str(path))

        monkeypatch.setattr("backend.data.checkpoint.write_json", refuse)
        if number == errno.EROFS:
            assert factors_of(own) == answer
        else:
            with pytest.raises(OSError, match="refused"):
                factors_of(own)


def test_a_clip_without_factors_is_guessed_at(own: Checkpoint) -> None:
    clip = own.clip
    own.clip = Clip(clip.image, clip.action, clip.reward, clip.factors[..., :0], ())
    encoded = encode_clip(own)
    assert encoded.guessed
    assert "brightness" in encoded.factor_names


def test_a_data_set_is_read_episode_by_episode(own: Checkpoint, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for number, image in enumerate(own.clip.image):
        write_episode(folder / f"episode-{number}.npz", frames_only(image))
    encoded = encode_dataset(own, read_dataset_info(folder))
    assert encoded.guessed
    assert np.allclose(encoded.mean, encode_clip(own).mean, atol=1e-6)


def test_extreme_frames_are_the_ends_one_an_episode(own: Checkpoint) -> None:
    encoded = encode_clip(own)
    ends = extreme_frames(encoded, 2)
    lowest = ends["low"][0]
    row = lowest["episode"] * 24 + lowest["frame"]
    assert encoded.mean[row, 2] == encoded.mean[:, 2].min()
    assert len({place["episode"] for place in ends["high"]}) == len(ends["high"]) == 3
