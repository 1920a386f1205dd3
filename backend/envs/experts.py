"""Hand-written controllers for two tasks, for demonstrations; they read the simulator's true state.

Cartpole: the energy of the pole is pumped up while it hangs, and state feedback balances it where it nearly stands.
Reacher: the nearer of the two poses that bring the finger to the target, held by proportional and derivative control.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Factors = Mapping[str, float]
Law = Callable[[Factors], Sequence[float]]

LINK = 0.12  # metres, of both parts of the reacher's arm
NEARLY_UP = 0.61  # cosine of the pole's angle from which on it is balanced


def expert_of(environment: str, factor_names: Sequence[str]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The expert of a task: factors (F,) -> an action (A,) in [-1, 1]. Raises KeyError for a task that has none."""
    law, names = EXPERTS[environment], tuple(factor_names)

    def act(factors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.array(np.clip(law(dict(zip(names, factors.tolist(), strict=True))), -1, 1), np.float32)

    return act


def adviser(environment: str) -> Callable[[Sequence[str], NDArray[np.float32]], NDArray[np.float32]]:
    """What the expert of a task would do at every frame: factor names, factors (T, F) -> actions (T, A)."""

    def advise(factor_names: Sequence[str], factors: NDArray[np.float32]) -> NDArray[np.float32]:
        expert = expert_of(environment, factor_names)
        return np.stack([expert(row) for row in factors])

    return advise


def _cartpole(factors: Factors) -> Sequence[float]:
    x, v, w = factors["cart_position"], factors["cart_velocity"], factors["pole_velocity"]
    cosine = factors["pole_angle_cos"]
    if cosine > NEARLY_UP:
        angle = np.arctan2(factors["pole_angle_sin"], cosine)
        return [0.12 * x + 0.74 * v + 5.33 * angle + 1.21 * w]
    energy = w * w / 60 + 0.4905 * (cosine - 1)
    return [2.43 * energy * w * cosine - 0.22 * x - 0.37 * v]


def _reacher(factors: Factors) -> Sequence[float]:
    shoulder, wrist = (np.arctan2(factors[f"{joint}_sin"], factors[f"{joint}_cos"]) for joint in ("shoulder", "wrist"))
    x, y = factors["target_x"], factors["target_y"]
    bend = np.arccos(np.clip((x * x + y * y) / (2 * LINK * LINK) - 1, -1, 1))
    ways = []
    for bent in (bend, -bend):
        turned = np.arctan2(y, x) - np.arctan2(np.sin(bent), 1 + np.cos(bent))
        ways.append((_shortest(turned - shoulder), _shortest(bent - wrist)))
    first, second = min(ways, key=lambda way: abs(way[0]) + abs(way[1]))
    return [3 * first - 0.5 * factors["shoulder_velocity"], 3 * second - 0.5 * factors["wrist_velocity"]]


def _shortest(angle: float) -> float:
    """The same angle in [-pi, pi)."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


EXPERTS: Mapping[str, Law] = {"cartpole-swingup": _cartpole, "reacher-easy": _reacher}
