import torch

from models.config import VideoModelConfig, WorldModelConfig
from models.losses import image_loss
from models.types import Batch, normalise
from models.video_model import Objective, VideoModel
from models.world_model import WorldModel

SIZES = {"latents": 4, "stoch": 6, "deter": 8, "hidden": 8, "kernels": (4, 4, 4, 4, 8)}
LENGTH = 8


def a_batch() -> Batch:
    random = torch.Generator().manual_seed(0)
    image = torch.randint(0, 255, (2, LENGTH, 64, 64, 3), dtype=torch.uint8, generator=random)
    first = torch.zeros(2, LENGTH, dtype=torch.bool)
    first[:, 0] = True
    action = torch.rand(2, LENGTH, 2, generator=random) * 2 - 1
    return Batch(image, action, torch.zeros(2, LENGTH), torch.ones(2, LENGTH), first, torch.zeros(2, LENGTH, 0))


def test_overshooting_compares_frames_imagined_from_a_quarter_on_with_the_true_ones():
    torch.manual_seed(0)
    model, batch = VideoModel(VideoModelConfig(**SIZES)).eval(), a_batch()
    inference = model.infer(batch, torch.Generator().manual_seed(1), Objective(overshooting=True))
    states, image = inference.observed.states, normalise(batch.image)
    state, expected = states.at(2), []
    for step in range(3, LENGTH):
        state = model.rssm.imagine_step(state)
        if step in (3, 5, 7):
            expected.append(image_loss(model.decode(state.feature)[:, None], image[:, step : step + 1])[:, 0])
    assert torch.allclose(inference.losses["overshooting"], torch.stack(expected, 1), rtol=1e-5)


def test_overshooting_follows_the_actions_and_teaches_the_prior():
    torch.manual_seed(0)
    model, batch = WorldModel(WorldModelConfig(**SIZES, action_size=2, head_units=8)), a_batch()
    losses = model.infer_online(batch, torch.Generator().manual_seed(1), Objective(overshooting=True)).losses
    losses["overshooting"].mean().backward()
    gradient = model.rssm.get_parameter("prior_moments.weight").grad
    assert gradient is not None and gradient.abs().sum() > 0
    other = batch._replace(action=-batch.action)
    changed = model.infer_online(other, torch.Generator().manual_seed(1), Objective(overshooting=True)).losses
    assert not torch.allclose(losses["overshooting"], changed["overshooting"], rtol=1e-6)


def test_rewards_of_imagined_steps_are_compared_with_those_received_on_arriving():
    torch.manual_seed(0)
    model = WorldModel(WorldModelConfig(**SIZES, action_size=2, head_units=8)).eval()
    batch = a_batch()._replace(reward=torch.arange(2 * LENGTH).reshape(2, LENGTH).float())
    inference = model.infer_online(batch, torch.Generator().manual_seed(1), Objective(overshooting=True))
    state, expected = inference.observed.states.at(2), []
    for step in range(3, LENGTH):
        state = model.rssm.imagine_step(state, batch.action[:, step])
        expected.append(0.5 * (model.reward(state.feature) - batch.reward[:, step]).square())
    assert torch.allclose(inference.losses["reward_ahead"], torch.stack(expected, 1), rtol=1e-4)


def test_the_papers_objective_has_no_overshooting():
    model = VideoModel(VideoModelConfig(**SIZES))
    assert set(model.infer(a_batch()).losses) == {"image", "dynamics", "latent"}
