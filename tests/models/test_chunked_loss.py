"""Images encoded and decoded in parts: the same values and gradients, the feature maps of one part in memory."""

import pytest
import torch

from models import chunked_loss, vae
from models.chunked_loss import decoded_image_loss
from models.config import VideoModelConfig
from models.vae import Decoder, Encoder

CONFIG = VideoModelConfig()


def learned(at_once: int, monkeypatch: pytest.MonkeyPatch) -> tuple[torch.Tensor, list[torch.Tensor], list[int]]:
    """Mean loss of 15 frames, its gradients (features first), and how many frames were decoded at a time."""
    monkeypatch.setattr(chunked_loss, "FRAMES_AT_ONCE", at_once)
    torch.manual_seed(0)
    decoder = Decoder(CONFIG)
    feature = torch.randn(3, 5, CONFIG.feature, requires_grad=True)
    image = torch.rand(3, 5, 3, 64, 64) - 0.5
    sizes: list[int] = []
    decoder.convolutions.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    loss = decoded_image_loss(decoder, feature, image)
    assert loss.shape == (3, 5)
    (2.5 * loss.mean()).backward()  # type: ignore[no-untyped-call] # torch stub
    gradients = [feature.grad, *(parameter.grad for parameter in decoder.parameters())]
    return loss.detach().mean(), [gradient for gradient in gradients if gradient is not None], sizes


def test_value_and_gradients_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    value, gradients, whole = learned(512, monkeypatch)
    in_parts_value, in_parts_gradients, parts = learned(4, monkeypatch)
    assert (whole, parts) == ([15], [4, 4, 4, 3])
    torch.testing.assert_close(in_parts_value, value)
    assert len(gradients) == len(in_parts_gradients) == 1 + len(list(Decoder(CONFIG).parameters()))
    for mine, theirs in zip(in_parts_gradients, gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))


def test_without_a_gradient_every_frame_has_a_value_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_loss, "FRAMES_AT_ONCE", 4)
    with torch.no_grad():
        loss = decoded_image_loss(Decoder(CONFIG), torch.randn(3, 5, CONFIG.feature), torch.rand(3, 5, 3, 64, 64))
    assert len(loss.unique()) == 15


def test_encoding_in_parts_gives_the_same_latents_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    encoder, image = Encoder(CONFIG), torch.rand(3, 5, 3, 64, 64) - 0.5
    outcomes, sizes = [], list[int]()
    encoder.convolutions.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    for at_once in (512, 4):
        monkeypatch.setattr(vae, "FRAMES_AT_ONCE", at_once)
        latent = encoder(image)
        loss = (latent.mean.square() + latent.std).sum()
        outcomes.append([*latent, *torch.autograd.grad(loss, list(encoder.parameters()))])
    assert sizes == [15, 4, 4, 4, 3]
    for mine, theirs in zip(*outcomes, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4 * float(theirs.detach().abs().max()))
    with torch.no_grad():
        encoder(image)
    assert sizes[-1] == 15
