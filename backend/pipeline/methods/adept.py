"""After ADEPT (arXiv 2405.19878): a policy learns in a diffusion model, which is refitted to what the policy does.

Written from reviews of the paper; it works in latent states instead of the environment's, and with actor and critic
instead of SAC.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from backend.pipeline.methods.behaviour import Behaviour
from backend.pipeline.methods.parts import Lesson, Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.adept import RefittedSection
from backend.pipeline.settings import LearningSettings
from models.actor_critic import ActorCritic, Imagined
from models.denoiser import Denoised, Denoiser, DiffusedDream
from models.importance import effective_share, importance_weights
from models.layers import mlp
from models.rssm import Observed
from models.types import Batch, Gaussian, State
from models.video_model import Inference
from models.world_model import WorldModel


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """A world model, a diffusion model of its next states, and a policy whose actions decide what that is right for."""
    own, sizes = settings.own(RefittedSection), sizes_of(settings, action_size)
    parts = standard_parts(settings, sizes)
    denoiser = Denoiser(sizes.stoch, sizes.deter, own.denoiser_units, own.denoising_steps)
    learner = Refitting(denoiser, mlp(sizes.feature, settings.units, 2, 2 * action_size))
    judge = Refitted(learner, parts.actor_critic, own)
    return replace(
        parts,
        lessons={"denoiser": Fitted(judge)},
        behaviour=Behaviour(judge, rival=judge, dream=DiffusedDream(parts.world_model.rssm, denoiser)),
        companions={**parts.companions, "refitting": learner},
        notes=learner.notes,
    )


class Refitting(nn.Module):
    """The denoiser, a model of the recorded actions, and what the last weights were like."""

    last: Tensor

    def __init__(self, denoiser: Denoiser, recorded: nn.Sequential) -> None:
        """`recorded`: from a feature (..., F) to what `ActorCritic.policy_of` reads."""
        super().__init__()
        self.denoiser, self.recorded = denoiser, recorded
        self.register_buffer("last", torch.zeros(2))

    def notes(self) -> dict[str, float]:
        """Effective sample size and how many weights were cut, as shares of the last batch; none before a refit."""
        effective, cut = self.last.tolist()
        return {"effective_share": effective, "weights_cut": cut} if effective else {}


class Refitted:
    """Imagines from every recorded state; a step earns its reward, less a fine where draws of the denoiser spread.

    It is judge and rival: after each update of the policy, the denoiser is fitted anew to recorded steps, which count
    by how much likelier their action is under the policy than under the recordings.
    """

    def __init__(self, network: Refitting, actor_critic: ActorCritic, own: RefittedSection) -> None:
        self.network: nn.Module = network
        self.rate = own.denoiser_rate
        self._refitting, self._actor_critic, self._own = network, actor_critic, own
        self._seen: tuple[Observed, Tensor] | None = None  # states (B, T, .), and the actions that led to them
        self._usual = torch.ones(())

    @torch.no_grad()
    def begin(self, observed: Observed, batch: Batch) -> State:
        """The recorded states (B * T, .)."""
        self._seen = observed, batch.action
        if self._own.spread_fine:
            self._usual = self._spread(observed.prior, observed.states.deter).mean().clamp(min=1e-6)
        return observed.states.flatten()

    def reward(self, world_model: WorldModel, imagined: Imagined, _rows: slice) -> Tensor:
        """What the reward head expects, less the fine times how far the spread is beyond the usual one, (b, N)."""
        earned = world_model.reward(imagined.states.feature[:, 1:])
        if not self._own.spread_fine:
            return earned
        deter = imagined.states.deter[:, 1:]
        belief = world_model.rssm.prior(deter)
        beyond = (self._spread(Gaussian(belief.mean, belief.std), deter) / self._usual - 1).clamp(min=0)
        return earned - self._own.spread_fine * beyond

    def loss(self, _imagined: Imagined, generator: torch.Generator | None) -> Tensor:
        """The denoiser's, weighted, and that of the model of the recorded actions, ()."""
        assert self._seen is not None, "begin is called first"
        observed, action = self._seen
        weights = self.weights(observed, action)
        self._refitting.last.copy_(
            torch.stack([effective_share(weights), (weights >= self._own.importance_most).float().mean()])
        )
        losses = self.denoising(observed, generator)[:, 1:].flatten()
        return (weights * losses).mean() + self.unlikeliness(observed, action)

    @torch.no_grad()
    def weights(self, observed: Observed, action: Tensor) -> Tensor:
        """Of every step after the first: (B, T, .), (B, T, A) -> (B * (T - 1),)."""
        feature, taken = observed.states.feature[:, :-1].flatten(0, 1), action[:, 1:].flatten(0, 1)
        target = self._actor_critic.policy(feature).log_prob(taken)
        behaviour = self._actor_critic.policy_of(self._refitting.recorded(feature)).log_prob(taken)
        return importance_weights(target, behaviour, self._own.importance, self._own.importance_most)

    def denoising(self, observed: Observed, generator: torch.Generator | None) -> Tensor:
        """The denoiser's loss of each state, drawn from its posterior, which does not learn from it: (B, T)."""
        prior, posterior = observed.prior.detach(), observed.posterior.detach()
        noise = torch.randn(posterior.mean.shape, generator=generator, device=posterior.mean.device)
        y = (posterior.sample(noise) - prior.mean) / prior.std
        return self._refitting.denoiser.loss(y, observed.states.deter.detach(), generator)

    def unlikeliness(self, observed: Observed, action: Tensor) -> Tensor:
        """-log p of the recorded actions under the model of them, ()."""
        said = self._refitting.recorded(observed.states.feature[:, :-1].detach())
        return -self._actor_critic.policy_of(said).log_prob(action[:, 1:]).mean()

    def _spread(self, prior: Gaussian, deter: Tensor) -> Tensor:
        """Standard deviation of the denoiser's draws, averaged over S: (...)."""
        return Denoised(prior, self._refitting.denoiser, deter).std.mean(-1)


class Fitted(Lesson):
    """Denoiser and recorded actions, learned along with the world model, every step counting the same."""

    weight_name = "denoiser_weight"

    def __init__(self, judge: Refitted) -> None:
        self._judge = judge

    def weight(self, _agent_step: int, _update: int) -> float:
        """1: nothing else learns from this loss."""
        return 1.0

    def loss(self, batch: Batch, _target: Tensor, inference: Inference, generator: torch.Generator | None) -> Tensor:
        """The denoiser's of each state, and the mean of the other, (B, T)."""
        observed = inference.observed
        return self._judge.denoising(observed, generator) + self._judge.unlikeliness(observed, batch.action)

    def learned(self) -> list[nn.Parameter]:
        """Both networks."""
        return list(self._judge.network.parameters())
