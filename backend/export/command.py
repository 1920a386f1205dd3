"""The command line that recreates a file; figures, bundles and the page show it."""

import shlex
from collections.abc import Mapping, Sequence

from backend.export.options import ExportOptions
from backend.interpret.request import ViewRequest


def command_line(
    command: str,
    checkpoint: str,
    request: ViewRequest,
    format: str,
    options: ExportOptions,
    *,
    arguments: Sequence[str] = (),
) -> str:
    """`diswm traverse CKPT --dims 3,7 --range 2 ... --format gif`; what is at its default is left out.

    `arguments` are fields that the command takes without the option's name.
    """
    given = {**request.options(), **options.options()}
    words = [str(given.pop(name)) for name in arguments]
    return shlex.join(["diswm", command, checkpoint, *words, *_flags(given), "--format", format])


def _flags(options: Mapping[str, str | bool]) -> list[str]:
    flags = []
    for name, value in options.items():
        if isinstance(value, bool):
            flags.append(f"--{'' if value else 'no-'}{name}")
        else:
            flags += [f"--{name}", value]
    return flags
