"""What a dimension is called: a person's name first, then its factor's, then its number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.data.checkpoint import Checkpoint


@dataclass(frozen=True)
class DimensionName:
    """A dimension as figures, captions, file names and tables call it."""

    dim: int
    name: str | None  # None: nobody knows what it means
    source: str  # person, carried, factor, guess or number
    status: str | None  # named, mixed, unnamed, inactive; None where factors have not been computed
    factor: str | None
    nmi: float | None  # None also where it is no more than chance gives

    @property
    def text(self) -> str:
        """`hip angle`, or `dim 7` where there is no name."""
        return self.name or f"dim {self.dim}"

    @property
    def title(self) -> str:
        """`dim 7: hip angle`, or `dim 7`: unlike the name alone it is never that of another dimension."""
        return f"dim {self.dim}: {self.name}{'?' if self.source == 'guess' else ''}" if self.name else f"dim {self.dim}"

    @property
    def caption(self) -> str:
        """`dim 7: hip angle (NMI .81)`, as printed beside a row."""
        number = f"dim {self.dim}"
        if self.name is None:
            return f"{number} ({self.status})" if self.status in ("mixed", "inactive") else number
        of_factor = self.source in ("factor", "guess") and self.nmi is not None
        score = f" (NMI {self.nmi:.2f})".replace("0.", ".") if of_factor else ""
        return f"{number}: {self.name}{'?' if self.source == 'guess' else ''}{score}"


def dimension_names(checkpoint: Checkpoint) -> list[DimensionName]:
    """One name a dimension, in the order of dimensions."""
    factors = checkpoint.factors or {}
    entries = {int(entry["dim"]): entry for entry in factors.get("dimensions", [])}
    labels = checkpoint.labels
    guessed = bool(factors.get("guessed"))
    names = []
    for dim in range(checkpoint.model.config.latents):
        entry = entries.get(dim, {})
        name, source = entry.get("name"), "guess" if guessed else "factor"
        if dim in labels:
            name, source = labels[dim].name, "carried" if labels[dim].carried_from else "person"
        known = source if name else "number"
        nmi = entry.get("nmi") if beyond_chance(entry) else None
        names.append(DimensionName(dim, name, known, entry.get("status"), entry.get("factor"), nmi))
    return names


def beyond_chance(entry: Mapping[str, Any]) -> bool:
    """Whether the best factor of an entry of the factors' table is more than its null gives."""
    return entry.get("nmi") is not None and float(entry["nmi"]) > float(entry.get("null") or 0)
