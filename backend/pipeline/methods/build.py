"""Builds the parts of the method that the settings name."""

from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import Any

import torch

from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.methods.needs import check_source, takes_several
from backend.pipeline.methods.parts import Parts, Source
from backend.pipeline.settings import LearningSettings

Builder = Callable[[LearningSettings, Source | None, int], Parts]
"""What `Entry.builder` names: settings, the video model and the size of the environment's actions -> parts."""


def build_parts(settings: LearningSettings, source: Source | None, action_size: int, seed: int) -> Parts:
    """The parts of the method that the settings name, their weights drawn from `seed`; raises SettingsError."""
    found = () if source is None else source.all
    configs = [{"networks": _sizes(one)} for one in found]
    if takes_several(settings.method):
        check_source(settings, None, configs)
    else:
        check_source(settings, configs[0] if configs else None)
    module, _, function = CATALOGUE[settings.method].builder.partition(":")
    builder: Builder = getattr(import_module(module), function)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return builder(settings, source, action_size)


def _sizes(source: Source) -> dict[str, dict[str, Any]]:
    """The networks of a source, as config.json has them."""
    sizes = {source.model.kind: asdict(source.model.config)}
    return sizes if source.actor_critic is None else sizes | {"actor_critic": asdict(source.actor_critic.config)}
