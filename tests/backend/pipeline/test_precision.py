"""Convolutions in bfloat16: the same curve of losses, float32 outside of them, and when not training; TF32 products."""

import pytest
import torch

from backend.bench.workloads import Sizes, example_batch
from backend.pipeline import precision
from backend.pipeline.precision import convolve_in, image_precision, multiply_fast
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.settings import PretrainSettings
from models.types import normalise

SETTINGS = PretrainSettings(batch=2, length=3, learning_rate=1e-3)
CURVE = 0.02  # relative, of the image loss at every update
LATENT = 0.02  # absolute, where latents of fresh weights are within 0.2


def trained(kind: torch.dtype, updates: int) -> tuple[Pretraining, list[float]]:
    run = Pretraining(SETTINGS, 0, "cpu")
    convolve_in(kind, run.model)
    batch = example_batch(Sizes(batch=2, length=3))
    batch = batch._replace(image=batch.image // 8 + 100)
    return run, [float(run.step(batch)["image"].mean()) for _ in range(updates)]


def test_losses_fall_along_the_same_curve() -> None:
    _, exact = trained(torch.float32, 12)
    run, rough = trained(torch.bfloat16, 12)
    assert exact[-1] < exact[0] / 2
    assert rough == pytest.approx(exact, rel=CURVE)
    assert rough != exact
    assert all(parameter.dtype == torch.float32 for parameter in run.model.parameters())


def test_only_what_learns_is_done_in_bfloat16() -> None:
    run, _ = trained(torch.bfloat16, 0)
    image = normalise(example_batch(Sizes(batch=2, length=3)).image)
    learning = run.model.encode(image).mean.detach()
    with torch.no_grad():
        shown = run.model.encode(image).mean
        convolve_in(torch.float32, run.model)
        exact = run.model.encode(image).mean
    assert learning.dtype == torch.float32
    assert torch.equal(shown, exact)
    assert 0 < (learning - exact).abs().max() < LATENT


@pytest.mark.parametrize(
    ("able", "chosen"),
    [({"amx_bf16": True}, torch.bfloat16), ({"avx512_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)],
)
def test_cpus_with_hardware_for_it_use_bfloat16(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], chosen: torch.dtype
) -> None:
    monkeypatch.setattr(precision.torch.cpu, "get_capabilities", lambda: able)
    assert image_precision("cpu") == chosen


def test_products_are_exact_on_cpus_and_by_tensor_cores_on_gpus() -> None:
    products, before = torch.backends.cuda.matmul, torch.backends.cuda.matmul.allow_tf32
    try:
        products.allow_tf32 = False
        multiply_fast("cpu")
        assert not products.allow_tf32
        multiply_fast("cuda:0")
        assert products.allow_tf32
    finally:
        products.allow_tf32 = before
