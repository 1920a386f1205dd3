"""The density of the data along a row of a traversal, from the quantiles stored in a checkpoint."""

import numpy as np
import numpy.typing as npt

from models.traversal import LatentStatistics

POINTS = 48  # of the curve under a row
WHOLE = 1e-9

Floats = npt.NDArray[np.float64]


def density(statistics: LatentStatistics, dim: int, values: Floats) -> list[float]:
    """POINTS heights over a row's values (N,), from half a step before the first to half a step after the last.

    The densest place is 1; 0 means no frames.
    """
    half = (values[-1] - values[0]) / (2 * max(1, len(values) - 1))
    edges = np.linspace(values[0] - half, values[-1] + half, POINTS + 1)
    quantiles = statistics.quantiles[:, dim]
    share = np.diff(np.interp(edges, quantiles, np.linspace(0, 1, len(quantiles)), left=0, right=1))
    return [round(float(height), 3) for height in share / max(WHOLE, share.max())]
