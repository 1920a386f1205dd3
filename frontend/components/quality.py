"""What a model sees: one sentence under a checkpoint's name, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.markdown import escape_markdown
from frontend.components.states import live, show_problem

NAMES = {
    "model": "this model",
    "repeat_last": "last frame again",
    "mean_image": "mean image",
    "observed_mean": "mean of the observed",
}
MASKS = {
    "simulator": "The agent's pixels as the simulator marks them",
    "moving": "The agent's pixels are not known: those that move are used instead",
    "none": "Nothing moves",
}
FIXED = "\N{NARROW NO-BREAK SPACE}"


@live()
def quality_line(item: Mapping[str, Any]) -> None:
    """The sentence about a checkpoint, which opens a table of its numbers; a button to measure it where it has not
    been measured.
    """
    if not item["sees"]:
        words = ":material/visibility: What this model sees has not been measured. Measure it"
        tip = "Takes a few seconds; the result is saved."
        if st.button(words, type="tertiary", key=f"measure.{item['id']}", help=tip):
            _measure(item["id"])
        return
    words, key = _sentence(item["sees"]), f"numbers.{item['id']}"
    with st.popover(words, type="tertiary", wrap=True, key=key, on_change="rerun") as numbers:
        if numbers.open:
            st.markdown(tables(client().get(f"/checkpoints/{item['id']}/quality")))


def sees(item: Mapping[str, Any]) -> None:
    """The sentence alone, for a list of checkpoints; empty where it was not measured."""
    if item.get("sees"):
        st.caption(_sentence(item["sees"]))


def sees_of_run(run: Mapping[str, Any]) -> None:
    """What the newest checkpoint of a run sees; nothing before there is one."""
    if not run.get("checkpoint"):
        return
    try:
        st.caption(_sentence(client().get(f"/checkpoints/{run['checkpoint']}/quality")["sees"]))
    except ApiProblem:
        return  # it is being deleted or replaced: the next refresh shows the newer one


def tables(quality: Mapping[str, Any]) -> str:
    """Shares of pixels and PSNR as two tables in Markdown, a column per step that was measured."""
    steps = [step for step, value in quality["psnr"]["model"].items() if value is not None]
    shares = {NAMES[name]: _share(quality, _place(name), steps) for name in NAMES}
    parts = {f"its {part}": _share(quality, ("parts", part), steps) for part in quality.get("parts", {})}
    first, *others = shares.items()
    decibels = {NAMES[name]: _decibels(quality, name, steps) for name in NAMES}
    counted = escape_markdown(f"{quality['episodes']} episodes, {quality['frames']:,} frames ({quality['source']})")
    return "\n\n".join(
        [
            "**Agent's pixels that are right, %** (within 40 grey levels of every colour)",
            _table(dict([first, *parts.items(), *others]), steps),
            "**PSNR of the picture, dB**",
            _table(decibels, steps),
            f"{MASKS[quality['mask']]}: {100 * quality['agent_share']:.1f} % of the picture. {counted}; "
            f"{quality['context']} frames are observed before imagination. ±: half of the 95 % interval over episodes.",
            *_returns(quality["policy_return"]),
        ]
    )


def _measure(checkpoint: str) -> None:
    try:
        client().get(f"/checkpoints/{checkpoint}/quality")
    except ApiProblem as problem:
        show_problem(problem)
        return
    st.rerun()


def _sentence(text: str) -> str:
    unseen = "does not see" in text or text.startswith("Nothing")
    return f":material/{'visibility_off' if unseen else 'visibility'}: {escape_markdown(text)}"


def _place(name: str) -> tuple[str, ...]:
    return ("agent_right",) if name == "model" else ("guesses_right", name)


def _share(quality: Mapping[str, Any], place: Sequence[str], steps: Sequence[str]) -> list[str]:
    places = [(*place, "observed"), *((*place, "imagined", step) for step in steps)]
    return [_cell(quality, where, 100, 0) for where in places]


def _decibels(quality: Mapping[str, Any], name: str, steps: Sequence[str]) -> list[str]:
    places = [("reconstruction", "psnr", name), *(("psnr", name, step) for step in steps)]
    return [_cell(quality, where, 1, 1) for where in places]


def _cell(quality: Mapping[str, Any], place: Sequence[str], scale: float, digits: int) -> str:
    """A number, of the model with half of its interval; it is not broken into lines."""
    value, interval = _at(quality, place), _at(quality["intervals"], place)
    if value is None:
        return "–"
    shown = f"{scale * value:.{digits}f}"
    own = place[0] in ("agent_right", "parts") or "model" in place
    if not own or interval is None:
        return shown
    return f"{shown}{FIXED}±{FIXED}{scale * (interval[1] - interval[0]) / 2:.{digits}f}"


def _at(tree: Any, place: Sequence[str]) -> Any:
    for name in place:
        tree = tree.get(name) if tree is not None else None
    return tree


def _table(rows: Mapping[str, Sequence[str]], steps: Sequence[str]) -> str:
    head = ["", "observed", *(f"step{FIXED}{step}" for step in steps)]
    lines = [head, ["---"] * len(head), *([name, *cells] for name, cells in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _returns(returns: Mapping[str, Any] | None) -> list[str]:
    if returns is None:
        return []
    spread = "" if returns["std"] is None else f" ± {returns['std']:.0f}"
    random = "" if returns["random"] is None else f"; random actions earn {returns['random']:.0f}"
    likely, actions = returns.get("most_likely"), ""
    if likely is not None:
        actions = f" with actions drawn from it; its most likely actions earn {likely:.0f}"
    episodes = "" if returns["episodes"] is None else f" over {returns['episodes']} episodes"
    return [f"**Return of the policy:** {returns['mean']:.0f}{spread}{episodes}{actions}{random}."]
