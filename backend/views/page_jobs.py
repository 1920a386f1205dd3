"""Jobs that only the page asks for: the atlas, scores over episodes."""

from dataclasses import replace

from backend.data.checkpoint import CheckpointInfo
from backend.interpret.rollout import MOST_EPISODES, scores_over_episodes
from backend.interpret.rollout_request import MAX_FRAMES, ScoresRequest
from backend.interpret.traversal_request import AtlasRequest
from backend.views import traversal
from backend.views.catalogue import KINDS
from backend.views.checkpoint_cache import CheckpointCache
from backend.views.jobs import Job, refuse_over_budget, refuse_unable
from backend.views.kinds import Budget
from backend.views.serializers import atlas_answer, json_answer


def atlas_job(info: CheckpointInfo, checkpoints: CheckpointCache, request: AtlasRequest, format: str) -> Job:
    """Every dimension at every value as one picture; raises Problem or ViewError before any of it is done."""
    refuse_unable(KINDS["traversal"], info)
    whole = replace(request, dims="all")
    budget = traversal.cells(info, whole)
    refuse_over_budget(budget)
    traversal.check(info, whole, checkpoints)
    key = ("atlas", checkpoints.version(info), repr(request), format)
    return Job(
        key, budget.cost, lambda: atlas_answer(checkpoints.load(info), request, format, checkpoints.frames(request))
    )


def scores_job(info: CheckpointInfo, checkpoints: CheckpointCache, request: ScoresRequest) -> Job:
    """How close rollouts come to the truth over episodes; raises Problem before any of it is done."""
    asked = request.rollout
    refuse_over_budget(Budget(asked.steps * 3, MAX_FRAMES, "horizon", "frames"))
    key = ("scores", checkpoints.version(info), repr(asked))
    cost = asked.steps * MOST_EPISODES * 2
    return Job(key, cost, lambda: json_answer(scores_over_episodes(checkpoints.load(info), asked)))
