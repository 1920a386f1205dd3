"""An expert's advice: the actor comes to do what is advised in the states that it sees."""

import torch

from tests.support.making import a_batch, a_run


def test_the_actor_learns_to_do_what_is_advised_in_what_it_sees() -> None:
    batch = a_batch()
    bright = torch.tensor([[1, 0, 0, 1, 0, 1], [0, 1, 0, 0, 1, 1]], dtype=torch.bool)
    image = torch.where(bright[..., None, None, None], 250, 5).to(torch.uint8).expand_as(batch.image).contiguous()
    advised = torch.where(bright, 0.7, -0.7)[..., None]
    run = a_run("dreamerv2", advice=1.0, actor_rate=1e-2)

    def disagreement() -> float:
        with torch.inference_mode():
            observed = run.agent.world_model.infer_online(shown, None, run._objective).observed
            return float((run.agent.actor_critic.policy(observed.states.feature).mode - advised).abs().mean())

    shown = batch._replace(image=image, advice=advised)
    before = disagreement()
    for _ in range(150):
        run.learn(shown, 0)
    assert before > 0.5 and disagreement() < 0.4
