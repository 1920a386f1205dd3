"""`latest.pt` of NM512/dreamerv3-torch: its names of the tensors, and ours."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from models.adapters.adapter import Adapter, LayoutError
from models.adapters.dreamerv3_sizes import DreamerSizes, checked, sizes_of
from models.adapters.dreamerv3_torch import DreamerV3

MARK = "_orig_mod."  # of compiled modules
MODEL = "_wm."


class DreamerV3TorchLayout:
    """The agent's state dict; of its many copies, the world model is read. `config.yaml` gives the rest."""

    name = "dreamerv3-torch"
    about = (
        "latest.pt of NM512/dreamerv3-torch: recurrent world models with categorical or Gaussian latents; "
        "policy and value are not read"
    )

    def recognises(self, keys: frozenset[str]) -> bool:
        """Recognised by the recurrent cell of the world model, compiled or not."""
        return f"{MODEL}dynamics._cell.layers.GRU_linear.weight" in {key.replace(MARK, "") for key in keys}

    def convert(
        self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Raises LayoutError."""
        unmarked = {key.replace(MARK, ""): value for key, value in tensors.items()}
        theirs = {key.removeprefix(MODEL): value for key, value in unmarked.items() if key.startswith(MODEL)}
        if any(key.startswith("encoder._mlp.") for key in theirs):
            raise LayoutError("the model sees vectors beside pictures, which cannot be shown to it here")
        sizes = sizes_of(theirs, config)
        wanted = names(sizes)
        missing = [name for name in wanted if name not in theirs]
        if missing:
            raise LayoutError(f"the file holds no {MODEL}{missing[0]} ({len(missing)} tensors are missing)")
        options = {**asdict(sizes), "depths": list(sizes.depths)}
        return options, {ours: theirs[name] for name, ours in wanted.items()}

    def build(self, options: Mapping[str, Any]) -> Adapter:
        """Raises LayoutError."""
        return DreamerV3(checked(options))


def names(sizes: DreamerSizes) -> dict[str, str]:
    """That project's name of each tensor -> ours."""
    found: dict[str, str] = {}
    for stage in range(len(sizes.depths)):
        found[f"encoder._cnn.layers.{3 * stage}.weight"] = f"encoder.layers.{3 * stage}.weight"
        found |= _both(f"encoder._cnn.layers.{3 * stage + 1}.norm", f"encoder.layers.{3 * stage + 1}")
    decoder = "heads.decoder._cnn"
    found |= _both(f"{decoder}._linear_layer", "decoder.linear")
    last = len(sizes.depths) - 1
    for stage in range(last):
        found[f"{decoder}.layers.{3 * stage}.weight"] = f"decoder.layers.{3 * stage}.weight"
        found |= _both(f"{decoder}.layers.{3 * stage + 1}.norm", f"decoder.layers.{3 * stage + 1}")
    found |= _both(f"{decoder}.layers.{3 * last}", f"decoder.layers.{3 * last}")
    for theirs, ours in (("_img_in", "enter"), ("_img_out", "prior_hidden"), ("_obs_out", "posterior_hidden")):
        found[f"dynamics.{theirs}_layers.0.weight"] = f"{ours}.linear.weight"
        found |= _both(f"dynamics.{theirs}_layers.1", f"{ours}.norm")
    found["dynamics._cell.layers.GRU_linear.weight"] = "gru.weight"
    found |= _both("dynamics._cell.layers.GRU_norm", "gru_norm")
    found |= _both("dynamics._imgs_stat_layer", "prior_moments")
    found |= _both("dynamics._obs_stat_layer", "posterior_moments")
    if sizes.learned_first:
        found["dynamics.W"] = "first"
    for layer in range(sizes.reward_layers):
        found[f"heads.reward.layers.Reward_linear{layer}.weight"] = f"reward_head.hidden.{layer}.linear.weight"
        found |= _both(f"heads.reward.layers.Reward_norm{layer}", f"reward_head.hidden.{layer}.norm")
    if sizes.reward_bins:
        found |= _both("heads.reward.mean_layer", "reward_head.last")
    return found


def _both(theirs: str, ours: str) -> dict[str, str]:
    return {f"{theirs}.{part}": f"{ours}.{part}" for part in ("weight", "bias")}
