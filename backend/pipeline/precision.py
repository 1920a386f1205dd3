"""The precision of a training run: convolutions in bfloat16, products in TF32, if the hardware has it."""

import torch
from torch import nn

from models.vae import ImageNetwork


def image_precision(device: str) -> torch.dtype:
    """bfloat16 on GPUs and CPUs that multiply it in hardware (AMX or AVX512-BF16), float32 elsewhere."""
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("amx_bf16") or able.get("avx512_bf16") else torch.float32


def convolve_in(precision: torch.dtype, model: nn.Module) -> None:
    """Sets the precision of every image network in `model`; KL, likelihoods and recurrence stay float32."""
    for module in model.modules():
        if isinstance(module, ImageNetwork):
            module.precision = precision


def multiply_fast(device: str) -> None:
    """Lets a GPU multiply float32 matrices with its tensor cores (TF32, 10 bits of mantissa), in this process.

    The products of one update's imagination are 0.3 TFLOP at the paper's sizes: exact ones take an H100 5 ms at its
    nominal peak, where a whole update should take 6. Sums, KL and likelihoods stay float32. Not yet run on a GPU.
    """
    if device.startswith("cuda"):
        torch.backends.cuda.matmul.allow_tf32 = True
