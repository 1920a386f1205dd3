"""DisWM and its ablations differ as their names say; both distillations match their papers or code."""

import torch

from backend.pipeline.distill import ReleasedDistillation
from models.losses import distillation_as_released
from models.types import Gaussian
from tests.support.making import a_batch, a_run, learn, parts_of

NAMES = ("diswm", "diswm-no-distillation", "diswm-no-disentanglement")


def released() -> ReleasedDistillation:
    lesson = parts_of("diswm", distillation="as-released").lessons["distillation"]
    assert isinstance(lesson, ReleasedDistillation)
    return lesson


def test_diswm_and_its_ablations_differ_by_what_their_names_say() -> None:
    runs = {method: a_run(method, beta=0.3) for method in NAMES}
    weights = {method: run.parts.weights for method, run in runs.items()}
    assert [run.parts.constraints for run in runs.values()] == [("latent",), ("latent",), ()], "what beta weighs"
    full = {"image": 1.0, "reward": 2.0}
    assert weights["diswm"] == full
    assert weights["diswm-no-disentanglement"] == full | {"latent": 0.0}
    assert weights["diswm-no-distillation"] == full
    assert [list(run.lesson_weights(0).values()) for run in runs.values()] == [[0.1], [], [0.1]]


def test_published_distillation_keeps_its_first_weight_and_moves_the_video_models_encoder() -> None:
    run = a_run("diswm", distillation="as-released", distill_steps=10)
    assert {run.lesson_weights(step)["distill_weight"] for step in (0, 5, 10_000)} == {0.1}
    late = a_run("diswm", distillation="as-released", distill_delay=50_000)
    assert {late.lesson_weights(step)["distill_weight"] for step in (0, 50_000, 100_000)} == {0.0}
    teacher = run.parts.companions["teacher"]
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    learn(run)
    moved = {key.split(".")[0] for key, value in teacher.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {"encoder"}


def test_published_distillation_is_averaged_over_b_and_summed_over_t() -> None:
    lesson, batch = released(), a_batch()
    student = Gaussian(torch.randn(2, 6, 4), torch.rand(2, 6, 4) + 0.1)
    inference = parts_of("diswm").world_model.infer_online(batch)._replace(latent=student)
    value = lesson.loss(batch, batch.target, inference, torch.Generator().manual_seed(5)).mean()
    generator = torch.Generator().manual_seed(5)
    latent = lesson.teacher.encode((batch.image.movedim(-1, -3).float() / 255) - 0.5)
    left, right = (side.sample(torch.randn(2, 6, 4, generator=generator)) for side in (latent, student))
    by_hand = torch.nn.functional.kl_div(
        right.log_softmax(-1).flatten(1), left.softmax(-1).flatten(1), reduction="batchmean"
    )
    torch.testing.assert_close(value, by_hand)
    assert distillation_as_released(left, right).shape == (2, 6)
