"""Tiny model files of other projects, by their own names of tensors, for the tests of imports."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]


def vae_shapes(channels: int = 1, side: int = 32, latents: int = 3) -> dict[str, tuple[int, ...]]:
    """disentangling-vae: weights by their own names."""
    wide = {"encoder.conv_64": (32, 32, 4, 4), "decoder.convT_64": (32, 32, 4, 4)} if side == 64 else {}
    weights = {
        "encoder.conv1": (32, channels, 4, 4),
        "encoder.conv2": (32, 32, 4, 4),
        "encoder.conv3": (32, 32, 4, 4),
        "encoder.lin1": (256, 512),
        "encoder.lin2": (256, 256),
        "encoder.mu_logvar_gen": (2 * latents, 256),
        "decoder.lin1": (256, latents),
        "decoder.lin2": (256, 256),
        "decoder.lin3": (512, 256),
        "decoder.convT1": (32, 32, 4, 4),
        "decoder.convT2": (32, 32, 4, 4),
        "decoder.convT3": (32, channels, 4, 4),
        **wide,
    }
    biases = {name: (shape[1] if ".convT" in name else shape[0],) for name, shape in weights.items()}
    return {f"{name}.weight": shape for name, shape in weights.items()} | {
        f"{name}.bias": shape for name, shape in biases.items()
    }


def dreamer_shapes(groups: int = 32, classes: int = 2, actions: int = 2) -> dict[str, tuple[int, ...]]:
    """dreamerv3-torch at 16 x 16 pixels: weights by their own names, without the `_wm.` in front."""
    flat, deter, hidden, depths = groups * classes, 6, 5, (4, 8)
    moments = flat if classes > 1 else 2 * flat
    feature, embedding = flat + deter, 16 * depths[-1]
    norm = {
        "encoder._cnn.layers.1.norm": depths[0],
        "encoder._cnn.layers.4.norm": depths[1],
        "heads.decoder._cnn.layers.1.norm": depths[0],
        "dynamics._img_in_layers.1": hidden,
        "dynamics._img_out_layers.1": hidden,
        "dynamics._obs_out_layers.1": hidden,
        "dynamics._cell.layers.GRU_norm": 3 * deter,
        "heads.reward.layers.Reward_norm0": 7,
    }
    found: dict[str, tuple[int, ...]] = {
        "encoder._cnn.layers.0.weight": (depths[0], 3, 4, 4),
        "encoder._cnn.layers.3.weight": (depths[1], depths[0], 4, 4),
        "dynamics.W": (1, deter),
        "dynamics._img_in_layers.0.weight": (hidden, flat + actions),
        "dynamics._cell.layers.GRU_linear.weight": (3 * deter, hidden + deter),
        "dynamics._img_out_layers.0.weight": (hidden, deter),
        "dynamics._obs_out_layers.0.weight": (hidden, deter + embedding),
        "dynamics._imgs_stat_layer.weight": (moments, hidden),
        "dynamics._imgs_stat_layer.bias": (moments,),
        "dynamics._obs_stat_layer.weight": (moments, hidden),
        "dynamics._obs_stat_layer.bias": (moments,),
        "heads.decoder._cnn._linear_layer.weight": (embedding, feature),
        "heads.decoder._cnn._linear_layer.bias": (embedding,),
        "heads.decoder._cnn.layers.0.weight": (depths[1], depths[0], 4, 4),
        "heads.decoder._cnn.layers.3.weight": (depths[0], 3, 4, 4),
        "heads.decoder._cnn.layers.3.bias": (3,),
        "heads.reward.layers.Reward_linear0.weight": (7, feature),
        "heads.reward.mean_layer.weight": (9, 7),
        "heads.reward.mean_layer.bias": (9,),
    }
    return found | {f"{name}.{part}": (size,) for name, size in norm.items() for part in ("weight", "bias")}


def r2_shapes(decoder: bool = True) -> dict[str, tuple[int, ...]]:
    """r2dreamer at 16 x 16 pixels, 32 groups of 2 classes, 8 blocks: tensors by their own names."""
    flat, deter, hidden, actions, units, blocks = 64, 16, 5, 2, 6, 8
    linear = {
        "rssm._deter_net._dyn_in0.0": (hidden, deter),
        "rssm._deter_net._dyn_in1.0": (hidden, flat),
        "rssm._deter_net._dyn_in2.0": (hidden, actions),
        "rssm._deter_net._dyn_hid.dyn_hid_0": (deter // blocks, (3 * hidden * blocks + deter) // blocks, blocks),
        "rssm._deter_net._dyn_gru": (3 * deter // blocks, deter // blocks, blocks),
        "rssm._obs_net.obs_net_0": (hidden, deter + 16 * 8),
        "rssm._obs_net.obs_net_logit": (flat, hidden),
        "rssm._img_net.img_net_0": (hidden, deter),
        "rssm._img_net.img_net_1": (hidden, hidden),
        "rssm._img_net.img_net_logit": (flat, hidden),
        "encoder.encoders.0.layers.0": (4, 3, 5, 5),
        "encoder.encoders.0.layers.4": (8, 4, 5, 5),
    }
    norms = {f"rssm._deter_net._dyn_in{part}.1": hidden for part in range(3)} | {
        "rssm._deter_net._dyn_hid.norm_0": deter,
        "rssm._obs_net.obs_net_n_0": hidden,
        "rssm._img_net.img_net_n_0": hidden,
        "rssm._img_net.img_net_n_1": hidden,
        "encoder.encoders.0.layers.2": 4,
        "encoder.encoders.0.layers.6": 8,
    }
    if decoder:
        linear |= {
            "decoder._cnn.sp0": (16 * 8 // blocks, deter // blocks, blocks),
            "decoder._cnn.sp1.0": (units, flat),
            "decoder._cnn.sp2": (16 * 8, units),
            "decoder._cnn.layers.1": (4, 8, 5, 5),
            "decoder._cnn.layers.5": (3, 4, 5, 5),
        }
        norms |= {"decoder._cnn.sp1.1": units, "decoder._cnn.sp_norm.0": 8, "decoder._cnn.layers.2": 4}
    biases = {name: (shape[0] * (shape[2] if len(shape) == 3 else 1),) for name, shape in linear.items()}
    return (
        {f"{name}.weight": shape for name, shape in linear.items()}
        | {f"{name}.bias": shape for name, shape in biases.items()}
        | {f"{name}.weight": (size,) for name, size in norms.items()}
    )


def r2_folder(folder: Path, *, decoder: bool = True) -> Path:
    """A folder as r2dreamer leaves it, with a frozen copy and a head that are not read."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = tensors_of(r2_shapes(decoder))
    agent = tensors | {f"_frozen_{name}": value for name, value in tensors.items()} | {"cont.last.bias": torch.ones(1)}
    torch.save({"agent_state_dict": agent, "optims_state_dict": {}}, folder / "latest.pt")
    return folder


def tensors_of(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Random tensors of these shapes; norms near one, so that nothing vanishes."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=generator) * (math.prod(shape[1:]) ** -0.5 if len(shape) > 1 else 0.1)
        + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        for name, shape in shapes.items()
    }


def vae_folder(folder: Path, **sizes: int) -> Path:
    """A folder as disentangling-vae leaves it: `model.pt` in the old format of torch."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(tensors_of(vae_shapes(**sizes)), folder / "model.pt", _use_new_zipfile_serialization=False)
    (folder / "specs.json").write_text('{"model_type": "Burgess"}')
    return folder


def dreamer_folder(folder: Path, *, mark: str = "", **sizes: int) -> Path:
    """A folder as dreamerv3-torch leaves it, with the copies that the agent's state dict holds."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = tensors_of(dreamer_shapes(**sizes))
    agent = {f"_wm.{mark}{name}": value for name, value in tensors.items()}
    agent |= {f"_task_behavior.{mark}_world_model.{name}": value for name, value in tensors.items()}
    torch.save({"agent_state_dict": agent, "optims_state_dict": {"_wm._model_opt._opt": {}}}, folder / "latest.pt")
    return folder


def pictures(*shape: int) -> NDArray[np.uint8]:
    """Noise of the given shape, always the same."""
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
