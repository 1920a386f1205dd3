"""The traversal scrubber on the page: turns an atlas of the API into what scrubber.js draws."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from frontend.components.assets import register, unheard
from frontend.components.colours import dimension_colour

_SCRUBBER = register("scrubber")


@dataclass(frozen=True)
class Cell:
    """A chosen cell of the grid; column -1 is the one nearest to the frame."""

    dim: int
    column: int


@dataclass(frozen=True)
class Answer:
    """What the user did: the chosen cell; values to hold from now on; a held dimension to release."""

    cell: Cell | None
    hold: tuple[tuple[int, float], ...]
    release: int | None


@dataclass(frozen=True)
class Exact:
    """The model's own picture where several dimensions were slid at once: the name of that place, and a data URI."""

    place: str
    image: str


@dataclass(frozen=True)
class Slid:
    """Where the sliders are: the browser's name of the place, and the value of each dimension that was moved."""

    place: str
    values: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Pair:
    """What a row goes with in another scrubber; `mirror` -1 where its values run the other way."""

    name: str
    mirror: int = 1


def scrubber(
    key: str,
    atlas: Mapping[str, Any],
    *,
    chosen: Sequence[int] = (),
    selected: Cell | None = None,
    held: Sequence[tuple[int, float]] = (),
    exact: Exact | None = None,
    compact: bool = False,
    group: str = "",
    pairs: Mapping[int, Pair] | None = None,
) -> Answer:
    """Draw the atlas. `chosen` dimensions come first and in order; empty: the active ones by KL.

    Scrubbers of one `group` move together: a row goes with the row of the same pair. `exact`: what the model draws for
    the sliders that `slid` tells.
    """
    rows = _rows(atlas, chosen)
    for row in rows:
        pair = (pairs or {}).get(row["dim"], Pair(f"alone-{row['dim']}"))
        row |= {"pair": pair.name, "mirror": pair.mirror}
    content = {
        **{name: atlas[name] for name in ("image", "cell", "columns", "original", "reconstruction", "footprint")},
        "rows": rows,
        "fold": _fold_label(rows, chosen),
        "base": "prior's mean" if (atlas.get("request") or {}).get("base") == "prior" else "frame",
        "unit": atlas["unit"],
        "compact": compact,
        "group": group,
    }
    version = hashlib.sha1(json.dumps(content, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    chips = [{"dim": dim, "text": f"{title_of(atlas, dim)} at {value:+.2f}".replace("-", "−")} for dim, value in held]
    place = {"dim": selected.dim, "column": selected.column} if selected else None
    answer = _SCRUBBER(
        key=key,
        data={
            **content,
            "version": version,
            "held": chips,
            "selected": place,
            "exact": asdict(exact) if exact else None,
        },
        on_slid_change=unheard,
        on_cell_change=unheard,
        on_hold_change=unheard,
        on_release_change=unheard,
    )
    return Answer(
        cell=_cell(answer.cell),
        hold=_values(answer.hold),
        release=None if answer.release is None else int(answer.release),
    )


def last_cell(key: str) -> Cell | None:
    """The cell chosen at the last run of the page, before the scrubber is drawn again."""
    return _cell((st.session_state.get(key) or {}).get("cell"))


def slid(key: str) -> Slid | None:
    """Where the sliders were at the last run of the page; None where none was moved."""
    found = (st.session_state.get(key) or {}).get("slid")
    return Slid(str(found["place"]), _values(found["values"])) if found and found["values"] else None


def title_of(atlas: Mapping[str, Any], dim: int) -> str:
    """What a dimension is called: `dim 7: hip angle`, or `dim 7`."""
    row = next((row for row in atlas["rows"] if row["dim"] == dim), None)
    return title(dim, row["name"], guess=row.get("source") == "guess") if row else title(dim, None)


def title(dim: int, name: str | None, *, guess: bool = False) -> str:
    """`dim 7: hip angle`, `dim 7: hue?` for a guess, or `dim 7` for one without a name."""
    return f"dim {dim}: {name}{'?' if guess else ''}" if name and name != f"dim {dim}" else f"dim {dim}"


def short(value: float) -> str:
    """A share without its leading zero, as figures print it: 0.81 -> `.81`."""
    return f"{value:.2f}".removeprefix("0")


def words_of(factor: str) -> str:
    """A factor's name as the page shows it: `pole_angle_sin` -> `pole angle sin`."""
    return factor.replace("_", " ")


def nats(kl: float) -> str:
    """A KL divergence to two decimals, or that it is less."""
    return f"{kl:.2f}" if kl >= 0.005 else "< 0.01"


def _rows(atlas: Mapping[str, Any], chosen: Sequence[int]) -> list[dict[str, Any]]:
    place = {row["dim"]: index for index, row in enumerate(atlas["rows"])}
    order = [dim for dim in chosen if dim in place] + [dim for dim in place if dim not in chosen]
    rows = []
    for dim in order:
        row = atlas["rows"][place[dim]]
        folded = dim not in chosen if chosen else row["status"] == "inactive"
        rows.append(
            {
                "dim": dim,
                "row": place[dim],
                "title": title_of(atlas, dim),
                "short": f"dim {dim}",
                "colour": dimension_colour(dim),
                "facts": _facts(row),
                "note": _note(row),
                "kl": row["kl"],
                "change": row["change"],
                **{name: row[name] for name in ("values", "sigmas", "frame", "held", "density", "data")},
                "doubt": row.get("doubt"),
                "folded": folded,
            }
        )
    return rows


def _facts(row: Mapping[str, Any]) -> str:
    known = row["status"] != "inactive" and row.get("nmi") is not None
    return f"KL {nats(row['kl'])}" + (f" · NMI {short(row['nmi'])}" if known else "")


def _note(row: Mapping[str, Any]) -> str:
    words = {
        "named": "one factor stands out",
        "mixed": "several factors mixed",
        "unnamed": "no known factor",
        "inactive": "inactive",
    }
    source = "name carried over · " if row.get("source") == "carried" else ""
    return f"{source}{words.get(row['status'], row['status'])} · KL {nats(row['kl'])} nats"


def _fold_label(rows: Sequence[Mapping[str, Any]], chosen: Sequence[int]) -> str:
    count = sum(bool(row["folded"]) for row in rows)
    kind = "other" if chosen else "inactive"
    return f"{count} {kind} dimension{'' if count == 1 else 's'}"


def _cell(value: Mapping[str, Any] | None) -> Cell | None:
    return Cell(int(value["dim"]), int(value["column"])) if value else None


def _values(items: Sequence[Mapping[str, Any]] | None) -> tuple[tuple[int, float], ...]:
    return tuple((int(item["dim"]), float(item["value"])) for item in items or ())
