"""Recorded updates equal plain ones; where a recording gives other results, plain updates are used.

CUDA graphs need a GPU (`benchmarks/gpu.py` compares them there); here other recorders stand in their place.
"""

import logging
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from backend.bench.workloads import Sizes, example_batch
from backend.pipeline.cuda_graph import WARM_UPS, Figures, Recorded, Work
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.settings import PretrainSettings

SIZES = Sizes(batch=2, length=3)


class Faithful:
    """Does the work again from the places where inputs were put, as a graph would."""

    def __init__(self) -> None:
        self.recordings = 0

    def run(self, work: Work, inputs: Sequence[Tensor]) -> Figures:
        return work(*inputs)

    def record(self, work: Work, inputs: Sequence[Tensor]) -> Callable[[], Figures]:
        self.recordings += 1
        return lambda: work(*inputs)


class Deaf(Faithful):
    """A recording that looks at other inputs than it is given."""

    def record(self, work: Work, inputs: Sequence[Tensor]) -> Callable[[], Figures]:
        stale = [value * 0 for value in inputs]
        return lambda: work(*stale)


class Impossible(Faithful):
    """What a device says that cannot record."""

    def record(self, work: Work, inputs: Sequence[Tensor]) -> Callable[[], Figures]:
        assert work(*inputs)
        raise RuntimeError("operation not permitted when stream is capturing")


def trained(recorder: Faithful | None, updates: int = WARM_UPS + 4) -> tuple[list[float], dict[str, Tensor]]:
    """Image losses and the weights after updates on a batch that changes every time."""
    run = Pretraining(PretrainSettings(batch=2, length=3, learning_rate=1e-3), 0, "cpu")
    run.recorded = Recorded(run.work, run, recorder)
    batch = example_batch(SIZES)
    losses = []
    for number in range(updates):
        losses.append(float(run.step(batch._replace(image=batch.image // (number + 1)))["image"].mean()))
    assert run.updates == updates
    assert run.recorded.in_use == (type(recorder) is Faithful)
    return losses, run.model.state_dict()


def test_recorded_updates_are_the_plain_ones() -> None:
    recorder = Faithful()
    losses, weights = trained(recorder)
    expected, unrecorded = trained(None)
    assert recorder.recordings == 1
    assert losses == expected and len(set(losses)) == len(losses)
    for name, value in unrecorded.items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(("recorder", "reason"), [(Deaf(), "in the recording"), (Impossible(), "is capturing")])
def test_a_recording_that_fails_or_differs_is_given_up_and_nothing_is_lost(
    recorder: Faithful, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        losses, weights = trained(recorder)
    expected, unrecorded = trained(None)
    assert reason in caplog.text and "slower" in caplog.text
    assert losses == expected
    for name, value in unrecorded.items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=0)
