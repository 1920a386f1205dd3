"""Settings of the networks, their losses and their optimisation, which pretraining and fine-tuning share."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backend.pipeline.fields import Closed, Count, Fraction, Rate, Weight, conflict, described


class NetworkSettings(Closed):
    """Sizes, loss weights, the schedule of the KL weights, batches and the optimiser."""

    latents: Annotated[int, Field(ge=1, le=256)] = described(20, "Latents", "Networks", symbol="Z")
    stoch: Annotated[int, Field(ge=1, le=1024)] = described(50, "Stochastic state", "Networks", symbol="S")
    deter: Annotated[int, Field(ge=1, le=4096)] = described(200, "Deterministic state", "Networks", symbol="D")
    hidden: Annotated[int, Field(ge=1, le=4096)] = described(200, "Hidden units", "Networks")
    beta: Weight = described(
        0.015, "Disentanglement weight", "Losses", "Weight of KL[q(z|o) || N(0, I)]; the paper: 0.015.", "β"
    )
    dynamics_weight: Weight = described(1.0, "Dynamics weight", "Losses", "The paper: 1.", "α")
    kl_balance: Fraction = described(
        0.8, "KL balance", "Losses", "Share of the dynamics KL that moves the prior; the paper: 0.8."
    )
    free_nats: Weight = described(
        1.0, "Free nats", "Losses", "Least value of each side of the dynamics KL; the paper: 1."
    )
    seeing: Annotated[int, Field(ge=0, le=100_000_000)] = described(
        0,
        "Updates of seeing first",
        "Seeing first",
        "First updates, in which both KL weights are taken from this group. The paper: 0.",
    )
    settling: Annotated[int, Field(ge=0, le=100_000_000)] = described(
        0,
        "Updates of settling",
        "Seeing first",
        "Updates after them over which both KL weights grow to their own values, by the same factor each update.",
    )
    seeing_beta: Weight = described(0.003, "Disentanglement weight while seeing", "Seeing first", symbol="β")
    seeing_dynamics: Weight = described(0.01, "Dynamics weight while seeing", "Seeing first", symbol="α")
    seeing_length: Annotated[int, Field(ge=2, le=1000)] = described(
        4, "Sequence length while seeing", "Seeing first", "With more sequences, so that a batch has as many frames."
    )
    motion_weight: Weight = described(
        0.0,
        "Weight of what moves",
        "Losses",
        "Extra weight of a pixel that differs from its mean over the episode. The paper: 0.",
    )
    coarse_weight: Weight = described(
        0.0,
        "Weight of coarse pictures",
        "Losses",
        "Weight of the image loss of pictures averaged over 4 x 4 and 8 x 8 pixels, which moves thin bodies to their "
        "place. The paper: 0.",
    )
    overshooting: Weight = described(
        0.0,
        "Overshooting weight",
        "Losses",
        "Weight of the image loss of frames imagined from a quarter of the sequence on; above 0, rewards of those "
        "steps are learned with the reward scale, too. The paper: 0.",
    )
    initialisation: Literal["torch", "scaled"] = described(
        "torch",
        "Initial weights",
        "Networks",
        "torch: its defaults, as in the paper; scaled: so that a signal keeps its size through all layers.",
    )
    first_channels: Annotated[int, Field(ge=1, le=1024)] = described(
        32,
        "Channels of the first convolution",
        "Networks",
        "Also those of the decoder's last but one, where most of the time goes. The paper: 32.",
    )
    batch: Annotated[int, Field(ge=1, le=4096)] = described(50, "Batch", "Optimisation", symbol="B")
    length: Annotated[int, Field(ge=2, le=1000)] = described(50, "Sequence length", "Optimisation", symbol="T")
    learning_rate: Rate = described(3e-4, "Learning rate", "Optimisation")
    cooling: Fraction = described(
        0.0,
        "Cooling",
        "Optimisation",
        "Last share of a run's updates (fine-tuning: agent steps), in which the learning rates fall to a tenth.",
    )
    cooling_length: Annotated[int, Field(ge=0, le=1000)] = described(
        0,
        "Sequence length while cooling",
        "Optimisation",
        "Longer sequences at the end, with fewer of them, so that a batch has as many frames and more imagined steps "
        "are learned. 0: as before.",
    )
    averaging: Annotated[float, Field(ge=0, lt=1)] = described(
        0.0,
        "Averaging of weights",
        "Optimisation",
        "Checkpoints and evaluations have a moving average of the weights, of which this share stays at each update "
        "(0.998: over some 500 updates). 0: the weights themselves, as in the paper.",
    )
    adam_eps: Rate = described(1e-5, "Adam epsilon", "Optimisation")
    clip_norm: Annotated[float, Field(gt=0, le=1e6)] = described(100.0, "Gradient norm limit", "Optimisation")
    checkpoint_every: Count = described(1000, "Updates between checkpoints", "Run")
    log_every: Count = described(50, "Updates between log lines", "Run")

    @model_validator(mode="after")
    def _sequences_grow(self) -> Self:
        if self.cooling_length and not self.cooling:
            raise conflict(
                "/cooling_length", "nothing cools: set cooling, the share of the run that has these sequences"
            )
        if 0 < self.cooling_length < self.length:
            raise conflict(
                "/cooling_length", f"sequences of {self.length} frames become longer while cooling, not shorter"
            )
        return self

    @property
    def longest(self) -> int:
        """Frames of the longest sequences that are learned from."""
        return max(self.length, self.cooling_length)
