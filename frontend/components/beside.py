"""Two checkpoints beside each other: choosing the second one, and two scrubbers that move together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.listing import Listing, listing, search
from frontend.components.markdown import escape_markdown
from frontend.components.pick import describe, select
from frontend.components.quality import sees
from frontend.components.scrubber import Cell, Pair, scrubber
from frontend.components.states import empty, gone, live
from frontend.places import key_of

GROUP = "beside"
ROWS = 8
COLUMNS = 9


def choose_second(place: str, first: str, second: str, choose: Callable[[str], None]) -> str:
    """The other checkpoint, of the same environment at first; empty where none is chosen, with a hint on what to do.
    `first` is the header's; a `second` that no longer exists is reported; `choose` opens one that a search found.
    """
    listed = listing("/checkpoints", [first, second])
    found = listed.items
    if len(found) < 2 and not listed.more:
        empty(
            "Two checkpoints are needed",
            "A pipeline writes two: the pretrained video model, and the world model that was distilled from it.",
            ":material/compare_arrows:",
            page="train",
            label="Open the training form",
        )
        return ""
    if second and second not in found:
        gone("checkpoint", second, "Another one is shown.")
    start = second if second in found else partner(first, listed)
    options = [*([] if start else [""]), *found]
    names = lambda id: describe(found[id]) if id else "choose a checkpoint"  # noqa: E731
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen: str = select("Beside", options, start, names=names, key=key_of(place, "second", first), width=420)
        search(listed, "checkpoints", f"{place}.second", describe, choose)
    if not chosen:
        st.info(
            f"No other checkpoint learned from the same environment as {escape_markdown(found[first]['name'])}. "
            "Choose one above to compare with anyway, or train a second one.",
            icon=":material/compare_arrows:",
        )
    return chosen


def partner(id: str, listed: Listing) -> str:
    """Another checkpoint of the same environment: the newest that is listed."""
    environment = listed.items[id]["environment"]
    same = (other for other, item in listed.items.items() if environment and item["environment"] == environment)
    return next((other for other in same if other != id), "")


@live()
def side_by_side(first: str, second: str, matches: Sequence[Mapping[str, Any]]) -> None:
    """Two scrubbers that move together, matched row by matched row."""
    atlases = [client().get(f"/checkpoints/{name}/atlas", {"columns": COLUMNS}) for name in (first, second)]
    details = [client().get(f"/checkpoints/{name}") for name in (first, second)]
    matches = _strongest(matches, atlases[0])
    sides = zip(st.columns(2, gap="large"), ("first", "second"), atlases, details, strict=True)
    for column, side, atlas, detail in sides:
        chosen = [match[side] for match in matches]
        pairs = {match[side]: _pair(match, side) for match in matches}
        with column:
            st.markdown(f"**{escape_markdown(detail['name'])}**")
            sees(detail)
            start = Cell(chosen[0], -1) if chosen else None
            key = f"{GROUP}.{side}.{first}.{second}"
            scrubber(key, atlas, chosen=chosen, selected=start, compact=True, group=GROUP, pairs=pairs)
    st.caption("Scrub on either side: the matched dimension of the other follows.")


def _pair(match: Mapping[str, Any], side: str) -> Pair:
    return Pair(f"{match['first']}-{match['second']}", match["sign"] if side == "second" and match["sign"] else 1)


def _strongest(matches: Sequence[Mapping[str, Any]], atlas: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The matches of the first checkpoint's strongest dimensions, by KL."""
    by_first = {match["first"]: match for match in matches}
    active = [row["dim"] for row in atlas["rows"] if row["status"] != "inactive"]
    return [by_first[dim] for dim in active if dim in by_first][:ROWS]
