"""Whether a checkpoint is what a method needs, read from its config.json without torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backend.pipeline.methods.catalogue import CATALOGUE, RECORDINGS, SECOND_LOOK, Kind, Need
from backend.pipeline.methods.sections.lifelong import LifelongSection
from backend.pipeline.settings import LearningSettings, Problem, SettingsError
from models.config import WITH_LATENTS

NOT_ACTION_FREE = "this checkpoint is a world model with actions; the method starts from an action-free video model"
FOREIGN = "this checkpoint is another project's model: it can be looked at, and not trained on"

LEAST_TEACHERS = 2

Networks = Mapping[str, Mapping[str, Any]]  # sizes of each network, as config.json has them


def takes_several(method: str) -> bool:
    """Whether a method starts from several teachers instead of one."""
    return any(need.kind == "world models" for need in CATALOGUE[method].needs)


def check_source(
    settings: LearningSettings, config: Mapping[str, Any] | None, teachers: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Raises SettingsError if a method cannot use the video model with this config.json, or lacks one it needs.

    `teachers` are the config.json of those of a method that takes several.
    """
    if config is not None and config["networks"].keys() & {"adapter"}:
        raise SettingsError([Problem("/teacher", FOREIGN)])
    for need in CATALOGUE[settings.method].needs:
        if need.kind in (*RECORDINGS, SECOND_LOOK):
            continue
        if need.kind == "world models":
            _check_several(need, settings, config, teachers)
            continue
        if config is not None:
            _CHECKS[need.kind](need, settings, config["networks"])
        elif need.required:
            message = f"{settings.method} starts from a pretrained video model: name its checkpoint as the teacher"
            raise SettingsError([Problem(need.setting, message)])


def _check_latents(need: Need, settings: LearningSettings, networks: Networks) -> None:
    """Raises SettingsError unless the model has latents, and as many as the world model."""
    sizes = networks.get("world_model") or networks["video_model"]
    if (vision := sizes.get("vision", "vae")) not in WITH_LATENTS:
        message = f"the video model has no latents to distil: its image networks are DreamerV2's (vision is {vision})"
        raise SettingsError([Problem(need.setting, message)])
    if sizes["latents"] != settings.latents:
        message = f"the video model has {sizes['latents']} latents, the world model {settings.latents}"
        raise SettingsError([Problem("/latents", message)])


def _check_action_free(need: Need, _settings: LearningSettings, networks: Networks) -> None:
    if "video_model" not in networks:
        raise SettingsError([Problem(need.setting, NOT_ACTION_FREE)])


def _check_several(
    need: Need, settings: LearningSettings, config: Mapping[str, Any] | None, teachers: Sequence[Mapping[str, Any]]
) -> None:
    """Raises SettingsError unless there are several teachers, with actions and with states of the model's size."""
    if config is not None:
        message = f"{settings.method} starts from several world models, named as teachers, and from no video model"
        raise SettingsError([Problem("/method", message)])
    if len(teachers) < LEAST_TEACHERS:
        message = f"{settings.method} weighs several teachers: name at least {LEAST_TEACHERS} world models with actions"
        raise SettingsError([Problem(need.setting, message)])
    for place, teacher in enumerate(teachers, 1):
        name, networks = teacher.get("name", f"teacher {place}"), teacher["networks"]
        if "adapter" in networks:
            raise SettingsError([Problem(need.setting, f"{name}: {FOREIGN}")])
        if "world_model" not in networks:
            message = f"{name} is a video model without actions; the teachers of {settings.method} are world models"
            raise SettingsError([Problem(need.setting, message)])
        sizes = networks["world_model"]
        found, wanted = (sizes["stoch"], sizes["deter"]), (settings.stoch, settings.deter)
        if found != wanted or sizes.get("below_deter", 0):
            message = (
                f"{name} has stoch {found[0]} and deter {found[1]}, the world model {wanted[0]} and {wanted[1]}: a "
                "teacher needs states of the same size"
            )
            raise SettingsError([Problem(need.setting, message)])


def _check_context(need: Need, settings: LearningSettings, networks: Networks) -> None:
    """Raises SettingsError unless the model is action-free, has the method's encoder, and draws beside a context."""
    _check_action_free(need, settings, networks)
    vision = networks["video_model"].get("vision", "vae")
    wanted = "context" if need.kind == "context model" else "context-vae"
    if vision != wanted:
        message = (
            f"{settings.method} starts from a video model with vision {wanted}, this one has {vision}: "
            f"diswm pretrain --set vision={wanted} makes one"
        )
        raise SettingsError([Problem(need.setting, message)])


def _check_earlier(need: Need, settings: LearningSettings, networks: Networks) -> None:
    """Raises SettingsError unless these are the networks of a chapter, of the same sizes, with a label left."""
    sizes, policy, own = networks.get("world_model", {}), networks.get("actor_critic"), settings.own(LifelongSection)
    if not sizes.get("tasks") or policy is None:
        message = f"{settings.method} goes on from a checkpoint that {settings.method} left after other tasks: not this"
        raise SettingsError([Problem(need.setting, message)])
    given = {
        "most_tasks": (sizes["tasks"], own.most_tasks),
        "latents": (sizes["latents"], settings.latents),
        "stoch": (sizes["stoch"], settings.stoch),
        "deter": (sizes["deter"] - sizes["tasks"], settings.deter),
        "hidden": (sizes["hidden"], settings.hidden),
        "units": (policy["units"], settings.units),
        "first_channels": (sizes["kernels"][0], settings.first_channels),
        "discount_layers": (sizes["discount_layers"], settings.discount_layers),
    }
    for name, (found, wanted) in given.items():
        if found != wanted:
            message = f"the earlier chapter has {name} {found}, the settings say {wanted}: chapters are of one size"
            raise SettingsError([Problem(f"/{name}", message)])
    if sizes["task"] + 1 >= sizes["tasks"]:
        message = f"the earlier chapter has learned all of its {sizes['tasks']} tasks (most_tasks)"
        raise SettingsError([Problem(need.setting, message)])


_CHECKS: dict[Kind, Callable[[Need, LearningSettings, Networks], None]] = {
    "latents": _check_latents,
    "video model": _check_action_free,
    "context model": _check_context,
    "context model with latents": _check_context,
    "earlier chapter": _check_earlier,
}
