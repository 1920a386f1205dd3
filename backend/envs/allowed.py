"""Which environments of gymnasium a run may name: MuJoCo's version 5, and those that the administrator allows.

`DISWM_GYMNASIUM` lists further ids, separated by commas: `CartPole-v1,my_package:Maze-v0`. What stands before a
colon is a module that registers the id when it is imported. A run, which may come over HTTP, names the id alone.
"""

import os

VARIABLE = "DISWM_GYMNASIUM"
MUJOCO_V5 = (
    *("Ant-v5", "HalfCheetah-v5", "Hopper-v5", "Humanoid-v5", "HumanoidStandup-v5", "InvertedDoublePendulum-v5"),
    *("InvertedPendulum-v5", "Pusher-v5", "Reacher-v5", "Swimmer-v5", "Walker2d-v5"),
)


def allowed() -> tuple[str, ...]:
    """The ids that a run may name, without their module prefix."""
    return (*MUJOCO_V5, *(name.rpartition(":")[2] for name in _listed()))


def registered_as(name: str) -> str:
    """An allowed id with the module that registers it, as `gymnasium.make` takes it."""
    return next((listed for listed in _listed() if listed.rpartition(":")[2] == name), name)


def _listed() -> list[str]:
    return [part.strip() for part in os.environ.get(VARIABLE, "").split(",") if part.strip()]
