"""Whether a started run may continue with other settings: more work is allowed, another model needs a new run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from backend.pipeline.settings import Problem, SettingsError, StageSettings

AMOUNTS = {"collect": "episodes", "pretrain": "updates", "finetune": "agent_steps", "offline": "updates"}
"""How much a stage does: a finished run continues if this is raised."""
FREE = frozenset(
    {
        *AMOUNTS.values(),
        *("workers", "batch", "cooling", "cooling_length", "averaging"),
        *("checkpoint_every", "log_every", "evaluate_every", "evaluate_episodes"),
    }
)
"""Other settings that may change when a run continues; everything else is fixed from its first step."""
REFERENCES = frozenset({"dataset", "demonstrations", "start", "teacher", "films"})
"""Named by id, name or folder: a different name for the same thing is allowed."""
REMEDY = "take what it was started with, or begin another run"


class Amount(NamedTuple):
    """How much work the last stage of a run does: the setting's dotted name, and its value."""

    setting: str
    value: int


def amount_of(stage: str, settings: Mapping[str, Any]) -> Amount:
    """The setting to raise for a run to continue; for a pipeline, the steps of its last stage."""
    if stage == "pipeline":
        return Amount(f"finetune.{AMOUNTS['finetune']}", settings["finetune"][AMOUNTS["finetune"]])
    return Amount(AMOUNTS[stage], settings[AMOUNTS[stage]])


def check_continuation(stage: str, before: Mapping[str, Any], after: StageSettings, folder: Path) -> None:
    """Raises SettingsError, naming each setting, unless the run in `folder` may continue with the settings `after`.

    `before` are those that it was started with; a setting that only one of the two has is skipped.
    """
    wanted = after.model_dump(mode="json")
    problems: list[Problem] = []
    for name, place, old, new in _sections(stage, before, wanted):
        problems += _changed(place, old, new)
        if name == "finetune":
            problems += _moved_change(place, old, new)
    problems += _less(stage, wanted, folder)
    if stage == "pipeline":
        problems += _behind(before, wanted, folder)
    if problems:
        raise SettingsError(problems)


def check_same_references(stage: str, before: Mapping[str, Any], after: StageSettings, home: Path) -> None:
    """Raises SettingsError if a data set, a video model or films differ from those that the run was started with.

    What the run was started with may have been moved since: then nothing is compared.
    """
    problems = []
    for _, place, old, new in _sections(stage, before, after.model_dump(mode="json")):
        for key in sorted(key for key in old.keys() & new.keys() if _is_reference(key, new[key])):
            if old[key] != new[key] and not _same_thing(key, old[key], new[key], home):
                message = f"the run was started with {old[key]!r}, not {new[key]!r}: {REMEDY}"
                problems.append(Problem(f"{place}/{key}", message))
    if problems:
        raise SettingsError(problems)


def _is_reference(key: str, value: object) -> bool:
    """Whether a setting names something; `demonstrations` does so offline, and is a count while acting."""
    return key in REFERENCES and not isinstance(value, int)


def _same_thing(key: str, old: str | None, new: str | None, home: Path) -> bool:
    from backend.data.catalogue import NotFound, find_checkpoint, find_dataset  # slow to import
    from backend.data.episodes import EpisodeError
    from backend.data.networks import CheckpointError

    if old is None or new is None:
        return False
    find = find_checkpoint if key in ("teacher", "start") else find_dataset
    wanted = find(home, new, allow_path=True).id
    try:
        return find(home, old, allow_path=True).id == wanted
    except (NotFound, CheckpointError, EpisodeError):
        return True


def _sections(
    stage: str, before: Mapping[str, Any], wanted: Mapping[str, Any]
) -> list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
    """For each stage of a run: name, pointer, settings before and settings wanted."""
    if stage != "pipeline":
        return [(stage, "", before, wanted)]
    return [(name, f"/{name}", before.get(name, {}), wanted[name]) for name in wanted]


def _changed(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Problem]:
    fixed = (key for key in new if key in old and key not in FREE and not _is_reference(key, new[key]))
    return [
        Problem(f"{place}/{key}", f"the run was started with {old[key]!r}, not {new[key]!r}: {REMEDY}")
        for key in fixed
        if old[key] != new[key]
    ]


def _less(stage: str, wanted: Mapping[str, Any], folder: Path) -> list[Problem]:
    """Work that is done cannot be undone: the amount cannot be set lower than it."""
    setting, value = amount_of(stage, wanted)
    done = _done(folder, "finetune" if stage == "pipeline" else stage)
    if value < done:
        return [Problem(f"/{setting.replace('.', '/')}", f"{done:,} are done already, {value:,} are fewer")]
    return []


def _moved_change(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Problem]:
    """A distraction of the second half starts at half of the steps: with other steps it would start again, or late."""
    changes = old.get("distraction_later") not in (None, old.get("distraction"))
    if changes and old.get("agent_steps") != new["agent_steps"]:
        message = "the distraction changes at half of the agent steps, which other steps would move: begin another run"
        return [Problem(f"{place}/agent_steps", message)]
    return []


def _behind(before: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path) -> list[Problem]:
    """A stage of a pipeline can no longer change once the next one has started from its result."""
    problems = []
    for stage, follower in (("collect", "pretrain"), ("pretrain", "finetune")):
        key = AMOUNTS[stage]
        was, is_now = before.get(stage, {}).get(key), wanted[stage][key]
        if was not in (None, is_now) and (folder / follower).exists():
            message = f"the run was started with {was:,}, and {follower} has begun with what they made: {REMEDY}"
            problems.append(Problem(f"/{stage}/{key}", message))
    return problems


def _done(folder: Path, stage: str) -> int:
    """Units done in a stage, as last reported by the run; 0 if it last reported another phase."""
    try:
        progress = json.loads((folder / "progress.json").read_bytes())
        return int(progress["done"]) if progress["phase"] == stage else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0
