"""Settings of pretraining."""

from typing import Annotated, Literal

from pydantic import Field

from backend.pipeline.fields import Count, described
from backend.pipeline.settings.networks import NetworkSettings


class PretrainSettings(NetworkSettings):
    """Pretrain the action-free video model on a data set."""

    dataset: str | None = described(None, "Data set", "Data", "Id, name or (command line) folder of a data set.")
    held_out: Annotated[int, Field(ge=1, le=1000)] = described(
        20, "Held-out episodes", "Data", "Last episodes, excluded from training, on which figures are computed."
    )
    start: str | None = described(
        None,
        "Start from",
        "Networks",
        "Checkpoint of a video model of the same sizes to continue from; none: new weights.",
    )
    vision: Literal["vae", "conv", "context", "context-vae"] = described(
        "vae",
        "Image networks",
        "Networks",
        "vae: the paper's, with latents; conv: DreamerV2's, 32 deep and without beta, for dv2-finetune and apv; "
        "context, context-vae: both with a decoder that sees a frame of the clip, for contextwm and contextwm-beta.",
    )
    updates: Count = described(20_000, "Updates", "Optimisation")
