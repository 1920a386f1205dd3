"""The command line and the curl that make the same thing as a view of the page."""

import ipaddress
import os
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from frontend.client import as_text, client, own_token


def view(
    kind: str, checkpoint: str, query: Mapping[str, Any], form: str, style: Mapping[str, Any] | None = None
) -> str:
    """`diswm <command> CKPT ...` that writes the file which this query of a view downloads; defaults are left out."""
    schema = client().view(kind)
    known = schema["properties"]
    options = {name: value for name, value in query.items() if value not in (None, "", known[name].get("default"))}
    source = options.pop("source", None)
    if source:
        options = {str(options.pop("base")): source, **options}
    words = [str(options.pop(name)) for name in schema["x-arguments"]]
    drawn = {name: value for name, value in (style or {}).items() if _unusual(schema["x-style"], name, value)}
    command = ["diswm", schema["x-command"], checkpoint, *words, *schema["x-words"]]
    return shlex.join([*command, *_options({**options, **drawn, "format": form})])


def stage(name: str, preset: str, seed: int, changes: Mapping[str, Any]) -> str:
    """`diswm <stage> ...` with what differs from the preset."""
    parts = ["diswm", name, "--preset", preset, "--seed", str(seed)]
    for key, value in changes.items():
        parts += ["--set", f"{key}={'null' if value is None else as_text(value)}"]
    return in_home(shlex.join(parts))


def compare(runs: str, sweep: str = "") -> str:
    """`diswm compare ...` for runs with commas between them, or for all runs of a sweep."""
    chosen = ["--sweep", sweep] if sweep else runs.split(",")
    return in_home(shlex.join(["diswm", "compare", *chosen, "--figure", "returns.pdf"]))


def in_home(command: str) -> str:
    """The command with `DISWM_HOME` set to the page's home, so that it works from any folder."""
    home = os.environ.get("DISWM_HOME")
    return f"DISWM_HOME={shlex.quote(home)} {command}" if home else command


def curl_get(url: str, path: str, query: Mapping[str, Any]) -> str:
    """curl that downloads a view under its descriptive file name."""
    rest = f"/api/v1{path}?{urlencode({key: as_text(value) for key, value in _given(query).items()})}"
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
    """The header with the token, where the API needs one: as a variable, so that the token is not saved in the
    shell's history.
    """
    return ' -H "Authorization: Bearer $DISWM_TOKEN"' if own_token() else ""


def _options(options: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, value in options.items():
        if isinstance(value, bool):
            parts.append(f"--{name}" if value else f"--no-{name}")
        else:
            parts += [f"--{name}", as_text(value)]
    return parts


def _unusual(known: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether a style option affects this kind of file and differs from its default."""
    return name in known and value != known[name]["default"]


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in query.items() if value is not None}
