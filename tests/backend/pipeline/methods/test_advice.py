"""An expert's advice: with every method the actor learns the advised actions in the states that it sees."""

from pathlib import Path

import pytest
import torch

from backend.pipeline.methods.catalogue import CATALOGUE
from models.types import Batch
from tests.support.making import a_batch, a_run

BRIGHT = torch.tensor([[1, 0, 0, 1, 0, 1], [0, 1, 0, 0, 1, 1]], dtype=torch.bool)


def advised_batch() -> Batch:
    """In bright frames an action of 0.7 is advised, in dark ones -0.7."""
    batch = a_batch()
    image = torch.where(BRIGHT[..., None, None, None], 250, 5).to(torch.uint8).expand_as(batch.image).contiguous()
    return batch._replace(image=image, advice=torch.where(BRIGHT, 0.7, -0.7)[..., None])


def test_the_actor_learns_to_do_what_is_advised_in_what_it_sees() -> None:
    batch, run = advised_batch(), a_run("dreamerv2", advice=1.0, actor_rate=1e-2)

    def disagreement() -> float:
        with torch.inference_mode():
            observed = run.agent.world_model.infer_online(batch, None, run._objective).observed
            return float((run.agent.actor_critic.policy(observed.states.feature).mode - batch.advice).abs().mean())

    before = disagreement()
    for _ in range(60):
        run.learn(batch, 0)
    assert before > 0.5 and disagreement() < 0.4


@pytest.mark.parametrize("method", [name for name, entry in CATALOGUE.items() if entry.stage == "finetune"])
def test_a_resumed_run_remembers_the_states_in_which_it_was_advised(method: str, tmp_path: Path) -> None:
    batch = advised_batch()
    whole, cut = a_run(method, advice=1.0), a_run(method, advice=1.0)
    lessons = sum(lesson.target_size for lesson in whole.parts.lessons.values())
    batch = batch._replace(target=torch.zeros(2, 6, lessons))
    for _ in range(3):
        whole.learn(batch, 0)
    torch.save(whole.state_dict(), tmp_path / "state.pt")
    cut.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert cut.companions["advice"].state_dict()["states_seen"] == 3 * 12
    expected, found = whole.learn(batch, 0), cut.learn(batch, 0)
    torch.testing.assert_close(found["actor"], expected["actor"], rtol=0, atol=0)
