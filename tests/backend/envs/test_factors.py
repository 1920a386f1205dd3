"""The physical factors: they say where things are in the picture."""

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.envs.dmc import ControlEnvironment
from backend.envs.make import make_environment
from backend.envs.protocol import CONTROL_TASKS


def _resets(name: str, geom: str, count: int) -> tuple[NDArray[np.float64], NDArray[np.float32], tuple[str, ...]]:
    """Where a geom is in the picture (count, 2) as x, y in pixels, and the factors (count, F)."""
    environment = make_environment(name, distraction="none", random_pose=True)
    assert isinstance(environment, ControlEnvironment)
    camera = environment._scene._camera
    identity = environment._task.physics.model.name2id(geom, "geom")
    places, factors = [], []
    for seed in range(count):
        factors.append(environment.reset(seed).factors)
        rows, columns = np.nonzero(camera.render(segmentation=True)[..., 0] == identity)
        places.append((columns.mean(), rows.mean()))
    environment.close()
    return np.array(places), np.stack(factors), environment.factor_names


def test_cart_position_is_where_the_cart_is_drawn() -> None:
    places, factors, names = _resets("cartpole-swingup", "cart", 12)
    correlation = np.corrcoef(places[:, 0], factors[:, names.index("cart_position")])[0, 1]
    assert correlation > 0.99


def test_pole_angle_is_how_the_pole_is_drawn() -> None:
    poles, factors, names = _resets("cartpole-swingup", "pole_1", 16)
    carts, _, _ = _resets("cartpole-swingup", "cart", 16)
    across, up = (poles - carts).T * np.array([[1], [-1]])
    length = np.hypot(across, up)
    assert np.allclose(factors[:, names.index("pole_angle_sin")], across / length, atol=0.2)
    assert np.allclose(factors[:, names.index("pole_angle_cos")], up / length, atol=0.2)


def test_target_of_the_reacher_is_where_it_is_drawn() -> None:
    places, factors, names = _resets("reacher-easy", "target", 12)
    for axis, name, sign in ((0, "target_x", 1), (1, "target_y", -1)):
        assert np.corrcoef(places[:, axis], sign * factors[:, names.index(name)])[0, 1] > 0.99


@pytest.mark.parametrize("name", CONTROL_TASKS)
def test_factors_vary_over_resets_and_steps_and_angles_lie_on_the_circle(name: str) -> None:
    environment = make_environment(name, distraction="none", random_pose=True)
    random = np.random.default_rng(0)
    rows = []
    for seed in range(4):
        rows.append(environment.reset(seed).factors)
        for _ in range(4):
            rows.append(environment.step(random.uniform(-1, 1, environment.action_size).astype(np.float32)).factors)
    environment.close()
    factors, names = np.stack(rows), environment.factor_names
    still = [name for name, column in zip(names, factors.T, strict=True) if column.std() < 1e-4]
    assert still == []
    for stem in {name.removesuffix("_sin") for name in names if name.endswith("_sin") and "heading" not in name}:
        sine, cosine = factors[:, names.index(f"{stem}_sin")], factors[:, names.index(f"{stem}_cos")]
        assert np.allclose(sine**2 + cosine**2, 1, atol=1e-5)
