"""The parts of each task's agent that can be told apart in its pictures, and which geoms they are."""

from backend.envs.suite import SUITE_TASKS

AGENT_PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "cartpole-swingup": {"cart": ("cart",), "pole": ("pole_1",)},
    "finger-spin": {"finger": ("proximal", "distal", "fingertip"), "spinner": ("cap1", "cap2")},
    "reacher-easy": {"arm": ()},
    "walker-walk": {"walker": ()},
    "cheetah-run": {"cheetah": ()},
    "hopper-stand": {"hopper": ()},
    "humanoid-walk": {"humanoid": ()},
    "square-world": {"square": ()},
}
"""Task -> part -> names of its geoms; no names: all with a body's material, or no geoms at all."""


def part_names(environment: str | None) -> tuple[str, ...]:
    """What the numbers 1, 2, ... in a picture of parts stand for; nothing if the task is unknown."""
    return tuple(agent_parts(environment or ""))


def agent_parts(environment: str) -> dict[str, tuple[str, ...]]:
    """The parts of an environment's agent; a task of the suite that is not in the table has one, its whole agent."""
    if environment in SUITE_TASKS and environment not in AGENT_PARTS:
        return {environment.split("-", maxsplit=1)[0]: ()}
    return AGENT_PARTS.get(environment, {})
