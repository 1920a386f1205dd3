"""flow: pictures that move by a known way; a hidden part is right if it is taught by whole frames, and wrong if not."""

import copy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from backend.data.clip import Clip
from backend.pipeline.builder import build_settings
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.flow import FlowTeacher, FromHarder, Photometric
from backend.pipeline.offline import OfflineLearning
from backend.pipeline.settings import OfflineSettings, SettingsError
from models.flow import FlowNetwork
from models.flow_losses import flow_distance, photometric
from models.harder import harder_pair, hidden
from models.warp import inside, seen_again, trusted, warp
from tests.support.making import a_batch

SIDE, EDGE = 32, 8
WAYS = ((3, 0), (-3, 0), (0, 3), (0, -3))  # pixels right and down


class Moving(NamedTuple):
    """Pictures, the same moved, and by how much (N, 2, H, W)."""

    first: Tensor
    second: Tensor
    way: Tensor


def drawn(count: int, generator: torch.Generator) -> Moving:
    """Soft coloured spots that move three pixels in one of four directions."""
    spots = torch.rand(count, 3, 12, 12, generator=generator)
    size = SIDE + 2 * EDGE
    large = functional.interpolate(spots, size=(size, size), mode="bicubic").clamp(0, 1) - 0.5
    way = torch.tensor(WAYS)[torch.randint(len(WAYS), (count,), generator=generator)]
    seen = slice(EDGE, EDGE + SIDE)
    second = torch.stack([large[row].roll((down, right), (1, 2)) for row, (right, down) in enumerate(way.tolist())])
    return Moving(
        large[..., seen, seen], second[..., seen, seen], way[:, :, None, None].float().expand(-1, -1, SIDE, SIDE)
    )


def learn(network: FlowNetwork, updates: int, *, taught: bool, seed: int) -> None:
    """From likeness of colours, and if `taught` from a teacher as well, which is the network as it is now."""
    generator = torch.Generator().manual_seed(seed)
    whole = Photometric(network, 8, 1.0, 0.01)
    harder = FromHarder(network, FlowTeacher(network, 0), whole, 1.0)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(updates):
        first, second, _ = drawn(8, generator)
        loss = whole.of_pairs(first, second).mean()
        if taught:
            loss = loss + harder.of_pairs(first, second, generator).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()


@torch.no_grad()
def errors(network: FlowNetwork) -> tuple[float, float]:
    """Mean end-point error in pixels of pictures without their edges, and of a hidden part of the second one."""
    generator = torch.Generator().manual_seed(7)
    first, second, way = drawn(64, generator)
    covered = hidden(second, generator)
    part = (covered != second).any(1)
    inner = (slice(None), slice(6, -6), slice(6, -6))
    whole, harder = ((network(first, other) - way).norm(dim=1) for other in (second, covered))
    return float(whole[inner].mean()), float(harder[part].mean())


def test_flow_is_learned_from_likeness_alone_and_under_a_hidden_part_only_from_a_teacher_that_saw_it() -> None:
    torch.manual_seed(0)
    network = FlowNetwork(16)
    learn(network, 120, taught=False, seed=1)
    untaught, taught = copy.deepcopy(network), copy.deepcopy(network)
    learn(untaught, 100, taught=False, seed=2)
    learn(taught, 100, taught=True, seed=2)
    (seen, blind), (still_seen, under) = errors(untaught), errors(taught)
    assert seen < 0.5 and still_seen < 0.5, "of 3: both know the way of what is seen"
    assert blind > 1.2 and under < 0.8 * blind, (blind, under)


def test_a_flow_is_right_where_the_moved_picture_is_the_first_one_and_wrong_elsewhere() -> None:
    first, second, way = drawn(4, torch.Generator().manual_seed(0))
    seen = inside(way)
    right, wrong, still = (float(photometric(first, second, flow, seen).mean()) for flow in (way, -way, 0 * way))
    assert right < 0.2 and wrong > 1.5 * right and still > 1.5 * right
    torch.testing.assert_close(warp(second, way)[..., 4:-4, 4:-4], first[..., 4:-4, 4:-4])


def square_over_wall() -> tuple[Tensor, Tensor, Tensor]:
    """Flow of a square that moves 4 pixels to the right before a wall, there and back, and the strip that it hides."""
    square, strip = torch.zeros(2, 1, 1, SIDE, SIDE)
    square[..., 8:20, 8:20] = 1
    strip[..., 8:20, 20:24] = 1
    way = torch.tensor([4.0, 0.0]).view(1, 2, 1, 1)
    return square * way, -square.roll(4, -1) * way, strip


def test_the_way_there_and_back_tells_what_is_hidden_and_what_leaves_the_picture() -> None:
    forward, backward, strip = square_over_wall()
    seen = seen_again(forward, backward)
    assert float((1 - seen)[strip > 0].mean()) >= 0.8
    assert float(seen[strip == 0].mean()) > 0.95
    assert seen_again(torch.full((1, 2, SIDE, SIDE), 0.3), torch.full((1, 2, SIDE, SIDE), -0.3)).all()
    out = torch.full((1, 2, SIDE, SIDE), 5.0)
    assert not seen_again(out, -out)[..., -4:].any() and seen_again(out, -out)[..., :-5, :-5].all()


def test_a_flow_that_is_seen_nowhere_again_counts_everywhere() -> None:
    forward, backward, _ = square_over_wall()
    lost = seen_again(forward + 20, backward)
    assert not lost.any() and trusted(lost).all()
    seen = seen_again(forward, backward)
    torch.testing.assert_close(trusted(seen), seen)


def test_nothing_is_taught_where_the_teacher_is_not_confident() -> None:
    student = torch.zeros(1, 2, SIDE, SIDE, requires_grad=True)
    confident = torch.zeros(1, 1, SIDE, SIDE)
    confident[..., :10, :] = 1
    flow_distance(student, torch.full_like(student, 3.0), confident).sum().backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert (student.grad[..., :10, :] != 0).all() and not student.grad[..., 10:, :].any()


def test_a_harder_pair_moves_its_flow_along_and_does_not_know_what_is_repeated_at_the_edge() -> None:
    first, second, way = drawn(16, torch.Generator().manual_seed(3))
    column = torch.arange(SIDE).float().expand(16, 1, SIDE, SIDE)
    marked = torch.cat((column, way[:, 1:]), 1)
    harder, covered, flow, known = harder_pair(
        first, second, marked, torch.ones(16, 1, SIDE, SIDE), torch.Generator().manual_seed(4)
    )
    shift = flow[:, 0, 16, 16] - 16
    assert shift.unique().numel() > 3 and shift.abs().max() <= 4
    for row, by in enumerate(shift.long().tolist()):
        edge = known[row, 0, 10:20]
        assert not (edge[:, -by - 1 :] if by > 0 else edge[:, : 1 - by]).any() and edge[:, 6:-6].all()
    assert not torch.equal(harder, first) and not torch.equal(covered, second)


def settings(**changes: object) -> OfflineSettings:
    sizes = {"latents": 4, "stoch": 8, "deter": 16, "hidden": 16, "units": 16, "batch": 2, "length": 6, "horizon": 3}
    few = {"flow_units": 4, "flow_pairs": 2, "method": "flow", "behaviour_after": 4}
    built = build_settings("offline", "tiny", {**sizes, **few, **changes})
    assert isinstance(built, OfflineSettings)
    return built


def a_run() -> OfflineLearning:
    return OfflineLearning(settings(), build_parts(settings(), None, 1, 0), 0, "cpu")


def test_the_teacher_follows_at_first_then_stands_still_and_a_saved_run_goes_on_as_an_undisturbed_one() -> None:
    whole, cut = a_run(), a_run()
    teacher, network = whole.companions["flow_teacher"], whole.parts.world_model.flow
    assert isinstance(teacher, FlowTeacher) and network is not None
    assert whole.lesson_weights(0) == {"photometric_weight": 10.0, "flow_distillation": 0.0}
    for update in range(2):
        assert {"photometric", "flow_student"} <= whole.learn(a_batch(), update).keys()
        cut.learn(a_batch(), update)
    assert whole.lesson_weights(2)["flow_distillation"] == 10.0
    stood = copy.deepcopy(teacher.network.state_dict())
    whole.learn(a_batch(), 2)
    assert all(torch.equal(value, stood[key]) for key, value in teacher.network.state_dict().items())
    assert any(not torch.equal(value, stood[key]) for key, value in network.state_dict().items())
    again = a_run()
    again.load_state_dict(cut.state_dict())
    again.learn(a_batch(), 2)
    for first, second in ((whole.agent, again.agent), (whole.companions, again.companions)):
        for key, value in first.state_dict().items():
            torch.testing.assert_close(second.state_dict()[key], value, rtol=0, atol=0, msg=key)


def test_a_clip_keeps_the_true_flow_and_settings_of_other_methods_are_refused(tmp_path: Path) -> None:
    flow = np.zeros((2, 3, 64, 64, 3), np.float16)
    flow[..., 0] = 1.5
    image, none = np.zeros((2, 3, 64, 64, 3), np.uint8), np.zeros((2, 3, 0), np.float32)
    Clip(image, none, np.zeros((2, 3), np.float32), none, (), flow=flow).write(tmp_path / "clip.npz")
    again = Clip.read(tmp_path / "clip.npz").flow
    assert again is not None
    np.testing.assert_array_equal(again, flow)
    with pytest.raises(SettingsError, match="flow_units is a setting of flow only"):
        build_settings("offline", "tiny", {"method": "ditto", "flow_units": 8})
    with pytest.raises(SettingsError, match="flow_pairs"):
        settings(flow_pairs=0)
