"""A drawn world with a known best return: a bright square moves where the action points; its place gives the reward.

Nothing is simulated, so it makes thousands of steps per second. Its colours are on lines, like those of `episode`.
"""

import numpy as np
from numpy.typing import NDArray

from backend.envs.distract import Line, colour_at
from backend.envs.protocol import IMAGE_SIZE, Step, check_action

EPISODE_STEPS = 100  # control steps
SPEED = 0.05  # of the way across, a control step at most, on each axis
GOAL = (0.7, 0.3)  # where the reward is 1; not drawn
REACH = 0.3  # squared distance from there at which it is 0
BORDER, SIDE = 6, 16  # pixels: the frame around the picture, the square
FREE = IMAGE_SIZE - 2 * BORDER - SIDE  # pixels that the square can go
FLICKER = 0.2  # std of a colour's step on its line, a control step

LINES: dict[str, Line] = {
    "square_colour": ((1.0, 0.85, 0.2), (0.3, 0.9, 1.0)),
    "background_colour": ((0.05, 0.05, 0.4), (0.4, 0.1, 0.05)),
    "border_colour": ((0.1, 0.5, 0.15), (0.55, 0.25, 0.6)),
}
NEUTRAL = 0.5  # where on its line a colour is that nothing changes


class SquareWorld:
    """Follows `backend.envs.protocol.Environment`; knows its agent's pixels, as `Masked` says.

    The state is the square's place, (x, y) in [0, 1] from the upper left; it is drawn evenly at every reset.
    """

    name = "square-world"
    action_size = 2

    def __init__(self, distraction: str, action_repeat: int) -> None:
        """`distraction`: none; episode draws the colours at reset; set-a moves them at every control step as well."""
        self._coloured, self._flickering = distraction != "none", distraction == "set-a"
        self._action_repeat = action_repeat
        self.episode_steps = -(-EPISODE_STEPS // action_repeat)
        self.factor_names = ("square_x", "square_y", *(LINES if self._coloured else ()))
        self._random = np.random.default_rng(0)
        self._place, self._steps = np.zeros(2), EPISODE_STEPS
        self._colours = np.full(len(LINES), NEUTRAL)  # on the lines, in [0, 1]

    @property
    def place(self) -> NDArray[np.float64]:
        """Where the square is, (2,)."""
        return self._place.copy()

    def reset(self, seed: int) -> Step:
        """Start an episode that depends on nothing but the seed."""
        self._random = np.random.default_rng(seed)
        self._place, self._steps = self._random.uniform(size=2), 0
        if self._coloured:
            self._colours = self._random.uniform(size=len(LINES))
        return self._seen(0.0)

    def step(self, action: NDArray[np.float32]) -> Step:
        """Apply an action (2,) in [-1, 1] for `action_repeat` control steps; their rewards are summed once."""
        check_action(self, action, over=self._steps >= EPISODE_STEPS)
        reward = 0.0
        for _ in range(min(self._action_repeat, EPISODE_STEPS - self._steps)):
            self._place = np.clip(self._place + SPEED * np.clip(action, -1, 1), 0, 1)
            reward += reward_at(self._place)
            self._steps += 1
            if self._flickering:
                moved = self._colours + self._random.normal(0, FLICKER, len(LINES))
                self._colours = np.clip(moved, 0, 1)
        return self._seen(reward)

    def agent_parts(self) -> NDArray[np.uint8]:
        """1 on the pixels that are at least half covered by the square, (64, 64)."""
        return (self._covered() >= 0.5).astype(np.uint8)

    def close(self) -> None:
        """Nothing to free."""

    def _seen(self, reward: float) -> Step:
        return Step(
            image=self._picture(),
            reward=reward,
            discount=1.0,
            is_first=self._steps == 0,
            is_last=self._steps >= EPISODE_STEPS,
            is_terminal=False,
            factors=np.array([*self._place, *(self._colours if self._coloured else ())], np.float32),
        )

    def _picture(self) -> NDArray[np.uint8]:
        square, background, border = (
            255 * colour_at(line, t) for line, t in zip(LINES.values(), self._colours, strict=True)
        )
        picture = np.tile(border, (IMAGE_SIZE, IMAGE_SIZE, 1))
        inside = slice(BORDER, IMAGE_SIZE - BORDER)
        covered = self._covered()[inside, inside, None]
        picture[inside, inside] = background + covered * (square - background)
        return np.round(picture).astype(np.uint8)

    def _covered(self) -> NDArray[np.float64]:
        """Which share of each pixel the square covers, (64, 64); its edges lie between pixels, too."""
        pixel = np.arange(IMAGE_SIZE)
        start = BORDER + FREE * self._place[:, None]
        across, down = np.clip(np.minimum(pixel + 1, start + SIDE) - np.maximum(pixel, start), 0, 1)
        return np.outer(down, across)


def reward_at(place: NDArray[np.float64]) -> float:
    """Reward of a control step that ends at a place (2,): 1 - |place - GOAL|^2 / REACH, at most 1."""
    return float(1 - ((place - np.array(GOAL)) ** 2).sum() / REACH)


def best_return(start: NDArray[np.float64]) -> float:
    """The largest return of an episode that starts at a place (2,).

    The axes do not hinder each other, so straight to the goal on both and staying there is best:
    sum over k of 1 - sum over axes of max(0, |start - GOAL| - k SPEED)^2 / REACH. Reached with an action
    repeat of 1; a larger one comes less than 0.1 % below, since its last action before the goal is divided evenly.
    """
    steps = np.arange(1, EPISODE_STEPS + 1)[:, None]
    left = np.maximum(np.abs(start - np.array(GOAL)) - SPEED * steps, 0)
    return float(EPISODE_STEPS - (left**2).sum() / REACH)


def mean_best_return() -> float:
    """`best_return` on average over the starts of episodes.

    On one axis |start - GOAL| is even over [0, g] and [0, 1 - g], so that the mean of max(0, |start - GOAL| - s)^2
    is (max(0, g - s)^3 + max(0, 1 - g - s)^3) / 3.
    """
    steps = SPEED * np.arange(1, EPISODE_STEPS + 1)[:, None, None]
    sides = np.array([[g, 1 - g] for g in GOAL])
    return float(EPISODE_STEPS - (np.maximum(sides - steps, 0) ** 3).sum() / 3 / REACH)
