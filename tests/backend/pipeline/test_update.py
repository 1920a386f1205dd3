"""A gradient step: clipped by its norm, refused where it is not finite; nothing but `check` waits for the device."""

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from backend.bench.workloads import ACTIONS, Sizes, example_batch
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Source, with_targets
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.report import Diverged
from backend.pipeline.settings import FinetuneSettings, PretrainSettings
from backend.pipeline.update import Update
from models.config import VideoModelConfig
from models.types import Batch
from models.video_model import VideoModel

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "unique", "lift_fresh")


READING = (torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.item, torch.Tensor.cpu)


class NothingWaits(TorchDispatchMode):
    """Fails where the host would need a number from the device, or hands it one by a copy."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def] # torch's own form
        name = func.name().removeprefix("aten::").split(".")[0]
        assert name not in WAITING, f"{func.name()} waits for the device"
        return func(*args, **(kwargs or {}))


class NothingIsOnTheHost(TorchFunctionMode):
    """Fails where a tensor is read on the host, or made without saying on which device."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def] # torch's own form
        kwargs = kwargs or {}
        assert func not in READING, f"{func} waits for the device"
        if func in (
            torch.zeros,
            torch.ones,
            torch.empty,
            torch.full,
            torch.arange,
            torch.rand,
            torch.randn,
            torch.tensor,
        ):
            assert kwargs.get("device") is not None, f"{func.__name__} does not say where"
        return func(*args, **kwargs)


def test_a_long_gradient_is_cut_to_the_limit_and_a_short_one_is_not() -> None:
    for scale, limit, expected in ((10.0, 1.0, 1.0), (0.5, 1.0, 0.5)):
        weight = torch.nn.Parameter(torch.zeros(4))
        update = Update([weight], 0.1, 1e-8, limit)
        norm = update(scale * weight[0])
        moments = update.state_dict()["state"][0]
        assert float(norm) == pytest.approx(scale)
        assert float(moments["exp_avg"][0]) == pytest.approx(0.1 * expected)  # a tenth of the gradient after one step


def test_a_step_whose_gradient_is_not_finite_changes_nothing_and_is_told() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    update = Update([weight], 0.1, 1e-8, 1.0)
    update(weight.sum())
    update.check()
    before, state = weight.detach().clone(), update.state_dict()["state"][0]
    moments = [state[name].clone() for name in ("exp_avg", "exp_avg_sq", "step")]
    for poison in (float("nan"), float("inf")):
        update((poison * weight).sum())
    torch.testing.assert_close(weight.detach(), before, rtol=0, atol=0)
    for name, value in zip(("exp_avg", "exp_avg_sq", "step"), moments, strict=True):
        torch.testing.assert_close(update.state_dict()["state"][0][name], value, rtol=0, atol=0)
    update(weight.sum())  # a good one after it does not hide them
    with pytest.raises(Diverged, match="2 updates were refused; try a smaller learning rate"):
        update.check()


def test_parts_of_a_loss_add_up_to_the_whole() -> None:
    steps = []
    for parts in ((1.0,), (0.25, 0.75)):
        weight = torch.nn.Parameter(torch.ones(3))
        update = Update([weight], 0.1, 1e-8, 100.0)
        for part in parts:
            update.add(part * (weight**2).sum())
        steps.append((float(update.step()), weight.detach().clone()))
    (whole_norm, whole), (norm, summed) = steps
    assert norm == pytest.approx(whole_norm)
    torch.testing.assert_close(summed, whole)


def test_rates_are_those_of_this_run_and_moments_those_of_the_save() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    first, second = Update([weight], 0.1, 1e-8, 1.0), Update([weight], 0.2, 1e-8, 1.0)
    first(weight.sum())
    second.load_state_dict(first.state_dict())
    assert second.optimiser.param_groups[0]["lr"] == 0.2
    torch.testing.assert_close(second.state_dict()["state"][0]["exp_avg"], first.state_dict()["state"][0]["exp_avg"])


def test_a_whole_update_never_waits_for_the_device() -> None:
    sizes = Sizes(batch=2, length=3)
    batch = example_batch(sizes)._replace(moving=torch.rand(2, 3, 64, 64) > 0.5)
    everything = {"motion_weight": 4.0, "coarse_weight": 1.0, "overshooting": 0.3, "batch": 2, "length": 3}
    video = Pretraining(PretrainSettings(**everything), 0, "cpu")
    settings = FinetuneSettings(**everything, horizon=2, discount_layers=1, normalise_returns=True, imagine_every=2)
    source = Source(VideoModel(VideoModelConfig()), ACTIONS)
    online = Finetuning(settings, build_parts(settings, source, ACTIONS, 0), 0, "cpu")
    aimed: Batch = with_targets(batch, online.parts.lessons)
    scalar = torch.tensor(0.1)
    video.step(batch)  # Adam makes its state in the first step
    online.learn(aimed, 0)
    with NothingWaits(), NothingIsOnTheHost():
        video.work(*batch, scalar, scalar)
        online.work(*aimed, scalar[None], scalar, scalar)
    with pytest.raises(AssertionError, match="waits for the device"), NothingIsOnTheHost():
        video.check()
    with pytest.raises(AssertionError, match="waits for the device"), NothingWaits():
        assert scalar > 0
    with pytest.raises(AssertionError, match="does not say where"), NothingIsOnTheHost():
        torch.zeros(3)
