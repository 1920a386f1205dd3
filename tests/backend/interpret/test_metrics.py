"""The metrics give the known answers: aligned about 1, random about 0, rotated lower, order without effect."""

import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from backend.interpret.metrics import (
    dci,
    explicitness,
    infomec,
    lasso_probe,
    linear_probe,
    mig,
    nmi_matrix,
    sap,
    tree_probe,
)

Array = npt.NDArray[np.float64]
NAMES = ("a", "b", "c", "d")
ALL = ("mig", "dci", "dci completeness", "dci lasso", "sap", "infom", "infoc")
EPISODE = np.repeat(np.arange(40), 100)


_KNOWN: dict[str, dict[str, float]] = {}


def independent(seed: int, count: int = 4) -> Array:
    """Frames without memory, so that chance stays small."""
    return np.random.default_rng(seed).uniform(-1, 1, (4000, count))


def scores(latent: Array, factors: Array, names: tuple[str, ...] = NAMES) -> dict[str, float]:
    """Every metric that rewards a dimension for each factor."""
    key = hashlib.sha256(latent.tobytes() + factors.tobytes()).hexdigest()
    if key not in _KNOWN:
        _KNOWN[key] = _scores(latent, factors, names)
    return _KNOWN[key]


def _scores(latent: Array, factors: Array, names: tuple[str, ...]) -> dict[str, float]:
    nmi = nmi_matrix(latent, factors)
    significant = np.where(nmi > 0.05, nmi, 0)[:, np.ptp(factors, axis=0) > 0]
    modular, compact = infomec(significant)
    disentangled, complete, _ = dci(tree_probe(latent, factors, names, EPISODE, 0))
    return {
        "mig": mig(nmi[:, np.ptp(factors, axis=0) > 0]),
        "dci": disentangled,
        "dci completeness": complete,
        "dci lasso": dci(lasso_probe(latent, factors, names, EPISODE))[0],
        "sap": sap(latent, factors, names),
        "infom": modular,
        "infoc": compact,
    }


def rotated(factors: Array) -> Array:
    """Pairs of factors turned by 45 degrees."""
    half = np.sqrt(0.5)
    turn = np.kron(np.eye(2), np.array([[half, -half], [half, half]]))
    return np.asarray(factors @ turn)


def test_aligned_latents_score_nearly_one() -> None:
    factors = independent(0)
    for name, value in scores(2 * factors - 1, factors).items():
        assert value > 0.85, name


def test_random_latents_score_nearly_zero() -> None:
    for name, value in scores(independent(0), independent(1)).items():
        assert value < 0.15, name


@pytest.mark.parametrize("metric", ALL)
def test_a_rotation_of_the_latents_lowers_every_metric(metric: str) -> None:
    factors = independent(0)
    aligned, turned = scores(factors, factors), scores(rotated(factors), factors)
    assert turned[metric] < aligned[metric] - 0.2


@pytest.mark.parametrize("metric", ALL)
def test_the_order_of_dimensions_does_not_matter(metric: str) -> None:
    factors = independent(0)
    latent = factors + 0.3 * independent(1)
    swapped = scores(latent[:, [2, 0, 3, 1]], factors)
    assert swapped[metric] == pytest.approx(scores(latent, factors)[metric], abs=0.02)


@pytest.mark.parametrize("metric", ALL)
def test_the_order_of_factors_does_not_matter(metric: str) -> None:
    factors = independent(0)
    latent = factors + 0.3 * independent(1)
    swapped = scores(latent, factors[:, [3, 1, 0, 2]])
    assert swapped[metric] == pytest.approx(scores(latent, factors)[metric], abs=1e-9)


@pytest.mark.parametrize("metric", ALL)
def test_a_constant_factor_is_ignored(metric: str) -> None:
    factors = independent(0)
    latent = factors + 0.3 * independent(1)
    more = np.c_[factors, np.full(len(factors), 3.0)]
    assert scores(latent, more, (*NAMES, "still"))[metric] == pytest.approx(scores(latent, factors)[metric])


def test_the_sign_and_scale_of_a_dimension_do_not_matter() -> None:
    factors = independent(0)
    flipped = scores(factors * np.array([-1, 5, -0.2, 1]), factors)
    assert flipped == pytest.approx(scores(factors, factors), abs=0.02)


def test_nmi_of_a_copy_is_one_and_of_a_stranger_almost_nothing() -> None:
    values = independent(0, 2)
    nmi = nmi_matrix(values[:, :1], values)
    assert nmi[0, 0] == pytest.approx(1)
    assert nmi[0, 1] < 0.05


def test_explicitness_is_one_for_a_rotation_and_zero_for_noise() -> None:
    factors = independent(0)
    assert explicitness(linear_probe(rotated(factors), factors, NAMES, EPISODE)) > 0.99
    assert explicitness(linear_probe(independent(1), factors, NAMES, EPISODE)) < 0.02


def test_sine_and_cosine_count_as_one_factor() -> None:
    """A dimension that encodes an angle is not called mixed for knowing its sine and its cosine."""
    angle = np.random.default_rng(0).uniform(-1.5, 1.5, 4000)
    other = np.random.default_rng(1).uniform(-1, 1, 4000)
    factors = np.stack([np.sin(angle), np.cos(angle), other], axis=1)
    latent = np.stack([angle, other], axis=1)
    together = dci(tree_probe(latent, factors, ("hip_sin", "hip_cos", "hue"), EPISODE, 0))[0]
    apart = dci(tree_probe(latent, factors, ("one", "two", "hue"), EPISODE, 0))[0]
    assert together > 0.95
    assert apart < together - 0.1
