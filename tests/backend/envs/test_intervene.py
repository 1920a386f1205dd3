"""The same episode run twice: a changed factor changes from that step on, and nothing else does."""

from collections.abc import Iterator

import numpy as np
import pytest

from backend.envs.intervene import Change, Simulation

ACTION = np.random.default_rng(0).uniform(-1, 1, (8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with Simulation("cartpole-swingup", distraction="episode") as opened:
        yield opened


def test_a_changed_factor_is_drawn_from_its_step_on_and_the_physics_go_on_as_before(simulation: Simulation) -> None:
    unchanged = simulation.live(3, ACTION)
    again = simulation.live(3, ACTION)
    changed = simulation.live(3, ACTION, Change(4, {"background_colour": 1 - unchanged.factors[0, 7]}))
    assert unchanged.factor_names[7] == "background_colour"
    assert unchanged.image.tobytes() == again.image.tobytes()  # the control: without a change nothing differs
    assert np.array_equal(unchanged.image[:4], changed.image[:4])
    assert all(np.abs(unchanged.image[4:].astype(int) - changed.image[4:]).mean(axis=(1, 2, 3)) > 1)
    assert np.allclose(changed.factors[4:, 7], 1 - unchanged.factors[0, 7])
    others = [index for index in range(len(unchanged.factor_names)) if index != 7]
    assert np.array_equal(unchanged.factors[:, others], changed.factors[:, others])
    assert np.array_equal(unchanged.reward, changed.reward)


def test_a_factor_that_cannot_be_set_is_refused_and_the_next_life_is_lived(simulation: Simulation) -> None:
    with pytest.raises(ValueError, match="'pole_velocity' cannot be set here; there is cart_position"):
        simulation.live(3, ACTION, Change(4, {"pole_velocity": 1.0}))
    with pytest.raises(ValueError, match="finite"):
        simulation.live(3, ACTION, Change(4, {"light": float("nan")}))
    assert len(simulation.live(3, ACTION).image) == 8
