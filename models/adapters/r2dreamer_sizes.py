"""Sizes of a NM512/r2dreamer world model: all from its tensors, except how its classes divide into groups."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from models.adapters.adapter import LayoutError
from models.adapters.checks import checked_sizes, is_size, shape_of
from models.adapters.convolved import ACTIVATIONS, GROUPS, ConvolvedSizes

CONV = "encoder.encoders.0.layers"
DETER = "rssm._deter_net"


@dataclass(frozen=True, kw_only=True)
class R2Sizes(ConvolvedSizes):
    """Everything that determines the shapes."""

    kernel: int
    blocks: int
    dyn_layers: int
    obs_layers: int
    img_layers: int
    decoder_units: int  # 0: no decoder
    decoder_blocks: int

    @property
    def decodes(self) -> bool:
        """Whether the file has a decoder."""
        return self.decoder_units > 0


def sizes_of(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> R2Sizes:
    """Sizes from tensors by their own names, and from the run's settings. Raises LayoutError."""
    hidden, deter = shape_of(tensors, f"{DETER}._dyn_in0.0.weight", 2)
    flat = shape_of(tensors, f"{DETER}._dyn_in1.0.weight", 2)[1]
    stages = [
        shape_of(tensors, f"{CONV}.{4 * stage}.weight", 4) for stage in range(_count(tensors, CONV + ".{}.weight"))
    ]
    if not stages:
        raise LayoutError(f"the file holds no encoder of pictures ({CONV})")
    groups = _groups(config)
    if flat % groups:
        raise LayoutError(f"{flat} classes do not divide into {groups} groups; name the settings with --config")
    decodes = "decoder._cnn.sp2.weight" in tensors
    return checked(
        {
            "channels": stages[0][1],
            "depths": [stage[0] for stage in stages],
            "kernel": stages[0][2],
            "latents": groups,
            "classes": flat // groups,
            "deter": deter,
            "hidden": hidden,
            "blocks": shape_of(tensors, f"{DETER}._dyn_gru.weight", 3)[2],
            "action_size": shape_of(tensors, f"{DETER}._dyn_in2.0.weight", 2)[1],
            "dyn_layers": _count(tensors, DETER + "._dyn_hid.dyn_hid_{}.weight", 1),
            "obs_layers": _count(tensors, "rssm._obs_net.obs_net_{}.weight", 1),
            "img_layers": _count(tensors, "rssm._img_net.img_net_{}.weight", 1),
            "decoder_units": shape_of(tensors, "decoder._cnn.sp2.weight", 2)[1] if decodes else 0,
            "decoder_blocks": shape_of(tensors, "decoder._cnn.sp0.weight", 3)[2] if decodes else 0,
        }
    )


def checked(options: Mapping[str, Any]) -> R2Sizes:
    """Sizes from plain values. Raises LayoutError for values that are missing, unknown or impossible."""
    names = {field.name for field in fields(R2Sizes)}
    if options.keys() - names:
        raise LayoutError(f"{min(options.keys() - names)!r:.40} is no size of an r2dreamer model")
    checked_sizes(options, ("channels", "kernel", "latents", "classes", "deter", "hidden", "blocks", "action_size"))
    counts = checked_sizes(options, ("dyn_layers", "obs_layers", "img_layers", "decoder_units", "decoder_blocks"), 0)
    depths = options.get("depths")
    if not isinstance(depths, list | tuple) or not 1 <= len(depths) <= 7 or not all(map(is_size, depths)):
        raise LayoutError(f"depths must be up to seven whole numbers, got {depths!r:.60}")
    if options.get("act", "SiLU") not in ACTIVATIONS or max(counts[:3]) > 16:
        raise LayoutError(f"there are at most 16 layers, of an activation among {', '.join(ACTIVATIONS)}")
    uniform = options.get("uniform", 0.0)
    if isinstance(uniform, bool) or not isinstance(uniform, int | float) or not 0 <= uniform <= 1:
        raise LayoutError(f"uniform must be from 0 to 1, got {uniform!r:.40}")
    sizes = R2Sizes(**{**options, "depths": tuple(depths)})
    if sizes.deter % sizes.blocks or (sizes.decoder_units and sizes.depths[-1] % max(sizes.decoder_blocks, 1)):
        raise LayoutError("the blocks do not divide the state or the channels")
    sizes.spec  # noqa: B018 # refuses what cannot be shown
    return sizes


def _groups(config: Mapping[str, Any]) -> int:
    """Groups of classes, from the settings of the run; 32 in all of its own."""
    part: Any = config
    for name in ("model", "rssm"):
        part = part.get(name, part) if isinstance(part, Mapping) else part
    groups = part.get("stoch", GROUPS) if isinstance(part, Mapping) else GROUPS
    if not is_size(groups):
        raise LayoutError(f"stoch must be a whole number, got {groups!r:.40}")
    return int(groups)


def _count(tensors: Mapping[str, Tensor], name: str, step: int = 4) -> int:
    """How many numbered layers there are."""
    found = 0
    while name.format(step * found) in tensors:
        found += 1
    return found
