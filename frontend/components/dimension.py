"""Everything about one dimension: its strip, its factor with interval and scatter, its extreme frames, its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.colours import dimension_colour
from frontend.components.labels import label_form, label_of, origin_of
from frontend.components.markdown import escape_markdown
from frontend.components.notes import note_button, notes_of
from frontend.components.pictures import picture, strip
from frontend.components.scrubber import nats, short, title, words_of
from frontend.components.states import live
from frontend.pages import link

STATUS = {
    "named": ":blue-badge[:material/straighten: measured by NMI]",
    "mixed": ":orange-badge[:material/call_split: mixed]",
    "unnamed": ":gray-badge[:material/question_mark: unnamed]",
    "inactive": ":gray-badge[:material/remove: inactive]",
}
CHECKED = {
    "confirmed": ":green-badge[:material/check: confirmed by intervention]",
    "shared": ":orange-badge[:material/call_split: other factors move it too]",
    "contradicted": ":red-badge[:material/close: contradicted by intervention]",
}
GIVEN = {
    "person": ":violet-badge[:material/person: your name]",
    "carried": ":violet-badge[:material/move_up: name carried over]",
    "guess": ":gray-badge[:material/lightbulb: a guess]",
}


def badges(entry: Mapping[str, Any]) -> str:
    """Where the name of a dimension comes from, and whether measurements and interventions support it.

    Beside a name that a person gave, the badges are grey and name the factor that was measured.
    """
    source = str(entry.get("name_source"))
    checked = CHECKED.get(str(entry.get("check")), "") if entry["status"] == "named" else ""
    found = checked or STATUS.get(entry["status"], "")
    if source in ("person", "carried"):
        found = _of_factor(entry, found)
    return " ".join(part for part in (GIVEN.get(source, ""), found) if part)


def _of_factor(entry: Mapping[str, Any], found: str) -> str:
    """A grey badge with its factor; none where no factor stands out."""
    if entry["status"] != "named":
        return "" if entry["status"] == "unnamed" else found
    icon, _, words = found.partition("[")[2].removesuffix("]").partition(": ")
    return f":gray-badge[{icon}: {escape_markdown(words_of(entry['factor']))}: {words}]"


def best_factor(entry: Mapping[str, Any], episodes: int) -> str:
    """`hip angle .81`; a value no higher than chance is reported as not identified."""
    if entry["nmi"] is None:
        return "no factor can be identified"
    if not entry["beyond_chance"]:
        return f"{words_of(entry['factor'])}: cannot be identified from {episodes} episodes"
    return f"{words_of(entry['factor'])} {short(entry['nmi'])}"


def title_of_entry(entry: Mapping[str, Any]) -> str:
    """What an entry of the factors' table is called: `dim 7: hip angle`."""
    return title(entry["dim"], entry.get("name"), guess=entry.get("name_source") == "guess")


def detail_card(checkpoint: str, entry: Mapping[str, Any], atlas: Mapping[str, Any], episodes: int) -> None:
    """Everything about one dimension."""
    dim = entry["dim"]
    card = client().get(f"/checkpoints/{checkpoint}/factors/{dim}")
    leakage = client().get(f"/checkpoints/{checkpoint}/leakage")
    with st.container(border=True, key="card.detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(escape_markdown(title_of_entry(entry)), anchor=False, width="content")
            st.markdown(badges(entry), width="content")
            st.caption(f"KL {nats(entry['kl'])} nats", width="content")
            link("traversals", "Traversal", {"checkpoint": checkpoint, "dim": str(dim)})
            with st.popover("Name it", icon=":material/label:"):
                label_form(checkpoint, dim, atlas)
            dimension_note(checkpoint, dim)
        strip(atlas, dim, f"Traversal of {title_of_entry(entry)}")
        words, plot = st.columns([1, 1], gap="large")
        with words:
            st.markdown(_evidence(entry, episodes))
            st.markdown(_leaks(dim, leakage))
            _label(checkpoint, dim)
            _extremes(checkpoint, card["extremes"])
        with plot:
            if card.get("scatter"):
                figure = charts.scatter(
                    card["scatter"], f"latent {dim}", words_of(entry["factor"]), dimension_colour(dim)
                )
                st.plotly_chart(figure, key=f"scatter.{dim}", config=charts.CONFIG, alt="Latent against factor")


@live()
def dimension_note(checkpoint: str, dim: int) -> None:
    """Tags and a note about a dimension."""
    note_button("dimension", f"{checkpoint}/{dim}", notes_of("dimension"))


def _evidence(entry: Mapping[str, Any], episodes: int) -> str:
    """Best and second factor in words."""
    if entry["nmi"] is None:
        return "No factor can be identified from these frames."
    low, high = entry["interval"]
    factor = escape_markdown(words_of(entry["factor"]))
    if not entry["beyond_chance"]:
        return (
            f":gray[{factor} {short(entry['nmi'])}: cannot be identified from {episodes} episodes. "
            f"Chance alone gives up to {short(entry['null'])}.]"
        )
    lines = [f"**{factor}** {short(entry['nmi'])} ({short(low)} to {short(high)}), {_sign(entry['sign'])}"]
    if entry.get("second_factor"):
        around = entry.get("second_interval")  # not in tables of an older version
        within = f" ({short(around[0])} to {short(around[1])})" if around else ""
        second = f"{escape_markdown(words_of(entry['second_factor']))} {short(entry['second_nmi'])}{within}"
        lines.append(f"then {second}: a lead of {short(entry['margin'])}")
    lines.append(f"Chance alone gives at most {short(entry['null'])}.")
    return "  \n".join(lines)


def _leaks(dim: int, leakage: Mapping[str, Any]) -> str:
    """The dimension's row of the leakage matrix in words: how far itself, then the others that move most."""
    row = leakage["matrix"][dim]
    others = sorted((other for other in leakage["active"] if other != dim), key=lambda other: -row[other])[:3]
    rest = ", ".join(f"dim {other} by {row[other]:.2f} σ" for other in others)
    return f"An edit of 1 σ, decoded and encoded again, moves it by {row[dim]:.2f} σ" + (
        f"; then {rest}." if rest else "."
    )


def _label(checkpoint: str, dim: int) -> None:
    """Who named it, when, and the note."""
    label = label_of(checkpoint, dim)
    if label:
        note = f": {label['note']}" if label["note"] else ""
        st.caption(escape_markdown(f"{origin_of(label)}{note}"))


def _sign(sign: int) -> str:
    return {1: "rising with the latent", -1: "falling as the latent rises"}.get(sign, "not monotone")


def _extremes(checkpoint: str, extremes: Mapping[str, Sequence[Mapping[str, int]]]) -> None:
    """The frames of the clip where the dimension is lowest and highest."""
    for word, places in (("Lowest in the data", extremes["low"]), ("Highest in the data", extremes["high"])):
        st.caption(word)
        with st.container(horizontal=True, gap="xsmall"):
            for place in places:
                where = f"episode {place['episode']}, frame {place['frame']}"
                picture(client().file(f"/checkpoints/{checkpoint}/frame", dict(place)), where, width=72)
