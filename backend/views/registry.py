"""Every kind of view with the way it is made. The kinds themselves are declared in `catalogue`."""

from backend.views import imagination, tables
from backend.views.kinds import Builder
from backend.views.traversal import TRAVERSAL

BUILDERS: dict[str, Builder] = {
    "traversal": TRAVERSAL,
    "rollout": imagination.ROLLOUT,
    "temporal": imagination.TEMPORAL,
    "together": imagination.TOGETHER,
    "counterfactual": imagination.COUNTERFACTUAL,
    "factors": tables.FACTORS,
    "intervals": tables.INTERVALS,
    "interventions": tables.INTERVENTIONS,
    "leakage": tables.LEAKAGE,
    "sensitivity": tables.SENSITIVITY,
    "carried": tables.CARRIED,
    "compare": tables.COMPARE,
}
