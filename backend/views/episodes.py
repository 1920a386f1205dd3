"""An episode of a data set as the page plays it: pictures, with reward, actions and factors in step."""

from typing import Any

from numpy.typing import NDArray

from backend.data.episodes import DatasetInfo, read_nth_episode
from backend.interpret.timeline import Curve, curve
from backend.views.images import contact_sheet, data_uri

MOST_FRAMES = 200
"""Frames of one answer: a longer episode is asked for in stretches."""
CELL = 64


def episode_json(info: DatasetInfo, number: int, start: int) -> dict[str, Any]:
    """Frames `start` to `start + MOST_FRAMES` of episode `number`, and a chart of each number that is known of them.

    Raises EpisodeError.
    """
    episode = read_nth_episode(info.folder, number)
    seen = slice(start, start + MOST_FRAMES)
    frames = episode.image[seen]
    charts: dict[str, Curve] = {}
    if episode.reward.any():
        charts["Reward"] = curve(episode.reward[seen])
    charts |= _columns([f"Action {place}" for place in range(episode.action.shape[1])], episode.action[seen])
    charts |= _columns([name.replace("_", " ") for name in episode.factor_names], episode.factors[seen])
    return {
        "dataset": info.id,
        "episode": number,
        "start": start,
        "length": len(episode.image),
        "context": len(frames),
        "cell": CELL,
        "steps": list(range(start, start + len(frames))),
        "frames": data_uri(contact_sheet([frames]), "jpeg"),
        "rows": [{"title": "recorded", "note": "", "kind": "truth"}],
        "curves": [
            {"title": title, "lines": [{"name": "recorded", "values": values}]} for title, values in charts.items()
        ],
    }


def _columns(titles: list[str], values: NDArray[Any]) -> dict[str, Curve]:
    return {title: curve(values[:, place]) for place, title in enumerate(titles)}
