"""The other intervention: set a factor in the simulator, with everything else equal, and see which latents move."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.envs.make import SET_A, SET_B
from backend.envs.protocol import EnvironmentFailed
from backend.envs.suite import SUITE_TASKS
from backend.envs.sweep import Sweeper
from backend.interpret.encoded import Floats
from backend.interpret.latents import encode_images

SCENES = 12  # states of the simulator in which every factor is tried
VALUES = 5  # of a factor, over the middle 90% of its range in the clip
TAIL = 5.0  # per cent left out at either end

Draw = Callable[[int, str, Sequence[float]], npt.NDArray[np.uint8]]
Encode = Callable[[npt.NDArray[np.uint8]], Floats]
Progress = Callable[[float, str], None]


class NoSimulator(ValueError):
    """No factor can be set: the message says why."""


def moves_in_simulator(checkpoint: Checkpoint, progress: Progress) -> dict[str, Any]:
    """{"factors": [{"factor", "low", "high", "moves": (Z) in standard deviations}], "scenes"}. Raises NoSimulator."""
    name, clip = checkpoint.info.environment, checkpoint.clip
    if name not in SUITE_TASKS:
        raise NoSimulator("these pictures come from no simulator that is here")
    try:
        with Sweeper(name, distraction=distraction_in(clip), look=checkpoint.info.scene.look) as sweeper:
            values = values_of(clip, sweeper.knobs)
            if not values:
                raise NoSimulator("no factor that can be set varies in the clip")
            moves = factor_moves(
                sweeper.draw,
                lambda image: encode_images(checkpoint.model, image)[0],
                values,
                np.maximum(checkpoint.statistics.std, 1e-6),
                progress,
            )
    except EnvironmentFailed as failure:
        raise NoSimulator(f"the simulator does not start here ({failure.kind}); see diswm doctor") from failure
    return {
        "factors": [
            {
                "factor": factor,
                "low": round(float(levels[0]), 4),
                "high": round(float(levels[-1]), 4),
                "moves": np.round(moves[factor], 4).tolist(),
            }
            for factor, levels in values.items()
        ],
        "scenes": SCENES,
    }


def factor_moves(
    draw: Draw, encode: Encode, values: Mapping[str, Floats], spread: Floats, progress: Progress, scenes: int = SCENES
) -> dict[str, Floats]:
    """How far each latent moves while a factor runs through its values, in units of its own spread: factor -> (Z,).

    `draw(scene, factor, values)` gives pictures (V, 64, 64, 3) that differ in that factor alone, `encode` their latent
    means (V, Z). The range over the values, averaged over scenes.
    """
    found = {}
    for done, (factor, levels) in enumerate(values.items()):
        progress(done / len(values), f"setting {factor}")
        ranges = [np.ptp(encode(draw(scene, factor, levels.tolist())), axis=0) for scene in range(scenes)]
        found[factor] = np.asarray(np.mean(ranges, axis=0) / spread)
    return found


def values_of(clip: Clip, knobs: Sequence[str]) -> dict[str, Floats]:
    """The values that each factor is set to, over the middle of its range in the clip; only factors that vary there."""
    columns = dict(zip(clip.factor_names, clip.factors.reshape(-1, len(clip.factor_names)).T, strict=True))
    found = {}
    for knob in knobs:
        if knob in columns:
            series = columns[knob].astype(np.float64)
        elif f"{knob}_sin" in columns:
            series = np.arctan2(columns[f"{knob}_sin"], columns[f"{knob}_cos"]).astype(np.float64)
        else:
            continue
        low, high = np.percentile(series, [TAIL, 100 - TAIL])
        if high - low > 1e-6:
            found[knob] = np.linspace(low, high, VALUES)
    return found


def distraction_in(clip: Clip) -> str:
    """The distraction that the clip shows; set-a and set-b have factors of the same names, around other colours."""
    found = distraction_of(clip.factor_names)
    red = [column for column, name in enumerate(clip.factor_names) if name.endswith("_red")]
    if found != "set-a":
        return found
    mean = float(clip.factors[..., red].mean())
    return "set-a" if abs(mean - SET_A[0]) <= abs(mean - SET_B[0]) else "set-b"


def distraction_of(factor_names: Sequence[str]) -> str:
    """The distraction that has these factors."""
    if "camera_angle" in factor_names:
        return "episode"
    return "set-a" if any(name.endswith("_red") for name in factor_names) else "none"
