"""The authors' pretrained weights, `encoder.pt`, `decoder.pt` and `rssm.pt`, read into our video model and back.

Foreign files are read in a child process of limited memory and time, as plain tensors only.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from backend.data.networks import IncompatibleCheckpoint, restore_weights
from backend.data.tensors_apart import ReaderFailed, limit_this_process, read_apart
from models.config import VideoModelConfig
from models.video_model import VideoModel

FILES = ("encoder", "decoder", "rssm")
MEMORY_LIMIT = 8 * 2**30

_MODULES = {
    **{f"encoder.encoder.{index}": f"encoder.convolutions.{index}" for index in (0, 2, 4, 6, 8)},
    "encoder.dis_encoder.0": "encoder.moments",
    "decoder.feat_to_decoder.0": "decoder.waist.0",
    "decoder.decoder.0": "decoder.widen",
    **{f"decoder.decoder.{theirs}": f"decoder.convolutions.{theirs - 2}" for theirs in (3, 5, 7, 9, 11)},
    "rssm._inp_layers.0": "rssm.enter",
    "rssm._cell._layer": "rssm.cell.linear",
    "rssm._cell._norm": "rssm.cell.norm",
    "rssm._img_out_layers.0": "rssm.prior_hidden",
    "rssm._ims_stat_layer": "rssm.prior_moments",
    "rssm._obs_out_layers.0": "rssm.posterior_hidden",
    "rssm._obs_stat_layer": "rssm.posterior_moments",
}
_KEYS = {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours in _MODULES.items() for part in ("weight", "bias")}
_ENTER = "rssm._inp_layers.0.weight"


class OfficialError(Exception):
    """The files do not have the published layout; `problems` lists every key and file at fault."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def import_official(folder: Path) -> VideoModel:
    """The video model in three published files; Z, S, D and hidden sizes come from the shapes.

    Raises OfficialError naming what is missing, unknown, misshaped, not finite or no plain tensor.
    """
    absent = [f"{name}.pt is missing" for name in FILES if not (folder / f"{name}.pt").is_file()]
    if absent:
        raise OfficialError([*absent, f"looked in {folder}"])
    return convert(_read_apart(folder))


def convert(tensors: dict[str, Tensor]) -> VideoModel:
    """A video model from `<file>.<key>` tensors; the action columns, which meet only zeros, are dropped."""
    problems = [f"missing {key}" for key in _KEYS.keys() - tensors.keys()]
    problems += [f"unknown {key}" for key in tensors.keys() - _KEYS.keys()]
    if problems:
        raise OfficialError(sorted(problems))
    config = _sizes(tensors)
    with torch.random.fork_rng(devices=[]):
        model = VideoModel(config).eval().requires_grad_(False)
    ours = {f"model.{_KEYS[key]}": value.float() for key, value in tensors.items()}
    ours["model.rssm.enter.weight"] = tensors[_ENTER].float()[:, : config.stoch]
    try:
        restore_weights({"model": model}, ours)
    except IncompatibleCheckpoint as error:
        raise OfficialError(error.problems) from None
    return model


def export_official(model: VideoModel, folder: Path, action_size: int = 0) -> None:
    """Writes a video model in the published layout, with `action_size` action columns of zeros.

    Raises OfficialError for other image networks than the published ones.
    """
    if model.config.vision != "vae":
        raise OfficialError(["the published layout has no place for DreamerV2's image networks, nor for a context"])
    if model.config.members:
        raise OfficialError(["the published layout has no place for an ensemble of priors"])
    if model.config.inducing:
        raise OfficialError(["the published layout has no place for a Gaussian process"])
    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    tensors = {theirs: state[ours].detach().clone().contiguous() for theirs, ours in _KEYS.items()}
    enter = tensors[_ENTER][:, : model.config.stoch]
    tensors[_ENTER] = torch.cat([enter, enter.new_zeros(enter.shape[0], action_size)], 1)
    for name in FILES:
        prefix = f"{name}."
        part = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        torch.save(part, folder / f"{name}.pt")


def _sizes(tensors: dict[str, Tensor]) -> VideoModelConfig:
    try:
        return VideoModelConfig(
            latents=tensors["encoder.dis_encoder.0.bias"].shape[0] // 2,
            stoch=tensors["rssm._obs_stat_layer.bias"].shape[0] // 2,
            deter=tensors["rssm._cell._norm.bias"].shape[0] // 3,
            hidden=tensors["rssm._inp_layers.0.bias"].shape[0],
            kernels=tuple(tensors[f"encoder.encoder.{index}.bias"].shape[0] for index in (0, 2, 4, 6, 8)),  # type: ignore[arg-type] # five of them
        )
    except IndexError:
        raise OfficialError(["a bias is a single number where a vector is needed"]) from None


def _read_apart(folder: Path) -> dict[str, Tensor]:
    try:
        return read_apart("backend.data.official", folder)
    except ReaderFailed as error:
        raise OfficialError([str(error)]) from None


def _read_here(folder: Path, target: Path) -> None:
    """The child's work: plain tensors from the three files into one safetensors file."""
    limit_this_process(MEMORY_LIMIT)
    tensors: dict[str, Tensor] = {}
    for name in FILES:
        try:
            state = torch.load(folder / f"{name}.pt", map_location="cpu", weights_only=True)
        except Exception as error:  # any error that a hostile file provokes becomes one refusal
            sys.exit(f"{name}.pt is not a file of plain tensors ({type(error).__name__})")
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            sys.exit(f"{name}.pt does not hold a state dict of tensors")
        tensors |= {f"{name}.{key}": value.contiguous().clone() for key, value in state.items()}
    save_file(tensors, target)


if __name__ == "__main__":
    _read_here(Path(sys.argv[1]), Path(sys.argv[2]))
