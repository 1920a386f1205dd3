"""The average of weights that is published: by hand, over a run, and after it was cut."""

import pytest
import torch
from torch import nn

from backend.pipeline.averaging import Average
from backend.pipeline.builder import build_settings
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.settings import PretrainSettings
from models.types import Batch


def test_it_forgets_the_first_weights_soon_and_then_moves_by_what_the_decay_leaves():
    network = nn.BatchNorm1d(1)
    average = Average(network, decay=0.5)
    expected = 1.0
    for updates, value in enumerate((3.0, 5.0, -2.0, 8.0, 8.0, 1.0, 4.0, 6.0, 7.0, 9.0, 2.0, 0.0), 1):
        network.weight.data.fill_(value)
        network.running_mean.fill_(value)
        average.follow(network, updates)
        decay = min(0.5, (1 + updates) / (10 + updates))  # 2/11, 3/12, ..., a half from the eighth update on
        expected = decay * expected + (1 - decay) * value
        assert average.network.weight.item() == pytest.approx(expected, abs=1e-5)
        assert average.network.running_mean.item() == value, "statistics are those of the network"
    assert not average.network.weight.requires_grad and network.weight.requires_grad


def settings(**changes: object) -> PretrainSettings:
    built = build_settings("pretrain", "tiny", {"first_channels": 8, "batch": 2, "length": 4, **changes})
    assert isinstance(built, PretrainSettings)
    return built


def a_batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (2, 4, 64, 64, 3), dtype=torch.uint8, generator=generator)
    first = torch.zeros(2, 4, dtype=torch.bool)
    nothing = torch.zeros(2, 4)
    return Batch(image, torch.zeros(2, 4, 0), nothing, nothing, first, torch.zeros(2, 4, 0))


def test_a_model_learns_the_same_and_is_published_as_the_average_of_what_it_was():
    unaveraged, averaged = (Pretraining(settings(averaging=decay), 0, "cpu") for decay in (0.0, 0.9))
    assert unaveraged.published is unaveraged.model
    expected = {name: weight.clone() for name, weight in averaged.model.named_parameters()}
    for update in range(1, 4):
        for run in (unaveraged, averaged):
            run.step(a_batch(update))
        for name, weight in averaged.model.named_parameters():
            expected[name].lerp_(weight.detach(), 1 - (1 + update) / (10 + update))
    for name, weight in unaveraged.model.named_parameters():
        torch.testing.assert_close(averaged.model.get_parameter(name), weight, rtol=0, atol=0)
        torch.testing.assert_close(averaged.published.get_parameter(name), expected[name])
    moved = [name for name, weight in unaveraged.model.named_parameters() if not torch.equal(weight, expected[name])]
    assert len(moved) > 10, "negative control: an average is not the last weights"


def test_a_run_that_averaged_nothing_so_far_starts_its_average_from_its_weights():
    unaveraged = Pretraining(settings(), 0, "cpu")
    unaveraged.step(a_batch(1))
    resumed = Pretraining(settings(averaging=0.9), 1, "cpu")
    resumed.load_state_dict(unaveraged.state_dict())
    for name, weight in unaveraged.model.named_parameters():
        torch.testing.assert_close(resumed.published.get_parameter(name), weight, rtol=0, atol=0)
