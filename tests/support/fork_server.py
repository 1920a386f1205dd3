"""The process that `Forks` asks: it has imported everything, and each command is a fork of it.

The runs of a worker are forks, too. A process with threads cannot be forked safely, so a worker has a helper, forked
before it begins, that forks its runs. The kernel makes each a child of the worker, which waits for it, signals it and
reads its exit status as always; its session, streams and environment are those that the worker orders.
"""

import atexit
import ctypes
import gc
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

ROOM = {"ROOM_FOR_OTHER_VARIABLES": "-" * 2**15}
"""Environment of the server: a fork writes its own over it, so that /proc shows the environment it was ordered."""
SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER


def serve(imports: Callable[[], None]) -> None:
    """Carry out the orders on standard input, one JSON object per line, each answered with a number."""
    imports()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
            continue
        process = os.fork()
        if process == 0:
            become(order)
        print(process, flush=True)


def import_all() -> None:
    """All that is slow to import, once for every command, and the command line itself, which is as slow to assemble."""
    import torch.utils.tensorboard  # noqa: F401
    import typer.main
    import uvicorn  # noqa: F401

    import backend.__main__
    import backend.envs.process
    import backend.main
    import backend.pipeline.stages
    import backend.runs.worker
    from tests.support import forked_environments

    forked_environments.start()
    vars(forkserver._forkserver)["ensure_running"] = lambda: None  # type: ignore[attr-defined]  # it does, for all forks
    vars(backend.envs.process)["multiprocessing"] = forked_environments

    assembled = typer.main.get_command(backend.__main__.build_app())
    vars(backend.__main__)["build_app"] = lambda: assembled


def import_decoders() -> None:
    """What reads pictures and films, and nothing else: the memory of a decoding process is limited."""
    import backend.data.decode.__main__
    import backend.data.decode.film  # noqa: F401


def become(order: Mapping[str, Any]) -> NoReturn:
    """Carry out a command or a module in this process."""
    os.chdir(order["folder"])
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    streams = [os.open(order["read"], os.O_RDONLY), os.open(order["log"], flags), os.open(order["errors"], flags)]
    detach(streams, {name: value for name, value in os.environ.items() if name not in ROOM} | order["environment"])
    if order["command"][:1] == ["worker"]:
        fork_runs()
    for name, value in order["constants"].items():
        module, _, constant = name.partition(":")
        assert hasattr(sys.modules[module], constant), name
        setattr(sys.modules[module], constant, value)
    end(order["command"], order["module"])


def detach(streams: Sequence[int], environment: Mapping[str, str]) -> None:
    """Lead a session of its own, with these files as standard input, output and error, and this environment."""
    os.setsid()
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
    first = 3
    for descriptor in (*sorted(descriptors_of_environments()), os.sysconf("SC_OPEN_MAX")):
        os.closerange(first, descriptor)
        first = descriptor + 1
    take_environment(environment)


def take_environment(environment: Mapping[str, str]) -> None:
    """Have this environment instead of the one that this process began with, in /proc too."""
    os.environ.clear()
    os.environ.update(environment)  # copies: nothing points to the block at the start of the process any more
    begin, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[47:49])
    block = b"".join(f"{name}={value}\0".encode() for name, value in environment.items())
    assert len(block) <= end - begin, "give the server more room"
    ctypes.memset(begin, ord(" "), end - begin)
    ctypes.memmove(begin, block, len(block))


def descriptors_of_environments() -> list[int]:
    """The open files through which environments are forked."""
    alive = forkserver._forkserver._forkserver_alive_fd  # type: ignore[attr-defined]
    return [] if alive is None else [alive, resource_tracker.getfd()]


def end(command: Sequence[str], module: str | None) -> NoReturn:
    """Carry out a command and end as a process does, but without taking all modules apart, which takes a second."""
    sys.argv = ["diswm", *command]
    code = carry_out(module)
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter calls at its end
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def carry_out(module: str | None) -> int:
    """The exit code of a command or a module."""
    try:
        if module:
            sys.modules.pop(module, None)  # its code runs anew, as __main__
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            from backend.__main__ import main

            main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def fork_runs() -> None:
    """Have the runs of this worker forked by a helper instead of started as new interpreters."""
    orders, ordered = socket.socketpair()
    if os.fork() == 0:
        orders.close()
        start_runs(ordered)
    ordered.close()

    class Run(subprocess.Popen[bytes]):
        """The process of a run; only its start is not Popen's own."""

        def _execute_child(self, command: Sequence[str], *details: Any) -> None:
            environment, pipes = details[5], details[9:15]
            make_subreaper(True)
            socket.send_fds(orders, [json.dumps([command[3:], environment]).encode()], [pipes[0], pipes[3], pipes[5]])
            self.pid = int(orders.recv(64))
            make_subreaper(False)
            self._child_created = True
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]  # as the method does that this one replaces

    constants = {name: getattr(subprocess, name) for name in ("DEVNULL", "TimeoutExpired")}
    vars(sys.modules["backend.runs.child"])["subprocess"] = SimpleNamespace(Popen=Run, **constants)


def start_runs(ordered: socket.socket) -> NoReturn:
    """Fork a run for each order of the worker, until it ends.

    The process between this one and the run ends at once: then the worker, the nearest subreaper, is the run's parent.
    """
    while True:
        order, streams, _, _ = socket.recv_fds(ordered, 2**17, 3)
        if not order:
            os._exit(0)
        between = os.fork()
        if between == 0:
            between = os.getpid()
            if os.fork() != 0:
                os._exit(0)
            while os.getppid() == between:
                time.sleep(0.001)
            with suppress(OSError):  # the worker was killed meanwhile
                ordered.send(str(os.getpid()).encode())
            command, environment = json.loads(order)
            detach(streams, environment)
            end(command, None)
        for stream in streams:
            os.close(stream)
        os.waitpid(between, 0)


def make_subreaper(yes: bool) -> None:
    """Whether this process becomes the parent of orphans among its descendants."""
    ctypes.CDLL(None).prctl(SUBREAPER, int(yes), 0, 0, 0)
