"""The quality line of a checkpoint as work for the executor: the stored one, or measured at the first request."""

from pydantic import BaseModel, ConfigDict, Field

from backend.data.catalogue import NotFound, find_dataset
from backend.data.checkpoint import CheckpointInfo
from backend.interpret.request import ViewError
from backend.interpret.stored_quality import quality_of
from backend.views.checkpoint_cache import CheckpointCache
from backend.views.jobs import Job
from backend.views.serializers import json_answer

CELLS = 2400  # of 24 episodes, 50 frames of each observed and imagined


class QualityQuery(BaseModel):
    """The episodes that the model is measured on."""

    model_config = ConfigDict(frozen=True)

    dataset: str = Field("", max_length=200, description="Id of a data set; what is kept, or the clip, if not given.")


def quality_job(info: CheckpointInfo, checkpoints: CheckpointCache, query: QualityQuery) -> Job:
    """How much the model sees, and whether its imagination beats guesses; raises ViewError for an unknown data set."""
    try:
        dataset = find_dataset(checkpoints.home, query.dataset) if query.dataset else None
    except NotFound as error:
        raise ViewError("dataset", f"there is {error}") from None

    key = ("quality", checkpoints.version(info), None if dataset is None else (dataset.id, dataset.frames))
    stored = checkpoints.quality(info) if dataset is None else None
    if stored is not None:
        return Job(key, 1, lambda: json_answer(stored))
    return Job(key, CELLS, lambda: json_answer(quality_of(checkpoints.load(info), dataset)), long=True)
