"""The stand-in's quality line: a pole that is drawn, and imagination that beats guesses from step 5 on."""

from typing import Any

from tests.support.recorded import like

STEPS = ("1", "5", "10", "15", "25", "45")
SEES = (
    "Draws 72 % of the agent's pixels right (the cart and pole); imagination beats every guess from step 5 to step 45."
)


def quality() -> dict[str, Any]:
    """As `GET /checkpoints/{id}/quality` answers."""
    right = {"observed": 0.72, "imagined": _curve(0.7, 0.4)}
    guesses = {
        "repeat_last": {"imagined": _curve(0.8, 0.1)},
        "mean_image": {"observed": 0.05, "imagined": _curve(0.05, 0.05)},
        "observed_mean": {"imagined": _curve(0.6, 0.1)},
    }
    parts = {part: {**right, "mean_image": 0.05} for part in ("cart", "pole")}
    psnr = {
        "model": _curve(31, 27),
        "repeat_last": _curve(33, 24),
        "mean_image": _curve(24, 24),
        "observed_mean": _curve(30, 24),
    }
    reconstruction = {"psnr": {"model": 31.5, "mean_image": 24.1}, "agent_psnr": {"model": 20.1, "mean_image": 9.0}}
    values = {"agent_right": right, "psnr": psnr, "agent_psnr": psnr, "guesses_right": guesses}
    values |= {"reconstruction": reconstruction, "parts": parts}
    return like(
        "quality",
        {
            **values,
            "intervals": {name: _around(tree) for name, tree in values.items()},
            "beats": {"repeat_last": 5, "mean_image": 1, "observed_mean": 5, "all": 5},
            "sees": SEES,
            "mask": "simulator",
            "part": "the cart and pole",
            "agent_share": 0.014,
            "context": 5,
            "episodes": 24,
            "frames": 1200,
            "source": "held out",
            "policy_return": {"mean": 612.0, "std": 30.0, "episodes": 20, "random": 38.0},
        },
    )


def _curve(start: float, end: float) -> dict[str, float]:
    return {step: start + (end - start) * index / 5 for index, step in enumerate(STEPS)}


def _around(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _around(leaf) for name, leaf in tree.items()}
    return [0.95 * tree, 1.05 * tree]
