"""DreamerV2 from nothing has its own image networks, and neither a prior nor a video model."""

import torch

from tests.support.making import a_run


def test_dreamerv2_has_a_deep_encoder_without_a_prior_and_without_a_teacher() -> None:
    run = a_run("dreamerv2")
    assert run.parts.weights.keys() == {"image", "reward"} and not run.parts.lessons
    model = run.agent.world_model
    channels = [layer.out_channels for layer in model.encoder.convolutions if isinstance(layer, torch.nn.Conv2d)]
    assert channels == [32, 64, 128, 256]
    latent = model.encode(torch.rand(2, 3, 64, 64) - 0.5)
    assert latent.mean.shape == (2, 1024)
    torch.testing.assert_close(latent.sample(torch.ones(2, 1024)), latent.mean, rtol=0, atol=2e-6)
    assert model.decode(torch.zeros(2, model.config.feature)).shape == (2, 3, 64, 64)
