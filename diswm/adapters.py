"""What a package with a model of its own imports, in a checkout and in an installation alike: docs/adapters.md."""

from backend.data.adapters.trial import AdapterError, try_adapter
from models.adapters.adapter import Adapter, Layout, LayoutError, Spec
from models.types import Belief, Categorical, Gaussian, State

__all__ = [
    "Adapter",
    "AdapterError",
    "Belief",
    "Categorical",
    "Gaussian",
    "Layout",
    "LayoutError",
    "Spec",
    "State",
    "try_adapter",
]
