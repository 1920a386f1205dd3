"""What the states of a policy's frozen world model hold for control, as tables in benchmarks/results/.

python -m benchmarks.advice [CHECKPOINT]        (about six minutes on two CPU cores)

1. How precisely a small network reads the pole's angle and velocity from a state.
2. How well an actor imitates hand-written control there: by plain likelihood, and by beta-NLL.
3. What such an actor returns, before and after it was told what to do in the states that it comes to itself (DAgger).
"""

import argparse
import datetime
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backend.data.catalogue import find_checkpoint
from backend.data.checkpoint import load_checkpoint
from backend.data.episodes import Episode, episode_of, read_episodes
from backend.envs.experts import adviser, expert_of
from backend.envs.make import make_environment
from backend.envs.protocol import Environment, Step
from backend.pipeline.collect import collect
from backend.pipeline.evaluate import episode_seed
from backend.pipeline.report import Reporter
from backend.pipeline.settings import CollectSettings
from backend.pipeline.update import Update
from backend.settings import get_settings
from benchmarks.quality import made_with
from models.actor_critic import ActorCritic
from models.agent import Agent, Memory
from models.types import normalise
from models.world_model import WorldModel

RESULTS = Path(__file__).parent / "results"
DEMONSTRATIONS, STEPS, FIRST = 400, 50, 2  # short episodes of an expert; states before FIRST have seen too little
PROBE_UPDATES, IMITATION_UPDATES, ROUND_UPDATES = 4_000, 600, 3_000
STATES, RATE, EPISODES, ROUNDS, SEEDS = 512, 1e-3, 10, 3, 3


class States(NamedTuple):
    """States of episodes with what is known about them."""

    feature: Tensor  # (N, S + D)
    advised: Tensor  # (N, A)
    factors: Tensor  # (N, F)
    episode: Tensor  # (N,)

    def of(self, chosen: Tensor) -> "States":
        """Those that a mask or indices choose."""
        return States(*(part[chosen] for part in self))


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", nargs="?", default="cartpole-swingup-policy")
    name = parser.parse_args().checkpoint
    torch.set_num_threads(2)
    torch.manual_seed(0)
    loaded = load_checkpoint(find_checkpoint(get_settings().home, name, allow_path=True))
    model, settings = loaded.model.eval().requires_grad_(False), loaded.info.config["settings"]
    assert isinstance(model, WorldModel) and loaded.actor_critic is not None, "this checkpoint has no policy"
    scene = {key: settings[key] for key in ("environment", "distraction", "action_repeat", "look")}
    with tempfile.TemporaryDirectory() as folder:
        wanted = CollectSettings(policy="expert", episodes=DEMONSTRATIONS, episode_steps=STEPS, **scene)
        found = collect(wanted, Path(folder), 90_002, Reporter(Path(folder), quiet=True)).folder
        episodes = list(read_episodes(found))
    names = episodes[0].factor_names
    states = states_of(model, episodes, settings["environment"])
    environment = make_environment(**{"name": scene.pop("environment"), **scene})
    parts = [
        f"# What the states of {name} hold for control, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        f"`python -m benchmarks.advice {name}` {made_with()} {DEMONSTRATIONS} short episodes of hand-written control "
        f"with noise, {len(states.episode):,} states; every fifth episode is held out.",
        *probed(states, names),
        *imitated(states, loaded.actor_critic),
        *played(states, model, loaded.actor_critic, environment),
    ]
    text = "\n\n".join(parts) + "\n"
    (RESULTS / f"advice-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.md").write_text(text)
    print(text)


def states_of(model: WorldModel, episodes: Sequence[Episode], environment: str, first: int = 0) -> States:
    """The states that the model comes to in episodes, numbered from `first`."""
    advise, parts = adviser(environment), list[tuple[Tensor, ...]]()
    for number, episode in enumerate(episodes, first):
        is_first = torch.zeros(1, len(episode.image), dtype=torch.bool)
        is_first[:, 0] = True
        with torch.no_grad():
            latent = model.encode(normalise(torch.from_numpy(episode.image))).mean[None]
            observed = model.observe(latent, torch.from_numpy(episode.action)[None], is_first)
        told = advise(episode.factor_names, episode.factors)
        known = (torch.from_numpy(told).float(), torch.from_numpy(episode.factors).float())
        numbers = torch.full((len(episode.image),), number)
        parts.append(tuple(part[FIRST:] for part in (observed.states.feature[0], *known, numbers)))
    return States(*(torch.cat(column) for column in zip(*parts, strict=True)))


def probed(states: States, names: Sequence[str]) -> list[str]:
    """The table of errors, with those of a network that learned from shuffled states."""
    wanted = ("pole_angle_sin", "pole_angle_cos", "pole_velocity", "cart_position")
    truth = states.factors[:, [names.index(name) for name in wanted]]
    held = states.episode % 5 == 0
    rows = [
        "| read from | angle, degrees | angle near upright | pole velocity, rad/s | cart, metres |",
        "|---|---|---|---|---|",
    ]
    for said, feature in (
        ("state", states.feature),
        ("another state (null)", states.feature[torch.randperm(len(truth))]),
    ):
        told = _probe(feature, truth, held)
        shown, true = told[held], truth[held]
        angle = torch.rad2deg(
            _turned(torch.atan2(shown[:, 0], shown[:, 1]) - torch.atan2(true[:, 0], true[:, 1])).abs()
        )
        columns = [angle, angle.where(true[:, 1] > 0.8, torch.nan), *((shown[:, k] - true[:, k]).abs() for k in (2, 3))]
        cells = [_median(column, states.episode[held]) for column in columns]
        rows.append(f"| {said} | {' | '.join(cells)} |")
    return [
        "## How precisely states can be read",
        "\n".join(rows),
        f"Median absolute errors on held-out episodes of a network of two layers after {PROBE_UPDATES:,} updates; in "
        "brackets 95 % intervals over episodes. Near upright: within 37 degrees.",
    ]


def imitated(states: States, like: ActorCritic) -> list[str]:
    """The table of likelihoods on held-out episodes, by loss and seed."""
    held = states.episode % 5 == 0
    rows = ["| loss | -log p, nats | distance of the mode |", "|---|---|---|"]
    for said, weighted in (("plain likelihood", False), ("beta-NLL, beta 0.5", True)):
        found = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            actor = ActorCritic(like.config)
            imitate(actor, states.of(~held), IMITATION_UPDATES, weighted)
            with torch.no_grad():
                policy, advised = actor.policy(states.feature[held]), states.advised[held]
                found.append((-policy.log_prob(advised).mean().item(), (policy.mode - advised).abs().mean().item()))
        nats, distance = ([f"{value:.2f}" for value in sorted(column)] for column in zip(*found, strict=True))
        rows.append(f"| {said} | {', '.join(nats)} | {', '.join(distance)} |")
    flat = (states.advised[held] - states.advised[held].mean(0)).abs().mean().item()
    return [
        "## How well an actor imitates",
        "\n".join(rows),
        f"After {IMITATION_UPDATES} updates of {STATES} states at a rate of {RATE}, {SEEDS} seeds, held-out episodes. "
        f"A flat policy has 0.69 nats; the mean action everywhere has a distance of {flat:.2f}.",
    ]


def played(states: States, model: WorldModel, like: ActorCritic, environment: Environment) -> list[str]:
    """The table of returns over rounds, beside random actions, hand-written control and the checkpoint's own policy."""
    seeds = [episode_seed(90_002, "advice", index) for index in range(EPISODES)]
    size, rng = environment.action_size, np.random.default_rng(0)
    expert = expert_of(environment.name, environment.factor_names)
    rows = ["| actions | return, mean (std) |", "|---|---|"]
    rows.append(_row("random", [_lived(environment, seed, lambda _: rng.uniform(-1, 1, size)) for seed in seeds]))
    torch.manual_seed(0)
    actor = ActorCritic(like.config)
    for number in range(ROUNDS):
        imitate(actor, states, ROUND_UPDATES, weighted=True)
        lived = [_lived(environment, seed, _mode_of(model, actor)) for seed in seeds]
        rows.append(_row(f"imitated, told of {number} rounds of its own episodes", lived))
        own = states_of(model, _trial(environment, model, actor, number), environment.name, int(states.episode[-1]) + 1)
        states = States(*(torch.cat(pair) for pair in zip(states, own, strict=True)))
    rows.append(_row("the checkpoint's policy", [_lived(environment, seed, _mode_of(model, like)) for seed in seeds]))
    rows.append(
        _row(
            "hand-written control, from the true state",
            [_lived(environment, seed, lambda step: expert(step.factors)) for seed in seeds],
        )
    )
    return [
        "## What imitation returns",
        "\n".join(rows),
        f"{EPISODES} whole episodes, the same for every row; the world model is frozen, {ROUND_UPDATES:,} updates per "
        "round, beta-NLL, one seed. Between rounds four further episodes of its own are added.",
    ]


def imitate(actor: ActorCritic, states: States, updates: int, weighted: bool) -> None:
    """Learn to do what is advised; `weighted` by the policy's own deviation (beta-NLL)."""
    update, random = Update(actor.actor.parameters(), RATE, 1e-5, 100.0), torch.Generator().manual_seed(0)
    for _ in range(updates):
        chosen = torch.randint(len(states.feature), (STATES,), generator=random)
        policy = actor.policy(states.feature[chosen])
        weights = policy.std.detach().mean(-1) if weighted else 1.0
        update(-(weights * policy.log_prob(states.advised[chosen])).mean())


def _probe(feature: Tensor, truth: Tensor, held: Tensor) -> Tensor:
    mean, std = truth[~held].mean(0), truth[~held].std(0)
    layers = nn.Linear(feature.shape[1], 256), nn.ELU(), nn.Linear(256, 256), nn.ELU(), nn.Linear(256, truth.shape[1])
    network, learned = nn.Sequential(*layers), (~held).nonzero().squeeze(1)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-2)
    for _ in range(PROBE_UPDATES):
        chosen = learned[torch.randint(len(learned), (256,))]
        loss = (network(feature[chosen]) - (truth[chosen] - mean) / std).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        told: Tensor = network(feature) * std + mean
    return told


def _turned(angle: Tensor) -> Tensor:
    return torch.remainder(angle + torch.pi, 2 * torch.pi) - torch.pi


def _median(errors: Tensor, episode: Tensor) -> str:
    """The median with its 95 % interval over episodes; NaN is left out."""
    by_episode = [errors[episode == number].numpy() for number in torch.unique(episode)]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(200):
        picked = rng.integers(len(by_episode), size=len(by_episode))
        drawn.append(np.nanmedian(np.concatenate([by_episode[index] for index in picked])))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"{np.nanmedian(errors.numpy()):.2f} [{low:.2f}, {high:.2f}]"


Choose = Callable[[Step], NDArray[np.floating]]


def _mode_of(model: WorldModel, actor: ActorCritic) -> Choose:
    """The most likely actions of an actor that follows an episode from its first step on."""
    agent = Agent(model, actor)
    memory: list[Memory] = []

    def choose(step: Step) -> NDArray[np.floating]:
        known = agent.begin(1) if step.is_first else memory.pop()
        action, after = agent.act(torch.from_numpy(step.image[None].copy()), known)
        memory[:] = [after]
        return action[0].numpy()

    return choose


def _lived(environment: Environment, seed: int, choose: Choose) -> float:
    step, earned = environment.reset(seed), 0.0
    while not step.is_last:
        step = environment.step(np.asarray(choose(step), np.float32))
        earned += step.reward
    return earned


def _trial(environment: Environment, model: WorldModel, actor: ActorCritic, number: int) -> list[Episode]:
    """Four episodes of the actor that are in no evaluation."""
    episodes = []
    for index in range(4):
        choose, step = _mode_of(model, actor), environment.reset(episode_seed(90_002, "own", 4 * number + index))
        steps, actions = [step], [np.zeros(environment.action_size, np.float32)]
        while not step.is_last:
            actions.append(np.asarray(choose(step), np.float32))
            step = environment.step(actions[-1])
            steps.append(step)
        episodes.append(episode_of(steps, actions, environment.factor_names, []))
    return episodes


def _row(said: str, returns: Sequence[float]) -> str:
    return f"| {said} | {np.mean(returns):.0f} ({np.std(returns):.0f}) |"


if __name__ == "__main__":
    main()
