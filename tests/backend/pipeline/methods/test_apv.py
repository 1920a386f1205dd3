"""APV stacks a model with actions on the video model and rewards states that are new to the video model."""

from pathlib import Path

import pytest
import torch

from backend.pipeline.builder import build_settings
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.sections.apv import BonusSection
from backend.pipeline.settings import SettingsError
from models.rssm import StackedRSSM
from tests.support.making import SMALL, a_batch, a_run, a_source, learn, parts_of, settings


def test_apv_stacks_a_new_model_with_actions_on_the_pretrained_one_and_rewards_the_new() -> None:
    source = a_source()
    run = Finetuning(settings("apv", bonus_neighbours=2), parts_of("apv", source, bonus_neighbours=2), 0, "cpu")
    rssm = run.agent.world_model.rssm
    assert isinstance(rssm, StackedRSSM)
    latent = torch.randn(2, 5, 4)
    torch.testing.assert_close(rssm.below.observe(latent).states, source.model.observe(latent).states)
    (bonus,) = run.parts.prepare
    assert run.parts.weights["latent"] == 0
    batch = a_batch()
    first = bonus(batch)
    torch.testing.assert_close(first.reward, batch.reward)  # an empty memory finds nothing new
    second = bonus(batch._replace(image=255 - batch.image))
    added = (second.reward - batch.reward) / run.settings.own(BonusSection).bonus_weight
    assert (added >= 0).all() and added.mean() == pytest.approx(1, abs=0.6)
    torch.testing.assert_close(second.image, 255 - batch.image, rtol=0, atol=0)


def test_apv_remembers_what_it_saw_in_a_save(tmp_path: Path) -> None:
    whole, cut = a_run("apv", bonus_neighbours=2), a_run("apv", bonus_neighbours=2)
    learn(whole)
    torch.save(whole.state_dict(), tmp_path / "state.pt")
    cut.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    expected, found = learn(whole), learn(cut)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


def test_a_bonus_that_compares_more_steps_than_a_sequence_has_is_refused() -> None:
    with pytest.raises(SettingsError, match="7 steps do not fit sequences of 6") as refused:
        build_settings("finetune", "tiny", {**SMALL, "method": "apv", "bonus_length": 7})
    assert [problem.pointer for problem in refused.value.problems] == ["/bonus_length"]
