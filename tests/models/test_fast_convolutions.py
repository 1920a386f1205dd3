"""Every implementation of a convolution gives torch's values and gradients and has torch's parameter names."""

import pytest
import torch
from torch import Tensor, nn

from models.fast_convolutions import Double, FromPoint, Halve, ToPixels, ToPoint

LAYERS = {
    "halve": (Halve(3, 32), nn.Conv2d, (3, 14, 18)),
    "to a point": (ToPoint(5, 8), nn.Conv2d, (5, 4, 4)),
    "from a point": (FromPoint(8, 5), nn.ConvTranspose2d, (8, 1, 1)),
    "double": (Double(8, 5), nn.ConvTranspose2d, (8, 7, 9)),
    "to pixels": (ToPixels(32, 3), nn.ConvTranspose2d, (32, 7, 9)),
}


def with_gradients(layer: nn.Module, forward: type[nn.Module], image: Tensor) -> list[Tensor]:
    """A layer's output for an image, and the gradients of its weighted sum by image, weight and bias."""
    image = image.detach().requires_grad_()
    drawn = forward.forward(layer, image)  # type: ignore[attr-defined] # nn.Module has it
    weights = torch.randn(drawn.shape, generator=torch.Generator().manual_seed(1))
    return [drawn.detach(), *torch.autograd.grad((drawn * weights).sum(), [image, *layer.parameters()])]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_numbers_and_gradients_are_those_of_torch(name: str, layout: torch.memory_format) -> None:
    layer, standard, shape = LAYERS[name]
    torch.manual_seed(0)
    image = torch.randn(5, *shape).contiguous(memory_format=layout)
    mine, theirs = with_gradients(layer, type(layer), image), with_gradients(layer, standard, image)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * float(other.abs().max()))
    with torch.no_grad():
        torch.testing.assert_close(layer(image), theirs[0], rtol=1e-5, atol=1e-5)
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_the_gradient_is_left_as_it_is_where_the_bias_is_frozen() -> None:
    layer = Halve(3, 4)
    assert layer.bias is not None
    layer.bias.requires_grad_(False)
    layer(torch.randn(2, 3, 8, 8)).sum().backward()
    assert layer.weight.grad is not None and layer.bias.grad is None


def test_rows_and_columns_are_not_confused() -> None:
    """A control: with the kernel transposed the forms differ."""
    torch.manual_seed(0)
    layer = ToPixels(4, 1)
    image = torch.randn(1, 4, 3, 3)
    expected = nn.ConvTranspose2d.forward(layer, image).detach()
    with torch.no_grad():
        layer.weight.copy_(layer.weight.transpose(2, 3).clone())
        assert (layer(image) - expected).abs().max() > 0.01


@pytest.mark.parametrize("name", ["halve", "double", "to pixels"])
def test_in_bfloat16_the_bias_learns_in_float32(name: str) -> None:
    layer, _, shape = LAYERS[name]
    image = torch.randn(5, *shape)
    outcomes = []
    for precision in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            drawn = layer(image)
        assert drawn.dtype == precision
        (gradient,) = torch.autograd.grad(drawn.float().square().sum(), [layer.get_parameter("bias")])
        assert gradient.dtype == torch.float32
        outcomes.append(gradient)
    torch.testing.assert_close(outcomes[1], outcomes[0], rtol=0.02, atol=0.02 * float(outcomes[0].abs().max()))
