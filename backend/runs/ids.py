"""Ids of runs: opaque, unguessable, safe as the name of a folder."""

import secrets

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_run_id() -> str:
    """ "run-" and twelve characters (59 bits) that are hard to confuse with one another."""
    return "run-" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
