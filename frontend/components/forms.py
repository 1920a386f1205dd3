"""Draws one setting of a schema as the widget that fits it, marks what differs, and shows what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.components.listing import Listing, choose_in, chosen_at, search
from frontend.components.markdown import escape_markdown
from frontend.schema import Field

SEVERAL = ("teachers",)  # settings that name several of a list, with commas between


def draw_field(
    field: Field,
    start: Any,
    preset: Any,
    *,
    key: str,
    references: Mapping[str, Listing],
    wrong: str | None,
    prefix: str = "",
) -> Any:
    """The widget of a setting; returns its value.

    `start`: the first value; `preset`: the preset's value; `references`: lists of ids by setting name; `wrong`: the
    API's error message for it; `prefix`: text before its title.
    """
    with st.container(key=f"{'wrong' if wrong else 'field'}.{key}", gap="xxsmall"):
        value = _widget(field, start, f"{prefix}{title_of_field(field)}", key, references.get(field.key))
        if _seen(field, value) != preset:
            st.markdown(f":orange-badge[changed; preset: {escape_markdown(_text(preset))}]")
        if wrong:
            st.markdown(f":red[:material/error: {escape_markdown(wrong)}]")
    return value


def title_of_field(field: Field) -> str:
    """What a field is called, with the paper's symbol in brackets: plain text, which screen readers read as it is."""
    return f"{field.title} ({field.symbol})" if field.symbol else field.title


def _widget(field: Field, start: Any, label: str, key: str, known: Listing | None) -> Any:
    if field.kind == "boolean" and not field.optional:
        return st.toggle(label, bool(start), key=key, help=_help(field))
    if field.kind == "choice":
        choices = [*field.choices, *([None] if field.optional else [])]
        index = choices.index(start) if start in choices else 0
        return st.selectbox(label, choices, index=index, key=key, help=_help(field), format_func=_text)
    if field.kind == "integer":
        return _integer(field, start, label, key)
    if field.kind == "number":
        return _number(field, start, label, key)
    if known is not None:
        choose = _several if field.key in SEVERAL else _reference
        return choose(field, start, label, key, known)
    return _seen(field, st.text_input(label, _written(field, start), key=key, help=_help(field), placeholder="none"))


def _integer(field: Field, start: int | None, label: str, key: str) -> int | None:
    return st.number_input(
        label,
        min_value=None if field.minimum is None else int(field.minimum),
        max_value=None if field.maximum is None else int(field.maximum),
        value=None if start is None else int(start),
        step=1,
        key=key,
        help=_help(field),
        placeholder="none" if field.optional else "needed",
    )


def _number(field: Field, start: float | None, label: str, key: str) -> float | None:
    """A number box. Open limits (0 < x) are checked by the API, which explains them."""
    return st.number_input(
        label,
        min_value=None if field.minimum is None else float(field.minimum),
        max_value=None if field.maximum is None else float(field.maximum),
        value=None if start is None else float(start),
        step=_step(start),
        format="%g",
        key=key,
        help=_help(field),
        placeholder="none" if field.optional else "needed",
    )


def _reference(field: Field, start: Any, label: str, key: str, known: Listing) -> str | None:
    """A known id, or one that is typed in or found by a search."""
    first = [start] if start else []
    options = [*dict.fromkeys([*first, *known.items, *filter(None, [chosen_at(key)])])]
    chosen = st.selectbox(
        label,
        options,
        index=0 if start else None,
        key=key,
        help=_help(field),
        accept_new_options=True,
        placeholder="none" if field.optional else "choose or type an id",
    )
    search(known, "ids and names", key, lambda item: f"{item['name']} · {item['id']}", choose_in(key))
    return chosen


def _several(field: Field, start: str | None, label: str, key: str, known: Listing) -> str:
    """Several known ids, with commas between."""
    first = [name.strip() for name in (start or "").split(",") if name.strip()]
    chosen = st.multiselect(
        label,
        [*dict.fromkeys([*first, *known.items])],
        first,
        key=key,
        help=_help(field),
        accept_new_options=True,
        placeholder="choose, or type ids" if known.items else "none here fits; type an id",
    )
    return ",".join(chosen)


def _step(start: float | None) -> float:
    """A step of the size of the value's first digit: 0.0003 -> 0.0001."""
    return float(f"1e{int(f'{abs(float(start)):e}'.split('e')[1])}") if start else 0.1


def _help(field: Field) -> str:
    bounds = [
        f"from {field.minimum:g}" if field.minimum is not None else "",
        f"to {field.maximum:g}" if field.maximum is not None else "",
    ]
    limits = " ".join(part for part in bounds if part)
    return f"{field.description}{f' ({limits})' if limits else ''}\n\n`{field.name}`"


def _written(field: Field, value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if field.kind == "json" else str(value)


def _seen(field: Field, value: Any) -> Any:
    """A widget's value as the setting's value: empty text becomes None where that is allowed, and JSON is parsed where
    possible.
    """
    if value == "" and (field.kind == "json" or field.optional):
        return None
    if field.kind == "json" and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _text(value: Any) -> str:
    if value is None or value == "":
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
