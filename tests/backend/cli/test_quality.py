"""`diswm quality`: the numbers for machines, a sentence and a table for people."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from click.testing import Result

from backend.data.episodes import frames_only, write_episode

Diswm = Callable[..., Result]
STEPS = {"1", "5", "10", "15", "25", "45"}


def test_it_says_what_a_model_sees_and_keeps_that(diswm: Diswm, home: Path) -> None:
    result = diswm("quality", "tiny-world", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["agent_right"].keys() == {"observed", "imagined"}
    assert answer["psnr"].keys() == {"model", "repeat_last", "mean_image", "observed_mean"}
    assert all(curve.keys() == STEPS for curve in answer["psnr"].values())
    assert answer["psnr"]["model"]["15"] > 0 and answer["psnr"]["model"]["25"] is None  # its clip has 24 frames
    assert answer["sees"].endswith(".") and answer["sees"].count(". ") == 0
    assert answer["policy_return"] is None  # it was never measured
    stored = json.loads((home / "checkpoints" / "tiny-world" / "quality.json").read_bytes())
    assert stored == answer


def test_people_get_the_sentence_first_and_a_column_a_step(diswm: Diswm) -> None:
    first, _, head, *rows = diswm("quality", "tiny-video").stdout.splitlines()
    assert first.endswith(".")
    assert head.split() == ["observed", "step", "1", "step", "5", "step", "10", "step", "15"]
    assert rows[0] == "agent's pixels right, %" and rows[1].split()[0] == "model"
    assert rows[-1].startswith("3 episodes, 72 frames (clip)")


def test_another_data_set_is_measured_and_not_kept(diswm: Diswm, home: Path) -> None:
    before = diswm("quality", "tiny-video", "--json").stdout
    images = np.random.default_rng(0).integers(0, 256, (2, 12, 64, 64, 3), np.uint8)
    (home / "noise").mkdir()
    for number, image in enumerate(images):
        write_episode(home / "noise" / f"{number}.npz", frames_only(image))
    answer = json.loads(diswm("quality", "tiny-video", "--dataset", home / "noise", "--json").stdout)
    assert (answer["source"], answer["episodes"], answer["frames"]) == ("noise", 2, 24)
    assert diswm("quality", "tiny-video", "--json").stdout == before


def test_a_data_set_of_other_actions_is_refused(diswm: Diswm, home: Path) -> None:
    episode = frames_only(np.zeros((8, 64, 64, 3), np.uint8))._replace(action=np.zeros((8, 5), np.float32))
    (home / "five").mkdir()
    write_episode(home / "five" / "0.npz", episode)
    result = diswm("quality", "tiny-world", "--dataset", home / "five")
    assert result.exit_code == 2 and "have 5 actions per step, the model takes 2" in result.stderr
