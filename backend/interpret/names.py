"""What a dimension is called: a person's name first, then its factor's, then its number."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backend.data.checkpoint import Checkpoint

Fate = dict[str, list[str]]
FATES = ("kept", "lost", "gained")


@dataclass(frozen=True)
class DimensionName:
    """The name of a dimension in figures, captions, file names and tables."""

    dim: int
    name: str | None  # None: its meaning is unknown
    source: str  # person, carried, factor, guess or number
    status: str | None  # named, mixed, unnamed, inactive; None if factors have not been computed
    factor: str | None
    nmi: float | None  # also None if it does not exceed chance
    shared: bool = False  # whether another dimension of the checkpoint has the same name

    @property
    def short(self) -> str:
        """`hip angle`, or `dim 7` without a name: for places that show the number as well."""
        return self.name or f"dim {self.dim}"

    @property
    def text(self) -> str:
        """`hip angle`, or `hip angle (dim 7)` if two have that name: for places that show nothing else."""
        return f"{self.name} (dim {self.dim})" if self.name and self.shared else self.short

    @property
    def title(self) -> str:
        """`dim 7: hip angle`, or `dim 7`: unlike the name alone, it is unique."""
        return f"dim {self.dim}: {self.name}{'?' if self.source == 'guess' else ''}" if self.name else f"dim {self.dim}"

    @property
    def caption(self) -> str:
        """`dim 7: hip angle (NMI .81)`, as printed next to a row."""
        number = f"dim {self.dim}"
        if self.name is None:
            return f"{number} ({self.status})" if self.status in ("mixed", "inactive") else number
        of_factor = self.source in ("factor", "guess") and self.nmi is not None
        score = f" (NMI {self.nmi:.2f})".replace("0.", ".") if of_factor else ""
        return f"{number}: {self.name}{'?' if self.source == 'guess' else ''}{score}"


def dimension_names(checkpoint: Checkpoint) -> list[DimensionName]:
    """One name per dimension, in the order of dimensions."""
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
    count = Counter(name.name for name in names)
    return [replace(name, shared=count[name.name] > 1) if name.name else name for name in names]


def told_apart(names: Sequence[str | None]) -> list[str | None]:
    """Names in the order of dimensions; repeated ones are followed by their dimension: `cart position (dim 3)`."""
    count = Counter(names)
    return [f"{name} (dim {dim})" if name and count[name] > 1 else name for dim, name in enumerate(names)]


def fate_of_names(before: Sequence[str | None], survivors: Collection[int], after: Sequence[str | None]) -> Fate:
    """{"kept", "lost", "gained"}: what became of one model's names in another; `kept` ones are in both.

    Gained is a name that no dimension had before. Each named dimension is either kept or lost.
    """
    told, new = told_apart(before), told_apart(after)
    named = [(dim, name) for dim, name in enumerate(told) if name]
    return {
        "kept": sorted(name for dim, name in named if dim in survivors),
        "lost": sorted(name for dim, name in named if dim not in survivors),
        "gained": sorted(name for name, old in zip(new, after, strict=True) if name and old not in before),
    }


def beyond_chance(entry: Mapping[str, Any]) -> bool:
    """Whether the best factor of an entry of the factors' table exceeds its null."""
    return entry.get("nmi") is not None and float(entry["nmi"]) > float(entry.get("null") or 0)
