"""Which episodes of a data set are trained on, and whether they are long enough."""

from collections.abc import Sequence
from typing import TypeVar

from backend.data.episodes import DatasetInfo
from backend.pipeline.settings import Problem, SettingsError

Episode = TypeVar("Episode")


def split(episodes: Sequence[Episode], held_out: int) -> tuple[Sequence[Episode], Sequence[Episode]]:
    """The episodes to train on and the last `held_out` ones, at most half of all. Raises SettingsError."""
    if len(episodes) < 2:
        message = f"the data set has {len(episodes)} episode; at least 2 are needed, one of them held out"
        raise SettingsError([Problem("/dataset", message)])
    count = min(held_out, len(episodes) // 2)
    return episodes[: len(episodes) - count], episodes[len(episodes) - count :]


def check_trainable(dataset: DatasetInfo, length: int, held_out: int) -> None:
    """Raises SettingsError unless an episode that is trained on has `length` frames."""
    training, withheld = split(dataset.lengths, held_out)
    longest = max(training)
    if longest >= length:
        return
    message = f"sequences of {length} frames are longer than the longest episode to train on ({longest} frames)"
    if max(withheld, default=0) >= length:
        message += f"; the last {len(withheld)} of {len(dataset.lengths)} episodes are held out"
    raise SettingsError([Problem("/length", message)])
