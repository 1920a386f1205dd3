"""Sizes of a NM512/dreamerv3-torch world model: most from its tensors, the rest from the run's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from models.adapters.adapter import LayoutError
from models.adapters.checks import checked_sizes, is_size, shape_of
from models.adapters.convolved import ACTIVATIONS, GROUPS, ConvolvedSizes

SPREADS = ("sigmoid2", "softplus", "sigmoid", "abs")
MEANS = ("none", "tanh5")


@dataclass(frozen=True, kw_only=True)
class DreamerSizes(ConvolvedSizes):
    """Everything that determines the shapes and the arithmetic. Raises LayoutError."""

    learned_first: bool
    reward_bins: int  # 0: no reward head
    reward_layers: int
    reward_units: int
    sigmoid: bool = False  # after the decoder
    mean_activation: str = "none"
    std_activation: str = "sigmoid2"
    min_std: float = 0.1

    @property
    def feature(self) -> int:
        """S + D."""
        return self.spec.stoch + self.deter

    @property
    def moments(self) -> int:
        """Outputs of prior and posterior."""
        return self.spec.stoch if self.classes else 2 * self.latents


def sizes_of(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> DreamerSizes:
    """Sizes from tensors, by the world model's names, and from `config.yaml`. Raises LayoutError."""
    deter = shape_of(tensors, "dynamics._cell.layers.GRU_linear.weight", 2)[0] // 3
    moments = shape_of(tensors, "dynamics._obs_stat_layer.weight", 2)[0]
    hidden, entering = shape_of(tensors, "dynamics._img_in_layers.0.weight", 2)
    flat = shape_of(tensors, "heads.decoder._cnn._linear_layer.weight", 2)[1] - deter
    latents, classes = _split(flat, moments, config)
    first, *_ = stages = _stages(tensors)
    reward = [key for key in tensors if key.startswith("heads.reward.layers.") and key.endswith(".weight")]
    layers = sum("_linear" in key for key in reward)
    bins = shape_of(tensors, "heads.reward.mean_layer.weight", 2) if layers else (0, 0)
    decoder = config.get("decoder") if isinstance(config.get("decoder"), Mapping) else {}
    return checked(
        {
            "channels": first[1],
            "depths": [stage[0] for stage in stages],
            "latents": latents,
            "classes": classes,
            "deter": deter,
            "hidden": hidden,
            "action_size": entering - flat,
            "learned_first": "dynamics.W" in tensors,
            "reward_bins": bins[0] if bins[0] > 1 else 0,
            "reward_layers": layers if bins[0] > 1 else 0,
            "reward_units": bins[1] if bins[0] > 1 else 0,
            "act": config.get("act", "SiLU"),
            "sigmoid": (decoder or {}).get("cnn_sigmoid", False),
            "uniform": config.get("unimix_ratio", 0.01),
            "mean_activation": config.get("dyn_mean_act", "none"),
            "std_activation": config.get("dyn_std_act", "sigmoid2"),
            "min_std": config.get("dyn_min_std", 0.1),
        }
    )


def checked(options: Mapping[str, Any]) -> DreamerSizes:
    """Sizes from plain values. Raises LayoutError for values that are missing, unknown or impossible."""
    names = {field.name for field in fields(DreamerSizes)}
    if options.keys() - names:
        raise LayoutError(f"{min(options.keys() - names)!r:.40} is no size of a dreamerv3-torch model")
    checked_sizes(options, ("channels", "latents", "deter", "hidden"))
    checked_sizes(options, ("classes", "action_size", "reward_bins", "reward_layers", "reward_units"), least=0)
    depths = options.get("depths")
    if not isinstance(depths, list | tuple) or not 1 <= len(depths) <= 7 or not all(map(is_size, depths)):
        raise LayoutError(f"depths must be up to seven whole numbers, got {depths!r:.60}")
    for name, allowed in (("act", ACTIVATIONS), ("mean_activation", MEANS), ("std_activation", SPREADS)):
        if name in options and options[name] not in tuple(allowed):
            raise LayoutError(f"{name} is {options[name]!r:.40}; known are {', '.join(allowed)}")
    for name, limit in (("uniform", 1), ("min_std", 10)):
        value = options.get(name, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= limit:
            raise LayoutError(f"{name} must be from 0 to {limit}, got {value!r:.40}")
    if options.get("reward_layers", 0) > 16 or not all(
        isinstance(options.get(name, False), bool) for name in ("learned_first", "sigmoid")
    ):
        raise LayoutError("reward_layers goes to 16; learned_first and sigmoid are true or false")
    sizes = DreamerSizes(**{**options, "depths": tuple(depths)})
    sizes.spec  # noqa: B018 # refuses what cannot be shown
    return sizes


def _stages(tensors: Mapping[str, Tensor]) -> list[tuple[int, ...]]:
    """Shapes of the encoder's convolutions, first to last."""
    stages: list[tuple[int, ...]] = []
    while f"encoder._cnn.layers.{3 * len(stages)}.weight" in tensors:
        stages.append(shape_of(tensors, f"encoder._cnn.layers.{3 * len(stages)}.weight", 4))
    if not stages:
        raise LayoutError("the file holds no encoder of pictures (encoder._cnn)")
    return stages


def _split(flat: int, moments: int, config: Mapping[str, Any]) -> tuple[int, int]:
    """Groups and classes of a flat state; no classes if the file has a mean and a spread of each entry."""
    if moments == 2 * flat:
        return flat, 0
    groups, classes = config.get("dyn_stoch", GROUPS), config.get("dyn_discrete")
    if not is_size(groups) or flat < 1 or flat % groups or (classes and groups * classes != flat):
        raise LayoutError(f"{flat} classes do not divide into {groups!r:.40} groups; name the settings with --config")
    return groups, flat // groups
