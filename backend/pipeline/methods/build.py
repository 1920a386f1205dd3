"""Builds the parts of the method that the settings name."""

from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module

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
    configs = [{"networks": {one.model.kind: asdict(one.model.config)}} for one in found]
    if takes_several(settings.method):
        check_source(settings, None, configs)
    else:
        check_source(settings, configs[0] if configs else None)
    module, _, function = CATALOGUE[settings.method].builder.partition(":")
    builder: Builder = getattr(import_module(module), function)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return builder(settings, source, action_size)
