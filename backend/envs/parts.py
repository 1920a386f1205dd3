"""The parts of each task's agent that can be told apart in its pictures, and which geoms they are."""

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
"""Task -> part -> names of its geoms; no names: all that wear a body's material, or no geoms at all."""


def part_names(environment: str | None) -> tuple[str, ...]:
    """What the numbers 1, 2, ... in a picture of parts stand for; nothing if the task is unknown."""
    return tuple(AGENT_PARTS.get(environment or "", ()))
