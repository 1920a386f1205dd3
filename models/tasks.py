"""A recurrent model of several tasks: a one-hot label in the state gives each task a prior and heads of its own."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import VideoModelConfig
from models.layers import NormGRUCell, mlp
from models.rssm import Observed, Recurrence, gaussian_of
from models.types import Gaussian, State


class TaskRSSM(Recurrence):
    """Gaussian RSSM whose `deter` is [h, label]: whatever reads a state is told its task (life-long world model).

    A sequence keeps its label from its first state on. Actions (B, T, A + K) end in the label of their sequence; from
    actions (B, T, A) alone, it is that of `task`.
    """

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        self.config, self.task = config, config.task
        self.own = config.deter - config.tasks  # size of h
        if self.own <= 0 or not 0 <= config.task < config.tasks:
            raise ValueError(f"deter {config.deter} and task {config.task} do not go with {config.tasks} tasks")
        self.enter = nn.Linear(config.stoch + config.tasks + config.action_size, config.hidden)
        self.cell = NormGRUCell(config.hidden, self.own)
        self.prior_moments = mlp(config.deter, config.hidden, 1, 2 * config.stoch)
        self.posterior_moments = mlp(config.deter + config.latents, config.hidden, 1, 2 * config.stoch)

    def initial(self, batch: int) -> State:
        return self.begun(self.label(batch))

    def label(self, batch: int) -> Tensor:
        """The label of `task`, (B, K)."""
        label = self.enter.weight.new_zeros(batch, self.config.tasks)
        label[:, self.task] = 1
        return label

    def begun(self, label: Tensor) -> State:
        """The first states of tasks (B, K), (B, .)."""
        return State(
            torch.cat([label.new_zeros(len(label), self.own), label], -1),
            label.new_zeros(len(label), self.config.stoch),
        )

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        own, label = self._parts(state.deter)
        size = self.config.action_size
        led = label.new_zeros(len(label), size) if action is None else action[..., :size]
        entered = functional.elu(self.enter(torch.cat([state.stoch, label, led], -1)), inplace=True)
        return torch.cat([self.cell(entered, own), label], -1)

    def prior(self, deter: Tensor) -> Gaussian:
        return gaussian_of(self.prior_moments(deter))

    def posterior(self, deter: Tensor, latent: Tensor) -> Gaussian:
        return gaussian_of(self.posterior_moments(torch.cat([deter, latent], -1)))

    def restarted(self, state: State, keep: Tensor) -> State:
        own, label = self._parts(state.deter)
        return State(torch.cat([own * keep, label], -1), state.stoch * keep)

    def observe(
        self,
        latent: Tensor,
        action: Tensor | None = None,
        is_first: Tensor | None = None,
        state: State | None = None,
        noise: Tensor | None = None,
    ) -> Observed:
        size = self.config.action_size
        if state is None and action is not None and action.shape[-1] > size:
            state = self.begun(action[:, 0, size:])
        return super().observe(latent, action, is_first, state, noise)

    def _parts(self, deter: Tensor) -> tuple[Tensor, Tensor]:
        return deter[..., : self.own], deter[..., self.own :]
