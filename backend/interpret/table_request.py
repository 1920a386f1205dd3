"""Requests for tables of numbers: most are about one checkpoint and have no other fields."""

from typing import Annotated

from pydantic import Field

from backend.interpret.fields import Id
from backend.interpret.request import ViewRequest, view_request


@view_request
class FactorsRequest(ViewRequest):
    """The factor that each dimension represents."""

    kind = "factors"


@view_request
class IntervalsRequest(ViewRequest):
    """The best factors of each dimension with their intervals."""

    kind = "intervals"


@view_request
class InterventionsRequest(ViewRequest):
    """Names checked in both directions: what an edit draws, and what setting a factor in the simulator moves."""

    kind = "interventions"


@view_request
class LeakageRequest(ViewRequest):
    """How far other dimensions move when the picture of an edit of one is encoded again."""

    kind = "leakage"


@view_request
class InvarianceRequest(ViewRequest):
    """How far latents move when one factor alone changes, beside what their own noise moves them."""

    kind = "invariance"


@view_request
class ForgettingRequest(ViewRequest):
    """How well a life-long agent knew each of its tasks after each of them, and what it has forgotten since.

    For checkpoints at the end of a chapter of `lifelong`.
    """

    kind = "forgetting"


@view_request
class SensitivityRequest(ViewRequest):
    """How far reward, value and actions move for one sigma of each dimension."""

    kind = "sensitivity"

    dataset: Annotated[Id, Field(description="Id of a data set; the checkpoint's own clip if not given.")] = ""


@view_request
class TransferRequest(ViewRequest):
    """What training carried over: matched correlation of each dimension, names kept, lost and gained."""

    kind = "carried"

    reference: Annotated[
        Id, Field(description="Whose dimensions are followed; the run's video model if not given.")
    ] = ""


@view_request
class CompareRequest(ViewRequest):
    """Which dimension of one checkpoint is which of another, of another seed, beta or method."""

    kind = "compare"

    other: Annotated[Id, Field(description="The checkpoint to compare with.")]
