"""The command line that makes a file again; figures, bundles and the page show it."""

import shlex
from dataclasses import fields

from backend.export.options import ExportOptions
from backend.interpret.request import NAMED_BASES, TraversalRequest
from backend.interpret.rollout_request import RolloutRequest, format_edit


def traversal_command(checkpoint: str, request: TraversalRequest, format: str, options: ExportOptions) -> str:
    """`diswm traverse CKPT --dims 3,7 --range 2 ... --format gif`; what is at its default is left out."""
    plain = TraversalRequest()
    words = ["diswm", "traverse", checkpoint]
    for name in ("episode", "frame", "mode", "columns"):
        if getattr(request, name) != getattr(plain, name):
            words += [f"--{name}", str(getattr(request, name))]
    if request.base in NAMED_BASES:
        words += [f"--{request.base}", request.source]
    elif request.base != plain.base:
        words += ["--base", request.base]
    if request.dims is not None:
        words += ["--dims", ",".join(str(dim) for dim in request.dims)]
    if request.extent is not None:
        words += ["--range", f"{request.extent:g}"]
    if not request.history:
        words.append("--no-history")
    if request.edits:
        words += ["--edits", ",".join(f"{dim}:{value!r}" for dim, value in sorted(request.edits.items()))]
    return shlex.join([*words, *_knobs(options), "--format", format])


def rollout_command(checkpoint: str, request: RolloutRequest, format: str, options: ExportOptions) -> str:
    """`diswm rollout CKPT --context 5 --horizon 25 ... --format gif`; without actions that were given."""
    plain = RolloutRequest()
    words = ["diswm", "rollout", checkpoint]
    for name in ("episode", "context", "horizon", "actions", "samples", "seed"):
        if getattr(request, name) != getattr(plain, name):
            words += [f"--{name}", str(getattr(request, name))]
    for edit in request.edits:
        words += ["--edit", format_edit(edit)]
    return shlex.join([*words, *_knobs(options), "--format", format])


def _knobs(options: ExportOptions) -> list[str]:
    words = []
    for field in fields(ExportOptions):
        value = getattr(options, field.name)
        if value == field.default:
            continue
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{field.name}")
        else:
            words += [f"--{field.name}", value if isinstance(value, str) else f"{value:g}"]
    return words
