"""Sizes of the networks: one frozen dataclass per network, with the paper's values as defaults."""

import math
from dataclasses import dataclass

WITH_LATENTS = ("vae", "context-vae")  # image networks whose encoder has latents; see `models.video_model.VISIONS`
KERNELS = (32, 32, 64, 64, 256)  # the paper's


def kernels(first: int) -> tuple[int, int, int, int, int]:
    """Channels of the convolutions, given those of the first."""
    return (first, *KERNELS[1:])


@dataclass(frozen=True)
class VideoModelConfig:
    """The video model (action size 0) and the image half of the world model (action size A)."""

    latents: int = 20  # Z, the paper's bold z
    stoch: int = 50  # S, the paper's z
    deter: int = 200  # D, the paper's h
    hidden: int = 200
    action_size: int = 0  # A; 0 makes the model action-free
    kernels: tuple[int, int, int, int, int] = KERNELS  # conv channels, first to last
    vision: str = "vae"  # encoder and decoder: the paper's "vae", DreamerV2's "conv", and each with ContextWM's decoder
    below_stoch: int = 0  # S, D and hidden size of the action-free recurrent model underneath (APV); 0: none
    below_deter: int = 0
    below_hidden: int = 0
    members: int = 0  # priors of an ensemble (CMIL); 0: one prior
    inducing: int = 0  # points of a Gaussian process in place of the recurrent network; 0: no process
    tasks: int = 0  # K, tasks that a state can belong to; D counts a one-hot label of them in; 0: states know no task
    task: int = 0  # the task, from 0, of a state that nothing else is said of
    flow_units: int = 0  # channels of a network of optical flow beside all this; 0: none

    @property
    def feature(self) -> int:
        """Size of the input of every head, S + D."""
        return self.stoch + self.deter

    @property
    def state_stoch(self) -> int:
        """Size of a state's `stoch`, including that of a model underneath."""
        return self.below_stoch + self.stoch

    @property
    def heads(self) -> slice:
        """The part of a state's feature that heads see: all of it, except that of a model underneath."""
        return slice(self.below_stoch, self.below_stoch + self.feature)

    @property
    def below(self) -> "VideoModelConfig":
        """Sizes of the action-free recurrent model underneath, which sees the latents."""
        return VideoModelConfig(self.latents, self.below_stoch, self.below_deter, self.below_hidden)

    @property
    def above(self) -> "VideoModelConfig":
        """Sizes of the recurrent model with actions, which sees the features of the one underneath."""
        return VideoModelConfig(self.below.feature, self.stoch, self.deter, self.hidden, self.action_size)


@dataclass(frozen=True)
class WorldModelConfig(VideoModelConfig):
    """The online world model: the video model with actions, a reward head and optionally a discount head."""

    action_size: int = 1
    reward_layers: int = 2
    discount_layers: int = 0  # 0: no discount head
    head_units: int = 400


@dataclass(frozen=True)
class ActorCriticConfig:
    """Actor and critic that learn in imagination."""

    feature: int  # S + D of the world model
    action_size: int  # A
    skip: int = 0  # leading entries of a state's feature that belong to a model underneath
    actor_layers: int = 4
    critic_layers: int = 3
    units: int = 400
    min_std: float = 0.1  # of the actor's truncated normal
    sources: int = 0  # whose actions are hinted to the actor (Vid2Act); 0: no hints
    hint: int = 50  # numbers of a hint
    memory_units: int = 750  # of the networks that remember the sources' actions


def latent_pixel_std(beta: float) -> float:
    """Pixel std of a plain VAE (beta 1) that balances image and KL losses as this beta does with unit std."""
    return math.sqrt(beta)
