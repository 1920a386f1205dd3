"""The command line and the curl that make the same thing as a view of the page."""

import ipaddress
import os
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from frontend.client import own_token, plain
from frontend.state import EXTENTS, Counterfactual, Rollout, Temporal, Traversal, write

STYLE = {"fps": 10.0, "upscale": 2, "width": 5.5, "pingpong": True, "captions": True, "loop": True}
"""How a file is drawn unless one says otherwise."""


def traverse(view: Traversal, form: str, dims: str, style: Mapping[str, Any]) -> str:
    """`diswm traverse ...` for a view; `dims` as the API takes them."""
    options: dict[str, Any] = {"dims": dims, "columns": view.columns, "mode": view.mode}
    if view.mode in EXTENTS:
        options["range"] = view.range
    options |= {view.base: view.source} if view.source else {"base": view.base} if view.base != "clip" else {}
    options |= {"episode": view.episode, "frame": view.frame} if view.base in ("clip", "dataset") else {}
    if not view.history:
        options["history"] = False
    if view.edits:
        options["edits"] = write(view.edits)
    return _command("traverse", view.checkpoint, {**options, **_unusual(style), "format": form})


def rollout(view: Rollout, form: str, style: Mapping[str, Any]) -> str:
    """`diswm rollout ...` for a view."""
    return _command("rollout", view.checkpoint, {**_given(view.api()), **_forward(style), "format": form})


def together(view: Rollout, query: Mapping[str, Any], form: str, style: Mapping[str, Any]) -> str:
    """`diswm rollouts ...` for several checkpoints."""
    return _command("rollouts", view.checkpoint, {**_given(query), **_forward(style), "format": form})


def temporal(view: Temporal, form: str, style: Mapping[str, Any]) -> str:
    """`diswm temporal ...` for a view."""
    return _command("temporal", view.checkpoint, {**_given(view.api()), **_forward(style), "format": form})


def counterfactual(view: Counterfactual, form: str, style: Mapping[str, Any]) -> str:
    """`diswm counterfactual ...` for a view."""
    return _command("counterfactual", view.checkpoint, {**_given(view.api()), **_forward(style), "format": form})


def chart(verb: str, checkpoint: str, options: Mapping[str, Any], form: str, style: Mapping[str, Any]) -> str:
    """`diswm factors ...`, `leakage`, `sensitivity` or `carried` with a format, which writes a figure or a table."""
    return _command(verb, checkpoint, {**_given(options), **_unusual(style), "format": form})


def match(first: str, second: str, form: str, style: Mapping[str, Any]) -> str:
    """`diswm match ...` for two checkpoints."""
    return shlex.join(["diswm", "match", first, second, *_options({**_unusual(style), "format": form})])


def stage(name: str, preset: str, seed: int, changes: Mapping[str, Any]) -> str:
    """`diswm <stage> ...` with what differs from the preset."""
    parts = ["diswm", name, "--preset", preset, "--seed", str(seed)]
    for key, value in changes.items():
        parts += ["--set", f"{key}={'null' if value is None else plain(value)}"]
    return in_home(shlex.join(parts))


def compare(runs: str) -> str:
    """`diswm compare ...` for runs with commas between them."""
    return in_home(shlex.join(["diswm", "compare", *runs.split(","), "--figure", "returns.pdf"]))


def in_home(command: str) -> str:
    """The command from whatever folder: with the home that the page was started for."""
    home = os.environ.get("DISWM_HOME")
    return f"DISWM_HOME={shlex.quote(home)} {command}" if home else command


def curl_get(url: str, path: str, query: Mapping[str, Any]) -> str:
    """curl that downloads a view under its telling name."""
    rest = f"/api/v1{path}?{urlencode({key: plain(value) for key, value in _given(query).items()})}"
    return f"curl -OJ{_token()} {_address(url, rest)}"


def curl_post(url: str, path: str, body: str) -> str:
    """curl that sends JSON."""
    lines = (
        f"curl -X POST{_token()} {_address(url, f'/api/v1{path}')}",
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(body)}",
    )
    return " \\\n  ".join(lines)


def public_url(url: str) -> str | None:
    """The address at which a person reaches the API that the page reaches at `url`; None where nobody can know.

    DISWM_PUBLIC_API_URL says it. Else an address of this machine holds for a browser on this machine, and a full name
    or number for everybody; a bare name such as `api` means something between containers only.
    """
    said = os.environ.get("DISWM_PUBLIC_API_URL", "").rstrip("/")
    if said:
        return said
    if _of_this_machine(urlsplit(url).hostname):
        page = urlsplit(st.context.url or "").hostname
        return url if page is None or _of_this_machine(page) else None
    return url if set(urlsplit(url).hostname or "") & {".", ":"} else None


def _of_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _address(url: str, rest: str) -> str:
    """The quoted address of a request; where the API's is not known, a variable of the shell stands for it."""
    known = public_url(url)
    return f'"$DISWM_API_URL"{shlex.quote(rest)}' if known is None else shlex.quote(f"{known}{rest}")


def _token() -> str:
    """The token's header, where the API asks for one: by its variable, so that it stands in no history of a shell."""
    return ' -H "Authorization: Bearer $DISWM_TOKEN"' if own_token() else ""


def _command(verb: str, checkpoint: str, options: Mapping[str, Any]) -> str:
    return shlex.join(["diswm", verb, checkpoint, *_options(options)])


def _options(options: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, value in options.items():
        if isinstance(value, bool):
            parts.append(f"--{name}" if value else f"--no-{name}")
        else:
            parts += [f"--{name}", plain(value)]
    return parts


def _unusual(style: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in style.items() if value != STYLE[name]}


def _forward(style: Mapping[str, Any]) -> dict[str, Any]:
    """What is unusual in a film that plays forward only."""
    return {name: value for name, value in _unusual(style).items() if name != "pingpong"}


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in query.items() if value is not None}
