"""Vid2Act: the gate takes after the teacher that knows what the student sees; hints say what a source does."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.data.checkpoint import TEACHERS
from backend.data.import_tables import Weighed
from backend.pipeline.builder import build_settings
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.needs import check_source
from backend.pipeline.methods.parts import Parts
from backend.pipeline.methods.vid2act import Taught, Told, fitted
from backend.pipeline.settings import SettingsError
from backend.runs.references import _named
from models.action_memory import ActionMemory, SourceBatch
from models.gate import TeacherGate
from models.types import State
from tests.support.making import a_run, a_teacher, learn, parts_of, settings, source_of

FEATURE, HALF, UPDATES = 6, 8, 300


def a_clip(generator: torch.Generator, count: int = 32) -> tuple[Tensor, Tensor]:
    """Features of two teachers (2, B, T, F) and a student's (B, T, F).

    The student sees the first one's world, then the other's. Both teachers' features are of one distribution: only
    beside the student's does either look right.
    """
    student = torch.randn(count, 2 * HALF, FEATURE, generator=generator)
    turned = torch.linalg.qr(torch.randn(FEATURE, FEATURE, generator=torch.Generator().manual_seed(5)))[0]
    right = student @ turned
    wrong = torch.randn(count, 2 * HALF, FEATURE, generator=generator)
    first = torch.arange(2 * HALF)[:, None] < HALF
    return torch.stack([torch.where(first, right, wrong), torch.where(first, wrong, right)]), student


def weight_of_the_right_teacher(*, sees_student: bool) -> float:
    """The mean over both halves of held-out clips, after learning."""
    torch.manual_seed(0)
    gate, generator = TeacherGate(2, FEATURE, sees_student=sees_student), torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(gate.parameters(), 1e-2)
    for _ in range(UPDATES):
        optimiser.zero_grad()
        gate.loss(*a_clip(generator))[0].mean().backward()
        optimiser.step()
    features, student = a_clip(torch.Generator().manual_seed(2))
    with torch.no_grad():
        weights = gate.weights(features, gate.adapted(features), student)
    torch.testing.assert_close(weights.sum(0), torch.ones(weights.shape[1:]))
    halves = weights[0, :, :HALF].mean(), weights[1, :, HALF:].mean()
    return float(min(halves))


def test_the_gate_weighs_the_teacher_that_knows_what_the_student_sees() -> None:
    assert weight_of_the_right_teacher(sees_student=True) > 0.8


def test_the_released_gate_is_blind_to_the_student_and_cannot() -> None:
    assert weight_of_the_right_teacher(sees_student=False) < 0.6
    gate, (features, student) = TeacherGate(2, FEATURE, sees_student=False), a_clip(torch.Generator())
    here, there = (gate.weights(features, features, seen) for seen in (student, student.flip(0)))
    torch.testing.assert_close(here, there)


def test_a_teacher_without_weight_keeps_a_gradient_for_the_gate() -> None:
    gate = TeacherGate(2, FEATURE)
    features, student = a_clip(torch.Generator().manual_seed(0))
    last = gate.judge[-1]
    with torch.no_grad():
        last.weight.mul_(100)
    loss, weights = gate.loss(features, student)
    assert float(weights.detach().min()) < 0.05
    loss.sum().backward()  # type: ignore[no-untyped-call] # torch stub
    assert last.weight.grad is not None and bool(last.weight.grad.abs().sum() > 0)


def test_a_hint_says_what_the_chosen_source_does() -> None:
    torch.manual_seed(0)
    memory, generator = ActionMemory(2, FEATURE, 1, hint=8, units=32), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(memory.parameters(), 3e-3)
    done = torch.tensor([[-0.6], [0.6]])
    for _ in range(UPDATES):
        feature, source = torch.randn(64, FEATURE, generator=generator), torch.arange(2).repeat(32)
        batch = SourceBatch(feature, done[source], source)
        weights = torch.stack([(feature[:, 0] > 0).float(), (feature[:, 0] <= 0).float()])
        noise = memory.noise(64, generator, feature.device)
        optimiser.zero_grad()
        (memory.loss(batch, noise).mean() + memory.choice_loss(feature, weights).mean()).backward()
        optimiser.step()
    feature = torch.randn(64, FEATURE, generator=generator)
    for source in (0, 1):
        acted = memory.remembered(feature, torch.full((64,), source)).detach()
        assert float((acted - done[source]).abs().mean()) < 0.15
    chosen = memory.act(memory.hint(feature)).tanh().detach().flatten()
    clear = feature[:, 0].abs() > 0.3
    assert bool((chosen < 0)[clear].eq((feature[:, 0] > 0)[clear]).float().mean() > 0.95)


def vid2act(**changes: object) -> Parts:
    return parts_of("vid2act", source_of("vid2act"), **changes)


def test_the_actor_is_given_the_hint_wherever_it_acts_or_imagines() -> None:
    parts = vid2act(hint_size=5)
    actor_critic, world_model = parts.actor_critic, parts.world_model
    memory = actor_critic.memory
    assert memory is not None and parts.behaviour.judge is not None
    own = {id(weight) for weight in actor_critic.actor.parameters()}
    assert not own & {id(weight) for weight in memory.parameters()}
    start = State(torch.randn(3, 16), torch.randn(3, 8))
    chances = actor_critic.chances(start, 2, torch.Generator().manual_seed(0))
    before = actor_critic.policy(start.feature).mean, actor_critic.imagine(world_model, start, chances)
    with torch.no_grad():
        memory.hidden[-2].bias.add_(3.0)
    after = actor_critic.policy(start.feature).mean, actor_critic.imagine(world_model, start, chances)
    assert not torch.allclose(before[0], after[0])
    assert not torch.allclose(before[1].states.stoch[:, 1:], after[1].states.stoch[:, 1:])
    after[1].states.feature.sum().backward()  # type: ignore[no-untyped-call] # torch stub
    first = actor_critic.actor[1].weight.grad
    assert first is not None and bool((first[:, -5:].abs().sum() > 0) & (first[:, :-5].abs().sum() > 0))


def test_gate_memory_and_student_learn_and_the_weights_are_logged() -> None:
    run = a_run("vid2act")
    memory, gate = run.agent.actor_critic.memory, run.parts.companions["gate"]
    assert memory is not None
    watched = (*memory.parameters(), *gate.parameters())
    before = [weight.clone() for weight in watched]
    metrics = learn(run)
    assert {"teachers", "hint"} <= metrics.keys()
    moved = [not torch.equal(old, new) for old, new in zip(before, watched, strict=True)]
    assert sum(moved) >= len(moved) - 1  # the gate's last bias is the same for all teachers
    assert run.parts.notes().keys() == {"teacher_1", "teacher_2"}
    assert sum(run.parts.notes().values()) == pytest.approx(1)


def test_a_saved_run_goes_on_as_an_undisturbed_one() -> None:
    whole, cut = a_run("vid2act"), a_run("vid2act")
    for _ in range(4):
        learn(whole)
    for _ in range(2):
        learn(cut)
    again = Finetuning(settings("vid2act"), vid2act(), 0, "cpu")
    again.load_state_dict(cut.state_dict())
    for _ in range(2):
        learn(again)
    for (key, value), other in zip(whole.agent.state_dict().items(), again.agent.state_dict().values(), strict=True):
        torch.testing.assert_close(other, value, rtol=0, atol=0, msg=key)
    for key, value in whole.companions.state_dict().items():
        torch.testing.assert_close(again.companions.state_dict()[key], value, rtol=0, atol=0)


def test_what_the_gate_does_along_the_clip_is_found_with_the_student_of_another_episode_beside_it(
    tmp_path: Path,
) -> None:
    clip = a_teacher(3).clip
    assert clip is not None
    history = [{"updates": 5, "teacher_1": 0.25, "teacher_2": 0.75}, {"updates": 9, "loss": 1.0}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history))
    for gate, blind in (("seeing", False), ("linear", True)):
        parts = vid2act(teachers_gate=gate)
        found = parts.findings[TEACHERS](clip, tmp_path)
        Weighed.model_validate(json.loads(json.dumps(found)))
        assert np.array(found["weights"]).shape == (2, 2, 6)
        np.testing.assert_allclose(np.array(found["weights"]).sum(0), 1, atol=1e-3)
        assert (found["moved"] == 0) == blind
        assert found["history"] == {"steps": [5], "weights": [[0.25, 0.75]]}
        assert found["teachers"] == ["teacher-1", "teacher-2"]


def test_actions_of_another_size_are_filled_up_or_cut() -> None:
    action = torch.ones(2, 3)
    assert fitted(action, 4).tolist() == [[1, 1, 1, 0]] * 2 and fitted(action, 2).shape == (2, 2)
    mixed = source_of("vid2act")._replace(others=(a_teacher(2, action_size=3),))
    metrics = learn(Finetuning(settings("vid2act"), parts_of("vid2act", mixed), 0, "cpu"))
    assert all(torch.isfinite(value).all() for value in metrics.values())


def test_teachers_that_do_not_fit_are_refused_in_a_sentence() -> None:
    networks = {"world_model": {"stoch": 8, "deter": 16}}
    good = {"name": "good", "networks": networks}
    large = {"name": "large", "networks": {"world_model": {"stoch": 8, "deter": 32}}}
    film = {"name": "film", "networks": {"video_model": {"stoch": 8, "deter": 16}}}
    foreign = {"name": "foreign", "networks": {"adapter": {}}}
    for teachers, sentence in (
        ([], "name at least 2"),
        ([good], "weighs several teachers"),
        ([good, large], "large has stoch 8 and deter 32, the world model 8 and 16"),
        ([good, film], "film is a video model without actions"),
        ([good, foreign], "foreign: this checkpoint is another project's model"),
    ):
        with pytest.raises(SettingsError, match=sentence) as refused:
            check_source(settings("vid2act"), None, teachers)
        assert refused.value.problems[0].pointer == "/teachers"
    with pytest.raises(SettingsError, match="from no video model"):
        check_source(settings("vid2act"), film, [good, good])
    with pytest.raises(SettingsError, match="teachers is a setting of vid2act only"):
        build_settings("finetune", "tiny", {"teachers": "a,b"})
    assert isinstance(vid2act().lessons["teachers"], Taught) and isinstance(vid2act().lessons["hint"], Told)


def test_the_names_of_teachers_are_separated_by_commas() -> None:
    section = settings("vid2act", teachers=" a, b ,").section
    assert section.checkpoints == ("a", "b")
    assert {"a", "b"} <= _named({"teachers": " a, b ,"}), "and must not be deleted while the run needs them"
