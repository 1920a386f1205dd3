"""The environments that a stage's settings, or those of a data set, describe, and the films behind their scenes."""

from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.data.episodes import DatasetInfo, EpisodeError, read_episodes
from backend.envs.make import make_environment
from backend.envs.protocol import withheld_second_look
from backend.envs.vector import ProcessEnvironment
from backend.pipeline.checks import films_of
from backend.pipeline.environments import ByDistraction, PaddedActions, side_by_side
from backend.pipeline.settings import CollectSettings, FinetuneSettings, Problem, SettingsError
from backend.pipeline.settings.environment import EnvironmentSettings

Films = Sequence[NDArray[np.uint8]]
MOST_FILMS, MOST_FRAMES = 32, 64  # that play behind a scene


def acting_environments(settings: FinetuneSettings, films: Films) -> ByDistraction:
    """The run's environment with its distractions: the first one, and possibly another from half of the run on."""
    return ByDistraction(
        partial(one_environment, settings, films, looks_twice=settings.looks_twice),
        first=settings.distraction,
        later=settings.distraction_later or settings.distraction,
        change_at=settings.agent_steps // 2,
        evaluated=settings.evaluate_distraction,
        side_by_side=side_by_side(settings.evaluate_episodes),
    )


def one_environment(
    settings: EnvironmentSettings, films: Films, distraction: str, *, looks_twice: bool = False
) -> PaddedActions:
    """`looks_twice`: its steps hold a second look, unless it shows what only evaluations do and cannot give one."""
    factory = partial(
        make_environment,
        settings.environment,
        distraction=distraction,
        action_repeat=settings.action_repeat,
        look=settings.look,
        films=films,
        second_look=looks_twice and not withheld_second_look(settings.environment, distraction),
    )
    environment = ProcessEnvironment(settings.environment, factory)
    return PaddedActions(environment, environment.action_size)


def first_films(settings: CollectSettings | FinetuneSettings, home: Path) -> Films:
    """The first frames of the first videos of the data set that plays behind the scene; raises SettingsError."""
    dataset = films_of(settings, home, allow_path=True)
    if dataset is None:
        return ()
    try:
        return [episode.image[:MOST_FRAMES] for episode in islice(read_episodes(dataset.folder), MOST_FILMS)]
    except EpisodeError as error:
        raise SettingsError([Problem("/films", str(error))]) from None


def recorded_environments(dataset: DatasetInfo, episodes: int) -> ByDistraction:
    """Environments like the one that a data set was collected in; films play behind none of them."""
    names = EnvironmentSettings.model_fields.keys() - {"films"}
    scene = EnvironmentSettings.model_validate(
        {
            "environment": dataset.environment,
            **{name: dataset.settings[name] for name in names & dataset.settings.keys()},
        }
    )
    make = partial(one_environment, scene, ())
    return ByDistraction(make, scene.distraction, scene.distraction, 0, side_by_side=side_by_side(episodes))
