"""lifelong: a second task does not undo the first, because the model of the first invents episodes of it."""

import copy

import pytest
import torch
from torch import Tensor

from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.needs import check_source
from backend.pipeline.methods.parts import Source, with_targets
from backend.pipeline.rehearsal import NoMoreThanBefore, Rehearsal
from backend.pipeline.settings import SettingsError
from models.actor_critic import ActorCritic
from models.config import ActorCriticConfig, WorldModelConfig
from models.rssm import Observed
from models.tasks import TaskRSSM
from models.types import Batch, Gaussian, State, normalise
from models.world_model import WorldModel
from tests.support.making import a_batch, a_chapter, a_source, learn, parts_of, settings

LENGTH, UPDATES = 4, 100
SIZES = {"latents": 4, "stoch": 8, "deter": 32, "hidden": 32, "units": 32, "first_channels": 8, "most_tasks": 2}
LEARNING = {"length": LENGTH, "learning_rate": 2e-3, "initialisation": "scaled", "beta": 1e-3, "behaviour_after": 1_000}
RED, BLUE = (220, 60, 60), (60, 60, 220)
ACROSS = {RED: 4, BLUE: -4}  # pixels a step
REWARD = {RED: 1.0, BLUE: -1.0}


def toy(colour: tuple[int, int, int], count: int, generator: torch.Generator) -> Batch:
    """Sequences of a world: a square of this colour that moves to its own side, and earns its own reward."""
    places = torch.arange(LENGTH) * ACROSS[colour] + torch.randint(14, 34, (count, 1), generator=generator)
    image = torch.zeros(count, LENGTH, 64, 64, 3, dtype=torch.uint8)
    column = torch.arange(64)
    covered = (column >= places.unsqueeze(-1)) & (column < places.unsqueeze(-1) + 16)
    image[:, :, 24:40] = covered[:, :, None, :, None] * torch.tensor(colour, dtype=torch.uint8)
    first = torch.zeros(count, LENGTH, dtype=torch.bool)
    first[:, 0] = True
    action = 2 * torch.rand(count, LENGTH, 1, generator=generator) - 1
    reward, one = torch.full((count, LENGTH), REWARD[colour]), torch.ones(count, LENGTH)
    return Batch(image, action, reward, one, first, torch.zeros(count, LENGTH, 0))


def chapter(colour: tuple[int, int, int], before: Finetuning | None = None, **changes: object) -> Finetuning:
    """An agent that has learned a world, after another or as its first."""
    wanted, source = settings("lifelong", **{**SIZES, **LEARNING, **changes}), None
    if before is not None:
        agent = copy.deepcopy(before.agent)
        source = Source(agent.world_model, 1, actor_critic=agent.actor_critic)
    run = Finetuning(wanted, build_parts(wanted, source, 1, seed=0), 0, "cpu")
    generator = torch.Generator().manual_seed(len(REWARD) if before else 1)
    for _ in range(UPDATES):
        run.learn(with_targets(toy(colour, 6, generator), run.parts.lessons), 0)
    return run


@torch.no_grad()
def missed(run: Finetuning, colour: tuple[int, int, int], task: int) -> tuple[float, float]:
    """Image loss, and mean error of the reward, in sequences of a world that were not learned from."""
    model = copy.deepcopy(run.agent.world_model)
    assert isinstance(model.rssm, TaskRSSM)
    model.rssm.task = task
    batch = toy(colour, 16, torch.Generator().manual_seed(9))
    image = normalise(batch.image)
    feature = model.observe(model.encode(image).mean, batch.action, batch.is_first).states.feature
    drawn = 0.5 * (model.decode(feature) - image).square().sum((2, 3, 4)).mean()
    return float(drawn), float((model.reward(feature) - batch.reward).abs().mean())


@pytest.fixture(scope="module")
def first() -> Finetuning:
    return chapter(RED)


def test_after_a_second_world_the_first_is_still_known_and_without_rehearsal_it_is_not(first: Finetuning) -> None:
    picture, reward = missed(first, RED, 0)
    assert picture < 60 and reward < 0.3, "the first world is learned"
    rehearsed, forgotten = chapter(BLUE, first), chapter(BLUE, first, rehearsed=0.0)
    assert missed(rehearsed, BLUE, 1)[0] < 60 and missed(forgotten, BLUE, 1)[0] < 60, "the second world is learned"
    assert missed(rehearsed, RED, 0)[0] < 1.5 * picture < 3 * picture < missed(forgotten, RED, 0)[0]
    assert missed(rehearsed, RED, 0)[1] < 0.5 and missed(forgotten, RED, 0)[1] > 1


def test_what_is_invented_looks_like_the_earlier_world_and_earns_its_reward(first: Finetuning) -> None:
    rehearsal = Rehearsal(copy.deepcopy(first.agent), 1, 1.0, seed=3)
    made = rehearsal.invent(16, LENGTH, torch.device("cpu"))
    red, _, blue = made.image.float().mean((0, 1, 2, 3)).tolist()
    assert red > 1.3 * blue and made.label[:, 0].min() == 1
    assert float((made.reward - REWARD[RED]).abs().mean()) < 0.3, "at the first step too: sequences begin anywhere"
    again = Rehearsal(copy.deepcopy(first.agent), 1, 1.0, seed=3)
    torch.testing.assert_close(again.invent(16, LENGTH, torch.device("cpu")).image, made.image, rtol=0, atol=0)
    assert not torch.equal(again.invent(16, LENGTH, torch.device("cpu")).image, made.image), "other ones each time"


def a_model(task: int = 0) -> TaskRSSM:
    torch.manual_seed(0)
    rssm = WorldModel(
        WorldModelConfig(latents=4, stoch=8, deter=16 + 3, hidden=16, action_size=2, head_units=8, tasks=3, task=task)
    ).rssm
    assert isinstance(rssm, TaskRSSM)
    return rssm.requires_grad_(False)


def test_a_sequence_keeps_its_label_and_each_task_has_a_prior_of_its_own() -> None:
    rssm, latent, action = a_model(task=1), torch.randn(3, 5, 4), torch.rand(3, 5, 2)
    first = torch.zeros(3, 5, dtype=torch.bool)
    first[:, [0, 3]] = True
    labels = torch.eye(3).unsqueeze(1).expand(-1, 5, -1)
    seen = rssm.observe(latent, torch.cat([action, labels], -1), first)
    torch.testing.assert_close(seen.states.deter[..., 16:], labels)
    own = rssm.observe(latent, action, first)
    assert bool((own.states.deter[..., 17] == 1).all()), "without a label it is the model's own task"
    torch.testing.assert_close(own.states.deter[1], seen.states.deter[1])
    ahead = rssm.imagine(seen.states.at(-1), 2, torch.rand(3, 2, 2))
    torch.testing.assert_close(ahead.deter[..., 16:], labels[:, :2])
    same = rssm.begun(torch.eye(3))
    priors = rssm.prior(rssm.advance(same, torch.zeros(3, 2))).mean
    assert float((priors[0] - priors[1]).abs().max()) > 0.01


def test_no_invented_state_may_be_worth_more_than_before_and_real_ones_may() -> None:
    torch.manual_seed(0)
    behaviour, feature = ActorCritic(ActorCriticConfig(feature=6, action_size=1, units=8)), torch.randn(2, 3, 6)
    value = behaviour.value(feature).detach()
    nothing = Gaussian(feature, feature)
    observed = Observed(State(feature[..., 2:], feature[..., :2]), nothing, nothing)

    def loss(most: Tensor) -> Tensor:
        tutor = NoMoreThanBefore(2.0)
        tutor.begin(observed, a_batch()._replace(target=most.unsqueeze(-1)))
        return tutor.losses(behaviour, None, slice(0, 1))["critic"]

    assert float(loss(value + 1).detach()) == 0, "below what it was before"
    assert float(loss(torch.full_like(value, torch.inf)).detach()) == 0, "nothing bounds what is real"
    assert float(loss(value - 1).detach()) == pytest.approx(2 * 0.5)
    mixed = torch.stack([torch.full((3,), torch.inf), value[1] - 1])
    assert float(loss(mixed).detach()) == pytest.approx(2 * 0.5), "on average over what is invented"
    gradient = torch.autograd.grad(loss(mixed), behaviour.critic[-1].bias)[0]
    assert float(gradient) == pytest.approx(2 * 1.0), "pulled down"


def test_invented_sequences_join_the_real_ones_with_their_labels_and_bounds() -> None:
    parts, batch = parts_of("lifelong"), with_targets(a_batch(), parts_of("lifelong").lessons)
    for prepare in parts.prepare:
        batch = prepare(batch)
    assert batch.image.shape[:2] == (4, 6) and batch.action.shape == (4, 6, 1 + 4)
    assert batch.action[:, 0, 1:].argmax(-1).tolist() == [1, 1, 0, 0]
    assert batch.target.isinf().all(-1).all(-1).tolist() == [True, True, False, False]
    assert batch.is_first[:, 0].all() and not batch.is_first[:, 1:].any()


def test_a_resumed_chapter_goes_on_as_an_undisturbed_one() -> None:
    whole, cut, again = (Finetuning(settings("lifelong"), parts_of("lifelong"), 0, "cpu") for _ in range(3))
    for _ in range(2):
        metrics = learn(whole)
    assert {"first_frames", "critic"} <= metrics.keys()
    learn(cut)
    again.load_state_dict(cut.state_dict())
    learn(again)
    for key, value in whole.agent.state_dict().items():
        torch.testing.assert_close(again.agent.state_dict()[key], value, rtol=0, atol=0, msg=key)


def test_a_chapter_begins_with_the_weights_of_the_last_also_for_more_actions() -> None:
    source = a_chapter()
    wider = build_parts(settings("lifelong"), source, 3, seed=0)
    assert (wider.world_model.config.task, wider.world_model.config.action_size) == (1, 3)
    assert source.actor_critic is not None
    state = State(torch.randn(2, 16 + 4), torch.randn(2, 8))
    action = torch.rand(2, 1)
    led = torch.cat([action, torch.zeros(2, 2)], -1)
    torch.testing.assert_close(wider.world_model.rssm.advance(state, led), source.model.rssm.advance(state, action))
    new, old = (one.policy(state.feature) for one in (wider.actor_critic, source.actor_critic))
    torch.testing.assert_close(new.mean[:, :1], old.mean)
    torch.testing.assert_close(new.std[:, :1], old.std)
    learn_wide = Finetuning(settings("lifelong"), wider, 0, "cpu")
    learn_wide.learn(with_targets(a_batch(3), wider.lessons), 0)
    narrower = build_parts(settings("lifelong"), a_chapter(3), 1, seed=0)
    assert narrower.world_model.config.action_size == 3, "the environment ignores the others"


def test_what_a_chapter_cannot_go_on_from_is_refused_in_a_sentence() -> None:
    wanted = settings("lifelong")
    check_source(wanted, None)
    with pytest.raises(SettingsError, match="goes on from a checkpoint that lifelong left after other tasks"):
        build_parts(wanted, a_source(), 1, seed=0)
    with pytest.raises(SettingsError, match="goes on from a checkpoint that lifelong left after other tasks"):
        build_parts(wanted, a_chapter()._replace(actor_critic=None), 1, seed=0)
    with pytest.raises(SettingsError, match="the earlier chapter has deter 16, the settings say 24"):
        build_parts(settings("lifelong", deter=24), a_chapter(), 1, seed=0)
    with pytest.raises(SettingsError, match="most_tasks 4, the settings say 2"):
        build_parts(settings("lifelong", most_tasks=2), a_chapter(), 1, seed=0)
    last = build_parts(settings("lifelong", most_tasks=2), a_chapter(most_tasks=2), 1, seed=0)
    full = Source(last.world_model, 1, actor_critic=last.actor_critic)
    with pytest.raises(SettingsError, match="has learned all of its 2 tasks"):
        build_parts(settings("lifelong", most_tasks=2), full, 1, seed=0)
    with pytest.raises(SettingsError, match="rehearsed is a setting of lifelong only"):
        settings("diswm", rehearsed=1.0)
    with pytest.raises(ValueError, match="do not go with 3 tasks"):
        a_model(task=3)
