"""`latest.pt` of NM512/r2dreamer: its names of the tensors, and ours."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from models.adapters.adapter import Adapter, LayoutError
from models.adapters.r2dreamer import R2Dreamer
from models.adapters.r2dreamer_sizes import checked, sizes_of

NAMES = {"encoder.encoders.0.": "encoder.", "rssm.": "rssm.", "decoder._cnn.": "decoder."}
"""That project's prefixes of the names that are read -> ours; heads, copies and averages are skipped."""


class R2DreamerLayout:
    """The agent's state dict. Settings give the number of groups that the classes form, if it is not 32."""

    name = "r2dreamer"
    about = (
        "latest.pt of NM512/r2dreamer: recurrent world models of classes; only rep_loss: dreamer draws pictures; "
        "policy and value are not read"
    )

    def recognises(self, keys: frozenset[str]) -> bool:
        """Recognised by the recurrent cell, which works in blocks."""
        return "rssm._deter_net._dyn_gru.weight" in keys

    def convert(
        self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Raises LayoutError."""
        if any(key.startswith(("encoder.encoders.1.", "encoder.encoders.0.mlp")) for key in tensors):
            raise LayoutError("the model sees vectors beside pictures, which cannot be shown to it here")
        sizes = sizes_of(tensors, config)
        weights = {
            ours + key.removeprefix(theirs): value
            for key, value in tensors.items()
            for theirs, ours in NAMES.items()
            if key.startswith(theirs)
        }
        return {**asdict(sizes), "depths": list(sizes.depths)}, weights

    def build(self, options: Mapping[str, Any]) -> Adapter:
        """Raises LayoutError."""
        return R2Dreamer(checked(options))
