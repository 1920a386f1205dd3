"""A world of a random recurrent model, an expert that always does the same, and how well a method imitates it."""

import torch

from backend.data.resume import Randomness
from backend.pipeline.builder import build_settings
from backend.pipeline.imagination import BehaviourLearner
from backend.pipeline.methods.parts import Parts, sizes_of, standard_parts
from backend.pipeline.settings import OfflineSettings
from models.likeness import policy_likeness
from models.rssm import Observed
from models.types import Batch, Gaussian, State

HORIZON, LENGTH, STARTS = 6, 8, 32
GAIN, EXPERT = 8.0, -0.5  # how far an action moves a state; what the expert does
SETTINGS = {
    "stoch": 8,
    "deter": 32,
    "hidden": 32,
    "units": 32,
    "horizon": HORIZON,
    "length": LENGTH,
    "actor_rate": 1e-3,
    "critic_rate": 1e-3,
    "slow_critic_every": 10,
    "entropy": 0.0,
}


def toy_settings() -> OfflineSettings:
    settings = build_settings("offline", "tiny", SETTINGS)
    assert isinstance(settings, OfflineSettings)
    return settings


def toy_parts(seed: int = 0) -> Parts:
    """Random dynamics that an action moves far."""
    settings = toy_settings()
    torch.manual_seed(seed)
    parts = standard_parts(settings, sizes_of(settings, 1))
    with torch.no_grad():
        parts.world_model.rssm.get_parameter("enter.weight")[:, settings.stoch :] *= GAIN
    parts.world_model.requires_grad_(False)
    return parts


@torch.no_grad()
def an_expert(parts: Parts, seed: int = 1, does: float = EXPERT) -> tuple[Observed, Batch]:
    """Sequences from random states, in which the expert always does the same; as the world model would believe them."""
    generator = torch.Generator().manual_seed(seed)
    drawn = lambda size: torch.randn(STARTS, size, generator=generator)  # noqa: E731
    start = State(torch.tanh(drawn(32)), drawn(8))
    action = torch.full((STARTS, LENGTH, 1), does)
    states = parts.world_model.rssm.imagine(start, LENGTH, action)
    nothing = Gaussian(states.stoch, torch.ones_like(states.stoch))
    empty, first = torch.zeros(STARTS, LENGTH), torch.zeros(STARTS, LENGTH, dtype=torch.bool)
    batch = Batch(torch.zeros(STARTS, LENGTH, 0), action, empty, empty, first, torch.zeros(STARTS, LENGTH, 0))
    return Observed(states, nothing, nothing), batch


def imitated(parts: Parts, updates: int = 40) -> float:
    """The distance, 1 - likeness, of the policy's states to the expert's at the horizon, after learning."""
    learner = BehaviourLearner(toy_settings(), parts, Randomness(0, "cpu"), "cpu")
    observed, batch = an_expert(parts)
    for update in range(updates):
        learner.learn(observed, batch)
        if update % 10 == 0:
            parts.actor_critic.refresh()
    states = an_expert(parts, seed=2)[0].states
    return 1 - float(policy_likeness(parts.world_model.rssm, parts.actor_critic, states, HORIZON)[:, -1].mean())
