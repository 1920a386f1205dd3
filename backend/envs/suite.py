"""Every task of dm_control's suite, what its pictures show, and the factors that vary in it.

What a picture shows was measured: a colour or an angle that changes almost no pixel is no distraction there.
"""

import json
from functools import lru_cache
from pathlib import Path

DOMAINS = {
    "acrobot": "swingup swingup_sparse",
    "ball_in_cup": "catch",
    "cartpole": "balance balance_sparse swingup swingup_sparse two_poles three_poles",
    "cheetah": "run",
    "dog": "stand walk trot run fetch",
    "finger": "spin turn_easy turn_hard",
    "fish": "upright swim",
    "hopper": "stand hop",
    "humanoid": "stand walk run run_pure_state",
    "humanoid_CMU": "stand walk run",
    "lqr": "lqr_2_1 lqr_6_2",
    "manipulator": "bring_ball bring_peg insert_ball insert_peg",
    "pendulum": "swingup",
    "point_mass": "easy hard",
    "quadruped": "walk run escape fetch",
    "reacher": "easy hard",
    "stacker": "stack_2 stack_4",
    "swimmer": "swimmer6 swimmer15",
    "walker": "stand walk run",
}
SUITE_TASKS = tuple(f"{domain}-{task}" for domain, tasks in DOMAINS.items() for task in tasks.split())

_NO_SKY = ("fish", "humanoid", "humanoid_CMU", "point_mass", "reacher")
SKY_HIDDEN = (
    *(name for name in SUITE_TASKS if name.split("-")[0] in _NO_SKY),
    *("dog-stand", "dog-walk", "dog-trot", "dog-run", "swimmer-swimmer6", "quadruped-run", "quadruped-escape"),
)
FLOOR_HIDDEN = (
    *(name for name in SUITE_TASKS if name.startswith(("manipulator-", "stacker-"))),
    "quadruped-escape",  # its terrain wears no material
)
BODY_UNPAINTED = tuple(name for name in SUITE_TASKS if name.startswith("dog-"))  # a skin without a material
CAMERA_AIMED = ("dog-fetch",)  # the camera keeps looking at the ball, however it is turned


def episode_colours(task: str) -> tuple[str, ...]:
    """The factors of the distraction `episode`: what it can change in the pictures of a task."""
    hidden = {
        "body_colour": BODY_UNPAINTED,
        "floor_colour": FLOOR_HIDDEN,
        "background_colour": SKY_HIDDEN,
        "light": (),
        "camera_angle": CAMERA_AIMED,
    }
    return tuple(factor for factor, tasks in hidden.items() if task not in tasks)


@lru_cache(maxsize=1)
def known_factors() -> dict[str, tuple[str, ...]]:
    """Environment -> the names of its factors without a distraction; written by scripts/list_factors.py."""
    text = Path(__file__).with_name("factors.json").read_text()
    return {name: tuple(factors) for name, factors in json.loads(text).items()}
