"""DreamerV2, finetuned, is the video model itself as long as no action is taken."""

import torch

from backend.pipeline.methods.build import build_parts
from tests.support.making import a_source, settings


def test_dv2_finetune_goes_on_with_the_pretrained_weights_and_pads_the_action() -> None:
    source = a_source(action_size=3)
    parts = build_parts(settings("dv2-finetune"), source, 1, seed=0)
    assert parts.world_model.config.action_size == parts.actor_critic.config.action_size == 3
    image = torch.rand(2, 5, 3, 64, 64) - 0.5
    latent = parts.world_model.encode(image).mean
    torch.testing.assert_close(latent, source.model.encode(image).mean)
    still = parts.world_model.observe(latent, torch.zeros(2, 5, 3)).states
    torch.testing.assert_close(still, source.model.observe(latent).states)  # without actions: the video model itself
    torch.testing.assert_close(parts.world_model.decode(still.feature), source.model.decode(still.feature))
    assert parts.weights["latent"] == 0 and not parts.lessons
    wider = build_parts(settings("dv2-finetune"), a_source(action_size=1), 4, seed=0)
    assert wider.world_model.config.action_size == 4
