"""The tasks that a life-long agent learned one after another, as its checkpoints keep them. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from backend.pipeline.methods.sections.lifelong import LifelongSection
from backend.pipeline.settings import CollectSettings, FinetuneSettings, Problem, SettingsError
from backend.pipeline.settings.environment import EnvironmentSettings

CHAPTERS = "chapters"  # among what config.json says of a checkpoint: the environment of each task so far
RECORDED, STEPS = 12, 50  # short episodes of each task on which pictures and rewards are measured, and their frames


def tasks_of(settings: FinetuneSettings, earlier: Mapping[str, Any] | None) -> list[CollectSettings]:
    """The environments of a life-long agent's tasks, the present one last; none for another method.

    `earlier` is config.json of the checkpoint that it goes on from. Raises SettingsError.
    """
    if not isinstance(settings.section, LifelongSection):
        return []
    known = (earlier or {}).get(CHAPTERS, [])
    learned = earlier["networks"].get("world_model", {}).get("task", -1) + 1 if earlier else 0
    if len(known) != learned:
        message = (
            f"this checkpoint has learned {learned} task{'s' * (learned != 1)} and says of {len(known)} which they are"
        )
        raise SettingsError([Problem("/teacher", message)])
    wanted = EnvironmentSettings.model_fields
    present = {name: getattr(settings, name) for name in wanted}
    try:
        return [
            CollectSettings(**{name: task[name] for name in wanted}, episodes=RECORDED, episode_steps=STEPS)
            for task in [*known, present]
        ]
    except (ValidationError, KeyError, TypeError) as error:
        message = f"an earlier task of this checkpoint cannot be played here: {str(error).splitlines()[-1]}"
        raise SettingsError([Problem("/teacher", message)]) from None


def described(tasks: Sequence[CollectSettings]) -> list[dict[str, Any]]:
    """What a checkpoint keeps of its tasks."""
    return [{name: getattr(task, name) for name in EnvironmentSettings.model_fields} for task in tasks]
