"""Invariance by factor: how far latents move when one factor alone changes, beside what their own noise moves them.

The unit is the distance of two unrelated states: 0 is invariant, 1 as far as another state altogether.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.envs.protocol import EnvironmentFailed
from backend.envs.suite import SUITE_TASKS
from backend.envs.sweep import Sweeper
from backend.interpret.encoded import INACTIVE_KL, Floats
from backend.interpret.latents import encode_images
from backend.interpret.recolour import CHANGES, changed
from backend.interpret.request import ViewError
from backend.interpret.resample import interval_of_mean
from backend.interpret.simulation import NoSimulator, distraction_in, values_of

EPISODES = 12
NO_SIMULATOR = "these pictures come from no simulator that is here, so the pictures themselves are changed"

Pictures = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.number[Any]]
Encode = Callable[[Pictures], tuple[Floats, Floats]]
"""Mean and standard deviation of the latents of pictures (N, 64, 64, 3), (N, Z) each."""


class Drawn(NamedTuple):
    """E states that have nothing in common, and each of them with one factor at V values, all else equal."""

    states: Pictures  # (E, 64, 64, 3)
    values: Mapping[str, Floats]  # factor -> (V,)
    pictures: Mapping[str, Pictures]  # factor -> (E, V, 64, 64, 3)


def invariance_of(checkpoint: Checkpoint, episodes: int = EPISODES) -> dict[str, Any]:
    """Factors are set in the simulator where it is here, else the clip's pictures are changed. Raises ViewError.

    The answer of `compared`, with "source": "simulator" or "pictures", and "why" there was no simulator.
    """
    try:
        drawn, source, why = _drawn_by_simulator(checkpoint, episodes), "simulator", ""
    except NoSimulator as error:
        drawn, source, why = drawn_from_clip(checkpoint.clip, episodes), "pictures", str(error)
    kl = checkpoint.statistics.kl
    active = np.flatnonzero(kl >= INACTIVE_KL) if (kl >= INACTIVE_KL).any() else np.arange(len(kl))

    def encode(pictures: Pictures) -> tuple[Floats, Floats]:
        mean, logvar = encode_images(checkpoint.model, pictures)
        return mean[:, active], np.exp(0.5 * logvar[:, active].astype(np.float64))

    return {**compared(drawn, encode), "source": source, "why": why}


def compared(drawn: Drawn, encode: Encode) -> dict[str, Any]:
    """How far latents and pictures move with each factor. Raises ViewError if latents are alike for all states.

    {"factors": [{"factor", "low", "high": its values, "moved", "interval": 95% over episodes, "picture", "verdict":
    see `verdict_of`}], most first, "noise": how far two samples of the latent of one picture are apart, "episodes"}.
    Distances are root mean squares, in the distance of two states.
    """
    mean, std = encode(drawn.states)
    latents = {
        factor: encode(pictures.reshape(-1, *pictures.shape[2:]))[0].reshape(*pictures.shape[:2], -1)
        for factor, pictures in drawn.pictures.items()
    }
    moved, seen = of_points(mean, latents), of_points(drawn.states, drawn.pictures)
    noise = float(np.sqrt(2 * np.square(std).sum(-1).mean()) / _apart(mean[None])[0])
    entries = [
        {
            "factor": factor,
            "low": round(float(values[0]), 4),
            "high": round(float(values[-1]), 4),
            "moved": round(float(moved[factor].mean()), 4),
            "interval": (around := [round(float(end), 4) for end in interval_of_mean(moved[factor])]),
            "picture": round(float(seen[factor].mean()), 4),
            "verdict": verdict_of(around, noise),
        }
        for factor, values in drawn.values.items()
    ]
    entries.sort(key=lambda entry: -moved[str(entry["factor"])].mean())
    return {"factors": entries, "noise": round(noise, 4), "episodes": len(drawn.states)}


def verdict_of(interval: Sequence[float], noise: float) -> str:
    """Whether the whole interval is `within noise` or `beyond noise`; `untold` if neither.

    Within noise, one sample does not tell the factor. Where even states are (noise above 1), that says little.
    """
    low, high = interval
    return "within noise" if high < noise else "beyond noise" if low > noise else "untold"


def of_points(states: Numbers, changed: Mapping[str, Numbers]) -> dict[str, Floats]:
    """Distance of two values of a factor per distance of two states, root mean squares: (E, ...), (E, V, ...) -> (E,).

    Raises ViewError if all states are one point.
    """
    unit = float(_apart(states[None])[0])
    if unit < 1e-9:
        raise ViewError("checkpoint", "its latents are the same for every state, so no factor can be compared with one")
    return {factor: _apart(points) / unit for factor, points in changed.items()}


def _apart(points: Numbers) -> Floats:
    """Root mean square distance of two different points of each row: (E, V, ...) -> (E,)."""
    flat = points.reshape(*points.shape[:2], -1).astype(np.float64)
    return np.asarray(np.sqrt(2 * flat.var(axis=1, ddof=1).sum(axis=-1)))


def _drawn_by_simulator(checkpoint: Checkpoint, episodes: int) -> Drawn:
    """Raises NoSimulator."""
    name, clip = checkpoint.info.environment, checkpoint.clip
    if name not in SUITE_TASKS:
        raise NoSimulator(NO_SIMULATOR)
    look, distraction = checkpoint.info.scene.look, distraction_in(clip)
    try:
        with Sweeper(name, distraction=distraction, look=look) as sweeper:
            values = values_of(clip, sweeper.knobs)
            if not values:
                raise NoSimulator(
                    "no factor that can be set varies in the clip, so the pictures themselves are changed"
                )
            pictures = {
                knob: np.stack([sweeper.draw(seed, knob, levels.tolist()) for seed in range(episodes)])
                for knob, levels in values.items()
            }
            return Drawn(np.stack([sweeper.at_rest(seed) for seed in range(episodes)]), values, pictures)
    except EnvironmentFailed as failure:
        why = f"the simulator does not start here ({failure.kind}), so the pictures themselves are changed"
        raise NoSimulator(why) from failure


def drawn_from_clip(clip: Clip, episodes: int) -> Drawn:
    """The middle frame of each of the clip's first episodes, or frames of its only one, changed as `recolour` does."""
    there, length = clip.image.shape[:2]
    if there > 1:
        states = clip.image[:episodes, length // 2]
    else:
        states = clip.image[0, np.linspace(0, length - 1, min(episodes, length)).astype(int)]
    values = {name: np.array(change.values, np.float64) for name, change in CHANGES.items()}
    frames = torch.from_numpy(states)
    return Drawn(states, values, {name: changed(frames, name).numpy() for name in CHANGES})
