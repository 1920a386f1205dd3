"""The layer that draws an image gives the same numbers in both of its forms."""

import torch

from models.layers import ToPixels


def test_pixels_are_those_of_the_transposed_convolution() -> None:
    torch.manual_seed(0)
    layer = ToPixels(32, 3)
    image = torch.randn(5, 32, 7, 9).contiguous(memory_format=torch.channels_last)
    expected = layer(image)
    assert expected.requires_grad
    with torch.no_grad():
        drawn = layer(image)
    assert drawn.shape == (5, 3, 14, 18)
    torch.testing.assert_close(drawn, expected.detach(), rtol=1e-5, atol=1e-5)
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_rows_and_columns_are_not_confused() -> None:
    """A control: with the kernel transposed the two forms differ."""
    torch.manual_seed(0)
    layer = ToPixels(4, 1)
    image = torch.randn(1, 4, 3, 3)
    expected = layer(image).detach()
    with torch.no_grad():
        layer.weight.copy_(layer.weight.transpose(2, 3).clone())
        assert (layer(image) - expected).abs().max() > 0.01
