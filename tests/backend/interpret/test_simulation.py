"""Setting a factor moves the latents that encode it; names are checked by that and by what edits draw."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from backend.data.checkpoint import CHECKS, Checkpoint, load_checkpoint, read_info, save_checkpoint
from backend.data.clip import Clip
from backend.interpret.checks import interventions_of, known_checks, verdicts
from backend.interpret.simulation import (
    NoSimulator,
    distraction_in,
    distraction_of,
    factor_moves,
    moves_in_simulator,
    values_of,
)

Array = npt.NDArray[np.floating]
NAMES = ("cart_position", "pole_angle_sin", "pole_angle_cos", "cart_velocity", "light")


def silent(_done: float, _phase: str) -> None:
    return None


def draw(scene: int, factor: str, values: list[float]) -> npt.NDArray[np.uint8]:
    """The light is how bright the picture is, the place how far right its bright half reaches; dust does nothing."""
    light, place = 100.0 + scene, 30 + scene
    frames = np.zeros((len(values), 64, 64, 3), np.uint8)
    for frame, value in zip(frames, values, strict=True):
        frame[:, : int(place + (20 * value if factor == "place" else 0))] = light + (
            80 * value if factor == "light" else 0
        )
    return frames


def encode(image: npt.NDArray[np.uint8]) -> Array:
    """Latents: how bright the brightest pixel is, how much of the picture is bright, and a constant."""
    return np.c_[image.max((1, 2, 3)) / 80, (image[:, 0, :, 0] > 0).mean(1) * 64 / 20, np.ones(len(image))]


def test_each_factor_moves_the_latent_that_knows_it_and_no_other() -> None:
    levels = {name: np.linspace(-1, 1, 5) for name in ("light", "place", "dust")}
    moves = factor_moves(draw, encode, levels, np.array([1.0, 2.0, 1.0]), silent, scenes=3)
    assert moves["light"] == pytest.approx([2, 0, 0], abs=0.05)
    assert moves["place"] == pytest.approx([0, 1, 0], abs=0.05)
    assert moves["dust"] == pytest.approx([0, 0, 0])


def clip_of(factors: Array, names: tuple[str, ...] = NAMES) -> Clip:
    episodes, length = factors.shape[:2]
    image = np.random.default_rng(0).integers(0, 255, (episodes, length, 64, 64, 3), dtype=np.uint8)
    zeros = np.zeros((episodes, length), np.float32)
    return Clip(image, zeros[..., None], zeros, factors.astype(np.float32), names)


def test_knobs_go_over_the_middle_of_what_the_clip_shows_and_angles_are_angles() -> None:
    spread = np.linspace(0, 1, 101)
    angle = 2 * spread - 1
    factors = np.c_[spread, np.sin(angle), np.cos(angle), spread, np.full(101, 0.5)]
    values = values_of(clip_of(factors[None]), ("cart_position", "pole_angle", "light", "camera_angle"))
    assert list(values) == ["cart_position", "pole_angle"], "the light does not vary, nobody reports the camera"
    assert values["cart_position"][[0, -1]] == pytest.approx([0.05, 0.95])
    assert values["pole_angle"][[0, -1]] == pytest.approx([-0.9, 0.9], abs=1e-6)


def test_the_distraction_is_known_by_its_factors() -> None:
    assert distraction_of(("pole_angle_sin", "light", "camera_angle")) == "episode"
    assert distraction_of(("body_red", "body_green")) == "set-a"
    assert distraction_of(("pole_angle_sin",)) == "none"


def test_pictures_of_no_simulator_say_so(video_checkpoint: Checkpoint) -> None:
    video_checkpoint.info = replace(video_checkpoint.info, environment=None)
    with pytest.raises(NoSimulator, match="no simulator"):
        moves_in_simulator(video_checkpoint, silent)


@pytest.fixture
def cartpole(video_checkpoint: Checkpoint, tmp_path: Path) -> Checkpoint:
    """The tiny video model as if it had learnt from cartpole, with a clip whose factors vary."""
    factors = np.random.default_rng(1).uniform(0.4, 0.9, (2, 8, 2))
    config = video_checkpoint.info.config | {"environment": "cartpole-swingup"}
    clip = clip_of(factors, ("cart_position", "cart_velocity"))
    save_checkpoint(
        tmp_path / "cartpole",
        model=video_checkpoint.model,
        actor_critic=None,
        config=config,
        clip=clip,
        statistics=video_checkpoint.statistics,
    )
    return load_checkpoint(read_info(tmp_path / "cartpole", "cartpole", "import"))


def test_the_two_sets_of_flickering_colours_are_told_apart_by_their_centres() -> None:
    names = ("cart_position", "body_red", "body_green", "body_blue")
    for centre, told in (([0.7, 0.3, 0.5], "set-a"), ([0.5, 0.7, 0.3], "set-b")):
        factors = np.random.default_rng(0).uniform(-0.2, 0.2, (2, 20, 4)) + np.array([0.0, *centre])
        assert distraction_in(clip_of(factors, names)) == told
    assert distraction_in(clip_of(np.zeros((1, 3, 1)), ("light",))) == distraction_of(("light",)) == "none"


def test_a_checkpoint_is_asked_in_the_real_simulator_once_and_the_answer_kept(cartpole: Checkpoint) -> None:
    found = interventions_of(cartpole)
    assert [item["factor"] for item in found["set"]["factors"]] == ["cart_position"]
    assert np.shape(found["set"]["factors"][0]["moves"]) == (6,)
    assert max(found["set"]["factors"][0]["moves"]) > 0
    stored = cartpole.info.folder / CHECKS
    assert json.loads(stored.read_bytes()) == found
    stored.write_text(json.dumps({**found, "why": "read again"}))
    assert interventions_of(cartpole)["why"] == "read again"


def test_verdicts_hold_both_interventions_against_the_name(video_checkpoint: Checkpoint, tmp_path: Path) -> None:
    video_checkpoint.info = replace(video_checkpoint.info, folder=tmp_path)
    status = ["named", "named", "named", "mixed", "unnamed", "inactive"]
    factor = ["light", "pole_angle_cos", "cart_velocity", "light", None, None]
    entries = [
        {"dim": dim, "status": status[dim], "factor": factor[dim], "name": factor[dim], "nmi": 0.5} for dim in range(6)
    ]
    (tmp_path / "factors.json").write_text(json.dumps({"dimensions": entries}))
    moves = np.zeros((6, 5))
    moves[0, 4], moves[1, 0], moves[2, 3], moves[4, 4] = 0.9, 0.5, 0.7, 0.05
    drawn = {"factor_names": list(NAMES), "score": [0.9, 0.8, 0.8, 0.0, 0.9], "moves": moves.tolist()}
    table = [
        {"factor": "light", "low": 0, "high": 1, "moves": [2.5, 0.1, 0, 0.8, 0, 0]},
        {"factor": "pole_angle", "low": -1, "high": 1, "moves": [0.3, 1.9, 0.2, 0.6, 0, 0]},
    ]
    found = verdicts(video_checkpoint, {"drawn": drawn, "set": {"factors": table, "scenes": 12}, "why": ""})
    light, pole, speed, mixed, faint, _ = found["dimensions"]
    assert (light["drawn"], light["drawn_agrees"], light["set"], light["set_agrees"]) == ("light", True, "light", True)
    assert (pole["drawn"], pole["drawn_agrees"]) == ("cart_position", False), "an edit draws something else"
    assert (pole["set"], pole["set_agrees"], pole["set_move"]) == ("pole_angle", True, 1.9)
    assert (speed["drawn"], speed["drawn_agrees"], speed["set_agrees"]) == (None, None, None), "nothing can tell"
    assert (mixed["set"], mixed["set_agrees"]) == ("light", None), "there is no name to agree with"
    assert faint["drawn"] is None
    assert (light["also"], pole["also"], mixed["also"]) == ([], [], ["light", "pole_angle"])
    assert found["seen"]["cart_velocity"] == 0.0


def test_a_name_is_confirmed_shared_contradicted_or_untold_by_what_interventions_found(
    video_checkpoint: Checkpoint, tmp_path: Path
) -> None:
    video_checkpoint.info = replace(video_checkpoint.info, folder=tmp_path)
    assert known_checks(video_checkpoint) == {}, "nothing has been measured"
    names = ["light", "light", "pole_angle_sin", "cart_velocity", "light", None]
    status = ["named"] * 4 + ["mixed", "inactive"]
    entries = [
        {"dim": dim, "status": status[dim], "factor": names[dim], "name": names[dim], "nmi": 0.5} for dim in range(6)
    ]
    (tmp_path / "factors.json").write_text(json.dumps({"dimensions": entries}))
    table = [
        {"factor": "light", "moves": [2.5, 2.5, 1.9, 0, 1, 0]},
        {"factor": "pole_angle", "moves": [0.3, 1.2, 0.6, 0, 0, 0]},
    ]
    drawn = {"factor_names": ["light"], "score": [0.0], "moves": [[0.0]] * 6}
    (tmp_path / "interventions.json").write_text(json.dumps({"drawn": drawn, "set": {"factors": table}, "why": ""}))
    assert known_checks(video_checkpoint) == {0: "confirmed", 1: "shared", 2: "contradicted", 3: "untold"}


def test_without_a_simulator_the_other_check_still_stands(video_checkpoint: Checkpoint, tmp_path: Path) -> None:
    video_checkpoint.info = replace(video_checkpoint.info, folder=tmp_path, environment=None)
    found = verdicts(video_checkpoint, interventions_of(video_checkpoint))
    assert found["set"] is None
    assert "no simulator" in found["why"]
    assert all(entry["set"] is None and entry["set_agrees"] is None for entry in found["dimensions"])
    assert set(found["seen"]) == set(video_checkpoint.clip.factor_names)
