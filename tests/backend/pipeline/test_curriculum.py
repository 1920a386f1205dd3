import pytest
from pydantic import ValidationError

from backend.pipeline.curriculum import beta, cooled, distillation_share, dynamics_weight, shape
from backend.pipeline.settings import FinetuneSettings, PretrainSettings

SEEING_FIRST = PretrainSettings(
    seeing=100, settling=50, beta=0.3, dynamics_weight=1.0, seeing_beta=0.003, seeing_dynamics=0.01, batch=6, length=16
)


def test_weights_are_low_while_seeing_then_grow_by_equal_factors():
    assert [beta(SEEING_FIRST, update) for update in (0, 99)] == [0.003, 0.003]
    assert beta(SEEING_FIRST, 124) == pytest.approx(0.03)
    assert [beta(SEEING_FIRST, update) for update in (149, 10_000)] == [0.3, 0.3]
    assert dynamics_weight(SEEING_FIRST, 124) == pytest.approx(0.1)
    ratios = [beta(SEEING_FIRST, update + 1) / beta(SEEING_FIRST, update) for update in (100, 120, 147)]
    assert ratios == pytest.approx([ratios[0]] * 3)


def test_sequences_are_short_while_seeing_and_a_batch_has_as_many_frames():
    assert shape(SEEING_FIRST, 99, 0.0) == (24, 4)
    assert shape(SEEING_FIRST, 100, 0.0) == (6, 16)


def test_sequences_may_be_longer_while_cooling_and_never_shorter():
    growing = SEEING_FIRST.model_copy(update={"cooling": 0.25, "cooling_length": 48})
    assert [shape(growing, update, share) for update, share in ((100, 0.74), (100, 0.75), (5_000, 1.0))] == [
        *[(6, 16), (2, 48), (2, 48)]
    ]
    assert shape(growing, 99, 0.9) == (24, 4), "seeing comes first"
    assert growing.longest == 48 and SEEING_FIRST.longest == 16
    with pytest.raises(ValidationError, match="become longer while cooling"):
        PretrainSettings(length=16, cooling=0.1, cooling_length=8)
    with pytest.raises(ValidationError, match="sequences of 600 frames are longer than an episode of cartpole-swingup"):
        FinetuneSettings(environment="cartpole-swingup", cooling=0.1, cooling_length=600)
    with pytest.raises(ValidationError, match="nothing cools"):
        PretrainSettings(length=16, cooling_length=20)


def test_by_default_nothing_changes_with_the_update_as_in_the_paper():
    paper = PretrainSettings()
    assert [beta(paper, update) for update in (0, 5, 10**6)] == [0.015] * 3
    assert [dynamics_weight(paper, update) for update in (0, 5, 10**6)] == [1.0] * 3
    assert shape(paper, 0, 0.0) == shape(paper, 0, 1.0) == (50, 50)
    assert cooled(paper, 0.999) == 1


def test_the_learning_rate_falls_to_a_tenth_while_cooling():
    for settings in (
        PretrainSettings(cooling=0.2),
        FinetuneSettings(cooling=0.2),
    ):
        assert cooled(settings, 0.8) == 1
        assert cooled(settings, 0.9) == pytest.approx(0.55)
        assert cooled(settings, 1.0) == pytest.approx(0.1)


def test_distillation_grows_as_beta_does():
    settings = FinetuneSettings(seeing=100, settling=50, beta=0.3, seeing_beta=0.003)
    assert distillation_share(settings, 0) == pytest.approx(0.01)
    assert distillation_share(settings, 124) == pytest.approx(0.1)
    assert distillation_share(settings, 149) == 1
    assert distillation_share(FinetuneSettings(), 0) == 1
    assert distillation_share(FinetuneSettings(beta=0.0), 0) == 1
