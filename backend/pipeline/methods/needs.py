"""Whether a checkpoint is what a method needs, read from its config.json without torch."""

from collections.abc import Callable, Mapping
from typing import Any

from backend.pipeline.methods.catalogue import CATALOGUE, RECORDINGS, Kind, Need
from backend.pipeline.settings import LearningSettings, Problem, SettingsError

NOT_ACTION_FREE = "this checkpoint is a world model with actions; the method starts from an action-free video model"
FOREIGN = "this checkpoint is another project's model: it can be looked at, and not trained on"

Networks = Mapping[str, Mapping[str, Any]]  # sizes of each network, as config.json has them


def check_source(settings: LearningSettings, config: Mapping[str, Any] | None) -> None:
    """Raises SettingsError if a method cannot use the video model with this config.json, or lacks one it needs."""
    if config is not None and config["networks"].keys() & {"adapter"}:
        raise SettingsError([Problem("/teacher", FOREIGN)])
    for need in CATALOGUE[settings.method].needs:
        if need.kind in RECORDINGS:
            continue
        if config is not None:
            _CHECKS[need.kind](need, settings, config["networks"])
        elif need.required:
            message = f"{settings.method} starts from a pretrained video model: name its checkpoint as the teacher"
            raise SettingsError([Problem(need.setting, message)])


def _check_latents(need: Need, settings: LearningSettings, networks: Networks) -> None:
    """Raises SettingsError unless the model has latents, and as many as the world model."""
    sizes = networks.get("world_model") or networks["video_model"]
    if sizes.get("vision", "vae") != "vae":
        message = "the video model has no latents to distil: its image networks are DreamerV2's (vision is conv)"
        raise SettingsError([Problem(need.setting, message)])
    if sizes["latents"] != settings.latents:
        message = f"the video model has {sizes['latents']} latents, the world model {settings.latents}"
        raise SettingsError([Problem("/latents", message)])


def _check_action_free(need: Need, _settings: LearningSettings, networks: Networks) -> None:
    if "video_model" not in networks:
        raise SettingsError([Problem(need.setting, NOT_ACTION_FREE)])


_CHECKS: dict[Kind, Callable[[Need, LearningSettings, Networks], None]] = {
    "latents": _check_latents,
    "video model": _check_action_free,
}
