"""The same updates in their plain form: the reference for results and for speed.

It follows the equations, as most published code does: images in their usual layout, new
memory for every activation, the prior within the recurrence, sequences that grow by concatenation, distributions as
objects that check their arguments, a second pass of the actor for its entropy, Adam one tensor at a time.
"""

import copy
from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, kl_divergence
from torch.nn import functional

from backend.pipeline.settings import FinetuneSettings, PretrainSettings
from models.actor_critic import ActorCritic
from models.distributions import TruncatedNormal
from models.rssm import RSSM
from models.types import Batch, State
from models.video_model import VideoModel
from models.world_model import WorldModel

M = TypeVar("M", bound=nn.Module)


class ReferencePretraining:
    """Pretraining (eq. 2) of a copy of a video model."""

    def __init__(self, model: VideoModel, settings: PretrainSettings, generator: torch.Generator) -> None:
        self.model, self.settings, self.generator = _plainly(model), settings, generator
        self.update = _Update(self.model.parameters(), settings.learning_rate, settings)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update; the losses before it, averaged over the batch."""
        losses, _ = _image_losses(self.model, batch, None, self.generator, self.settings)
        self.update(
            losses["image"] + self.settings.dynamics_weight * losses["dynamics"] + self.settings.beta * losses["latent"]
        )
        return losses


class ReferenceFinetuning:
    """Online learning (eq. 5) of copies of a world model, actor and critic, with a frozen teacher."""

    def __init__(
        self,
        world_model: WorldModel,
        behaviour: ActorCritic,
        teacher: VideoModel,
        settings: FinetuneSettings,
        generator: torch.Generator,
    ) -> None:
        self.world_model, self.teacher = _plainly(world_model), _plainly(teacher)
        self.behaviour, self.settings, self.generator = _plainly(behaviour), settings, generator
        self.update_model = _Update(self.world_model.parameters(), settings.learning_rate, settings)
        self.update_actor = _Update(self.behaviour.actor.parameters(), settings.actor_rate, settings)
        self.update_critic = _Update(self.behaviour.critic.parameters(), settings.critic_rate, settings)

    def step(self, batch: Batch, eta: float) -> dict[str, Tensor]:
        """One update of all three; the losses before it, averaged."""
        settings, world_model = self.settings, self.world_model
        losses, states = _image_losses(world_model, batch, batch.action, self.generator, settings)
        losses["reward"] = -_log_prob(Normal(world_model.reward(states.feature), 1.0), batch.reward).mean()
        student = _gaussian(*_encode(world_model, _floats(batch.image)))
        with torch.no_grad():
            teacher = _gaussian(*_encode(self.teacher, _floats(batch.image)))
        losses["distillation"] = kl_divergence(teacher, student).mean()
        self.update_model(
            losses["image"]
            + settings.dynamics_weight * losses["dynamics"]
            + settings.beta * losses["latent"]
            + settings.reward_scale * losses["reward"]
            + eta * losses["distillation"]
        )
        world_model.requires_grad_(False)
        losses["actor"], losses["critic"] = self._behaviour_losses(states.detach().flatten())
        self.update_actor(losses["actor"])
        self.update_critic(losses["critic"])
        world_model.requires_grad_(True)
        return losses

    def _behaviour_losses(self, start: State) -> tuple[Tensor, Tensor]:
        settings, world_model, behaviour = self.settings, self.world_model, self.behaviour
        assert isinstance(world_model.rssm, RSSM)
        state, deter, stoch = start, start.deter[:, None], start.stoch[:, None]
        chances = behaviour.chances(start, settings.horizon, self.generator)
        for n in range(settings.horizon):
            policy = behaviour.policy(state.feature.detach())
            h = _advance(world_model.rssm, state, policy.sample(chances.uniform[:, n]))
            mean, std = _prior(world_model.rssm, h)
            state = State(h, mean + std * chances.noise[:, n])
            deter, stoch = torch.cat([deter, h[:, None]], 1), torch.cat([stoch, state.stoch[:, None]], 1)
        feature = State(deter, stoch).feature
        reward = world_model.reward(feature[:, 1:])
        value: Tensor = behaviour.slow_critic(feature[:, 1:]).squeeze(-1)
        target, returns = value[:, -1], torch.zeros_like(value[:, :0])
        for n in reversed(range(settings.horizon)):
            target = reward[:, n] + settings.gamma * ((1 - settings.lam) * value[:, n] + settings.lam * target)
            returns = torch.cat([target[:, None], returns], 1)
        left = feature[:, :-1].detach()
        entropy = TruncatedNormal(*_moments(behaviour, left)).entropy()
        reached = settings.gamma ** torch.arange(settings.horizon, dtype=torch.float32, device=returns.device)
        actor = -(reached * (returns + settings.entropy * entropy)).mean()
        critic = -(reached * _log_prob(Normal(behaviour.value(left), 1.0), returns.detach())).mean()
        return actor, critic


class _Update:
    """Adam, one tensor at a time, with the gradient norm clipped."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], rate: float, settings: PretrainSettings | FinetuneSettings
    ) -> None:
        self.parameters = list(parameters)
        self.clip_norm = settings.clip_norm
        self.adam = torch.optim.Adam(self.parameters, lr=rate, eps=settings.adam_eps, foreach=False)

    def __call__(self, loss: Tensor) -> None:
        self.adam.zero_grad()
        loss.backward(retain_graph=True)  # type: ignore[no-untyped-call] # torch stub
        nn.utils.clip_grad_norm_(self.parameters, self.clip_norm, foreach=False)
        self.adam.step()


def _image_losses(
    model: VideoModel,
    batch: Batch,
    action: Tensor | None,
    generator: torch.Generator,
    settings: PretrainSettings | FinetuneSettings,
) -> tuple[dict[str, Tensor], State]:
    image = _floats(batch.image)
    mean, std = _encode(model, image)
    noise = None
    if action is not None:
        noise = torch.randn((*mean.shape[:2], model.config.stoch), generator=generator, device=mean.device)
    latent = mean + std * torch.randn(mean.shape, generator=generator, device=mean.device)
    states, posterior, prior = _observe(model.rssm, latent, action, batch.is_first, noise)
    decoded = _decode(model, states.feature)
    held, moving = (_gaussian(*(part.detach() for part in posterior)), _gaussian(*posterior))
    towards_posterior = kl_divergence(held, _gaussian(*prior)).mean().clamp(min=settings.free_nats)
    towards_prior = kl_divergence(moving, _gaussian(*(part.detach() for part in prior))).mean()
    balance = settings.kl_balance
    losses = {
        "image": -_log_prob(Independent(Normal(decoded, 1.0), 3), image).mean(),
        "dynamics": balance * towards_posterior + (1 - balance) * towards_prior.clamp(min=settings.free_nats),
        "latent": kl_divergence(_gaussian(mean, std), _gaussian(torch.zeros_like(mean), torch.ones_like(std))).mean(),
    }
    return losses, states


def _observe(
    rssm: nn.Module, latent: Tensor, action: Tensor | None, is_first: Tensor, noise: Tensor | None
) -> tuple[State, tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    assert isinstance(rssm, RSSM)
    state = rssm.initial(latent.shape[0])
    columns: list[Tensor] = []
    for t in range(latent.shape[1]):
        keep = 1 - is_first[:, t, None].float()
        state = State(state.deter * keep, state.stoch * keep)
        h = _advance(rssm, state, None if action is None else action[:, t] * keep)
        prior = _prior(rssm, h)
        hidden = functional.elu(rssm.posterior_hidden(torch.cat([h, latent[:, t]], -1)))
        posterior = _split(rssm.posterior_moments(hidden))
        stoch = posterior[0] if noise is None else posterior[0] + posterior[1] * noise[:, t]
        state = State(h, stoch)
        step = [part[:, None] for part in (h, stoch, *posterior, *prior)]
        columns = [torch.cat(parts, 1) for parts in zip(columns, step, strict=True)] if columns else step
    deter, stoch, *rest = columns
    return State(deter, stoch), (rest[0], rest[1]), (rest[2], rest[3])


def _advance(rssm: RSSM, state: State, action: Tensor | None) -> Tensor:
    inputs = state.stoch if action is None else torch.cat([state.stoch, action], -1)
    hidden = functional.elu(rssm.enter(inputs))
    reset, candidate, update = rssm.cell.norm(rssm.cell.linear(torch.cat([hidden, state.deter], -1))).chunk(3, -1)
    candidate = torch.tanh(torch.sigmoid(reset) * candidate)
    update = torch.sigmoid(update - 1)
    return update * candidate + (1 - update) * state.deter


def _prior(rssm: RSSM, deter: Tensor) -> tuple[Tensor, Tensor]:
    return _split(rssm.prior_moments(functional.elu(rssm.prior_hidden(deter))))


def _split(moments: Tensor) -> tuple[Tensor, Tensor]:
    mean, raw = moments.chunk(2, -1)
    return mean, 2 * torch.sigmoid(raw / 2) + 0.1


def _moments(behaviour: ActorCritic, feature: Tensor) -> tuple[Tensor, Tensor]:
    mean, raw = behaviour.actor(feature).chunk(2, -1)
    return torch.tanh(mean), 2 * torch.sigmoid(raw / 2) + behaviour.config.min_std


def _encode(model: VideoModel, image: Tensor) -> tuple[Tensor, Tensor]:
    hidden = _convolved(model.encoder.convolutions, image.flatten(0, 1)).flatten(1)
    mean, logvar = model.encoder.get_submodule("moments")(hidden).unflatten(0, image.shape[:2]).chunk(2, -1)
    return mean, torch.exp(0.5 * logvar)


def _decode(model: VideoModel, feature: Tensor) -> Tensor:
    decoder = model.decoder
    hidden = decoder.get_submodule("widen")(decoder.get_submodule("waist")(feature.flatten(0, 1)))
    image = _convolved(decoder.convolutions, hidden[:, :, None, None])
    return image.reshape(*feature.shape[:2], *image.shape[1:])


def _convolved(layers: nn.Sequential, image: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, nn.ConvTranspose2d):
            image = nn.ConvTranspose2d.forward(layer, image)
        elif isinstance(layer, nn.Conv2d):
            image = nn.Conv2d.forward(layer, image)
        else:
            image = layer(image)
    return image


def _gaussian(mean: Tensor, std: Tensor) -> "Independent[Any]":
    return Independent(Normal(mean, std), 1)


def _log_prob(distribution: Distribution, value: Tensor) -> Tensor:
    probability: Tensor = distribution.log_prob(value)
    return probability


def _floats(image: Tensor) -> Tensor:
    return (image.float() / 255 - 0.5).permute(0, 1, 4, 2, 3).contiguous()


def _plainly(model: M) -> M:
    """A copy with weights in the usual memory layout, whose activations allocate new memory."""
    copied = copy.deepcopy(model)
    for parameter in copied.parameters():
        parameter.data = parameter.data.contiguous()
    for module in copied.modules():
        if isinstance(module, nn.ELU):
            module.inplace = False
    return copied
