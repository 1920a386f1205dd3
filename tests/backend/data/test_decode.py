"""The decoding process opens no file after `close_files`, and its limits hold."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

_TRIES = """
import socket, sys
from backend.data.decode.sandbox import close_files
if len(sys.argv) > 1:
    close_files()
for attempt in (lambda: open("/etc/hostname"), lambda: socket.socket(), lambda: __import__("subprocess").run(["true"])):
    try:
        attempt()
        print("opened")
    except OSError:
        print("refused")
"""


def _tries(*arguments: str) -> list[str]:
    command = [sys.executable, "-c", _TRIES, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_closed_files_stop_files_sockets_and_programs() -> None:
    assert _tries("closed") == ["refused"] * 3


def test_without_closing_them_the_same_tries_succeed() -> None:
    assert _tries() == ["opened"] * 3


def _under_limits(limits: str, work: str) -> subprocess.CompletedProcess[str]:
    code = f"from backend.data.decode.sandbox import *; apply_limits(Limits({limits})); {work}; print('done')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("limits", "work", "error"),
    [
        ("memory=2**29", "bytearray(2**30)", "MemoryError"),
        ("max_frames=100", "open('{folder}/out', 'wb').write(bytes(2**21))", "File too large"),
    ],
)
def test_memory_and_written_bytes_are_capped(tmp_path: Path, limits: str, work: str, error: str) -> None:
    ended = _under_limits(limits, work.format(folder=tmp_path))
    assert ended.returncode == 1 and error in ended.stderr
    assert _under_limits("", work.format(folder=tmp_path)).stdout == "done\n"


def test_processor_time_is_capped() -> None:
    ended = _under_limits("seconds=0.1", "any(False for _ in iter(int, 1))")
    assert ended.returncode == -signal.SIGXCPU


_CONNECTS = """
import socket, sys
from backend.data.decode.sandbox import leave_network
listening = socket.create_server(("127.0.0.1", 0))
left = sys.argv[1] == "leave" and leave_network()
try:
    socket.create_connection(listening.getsockname(), timeout=5)
    print(left, "connected")
except OSError:
    print(left, "alone")
"""


@pytest.mark.parametrize("choice", ["leave", "stay"])
def test_the_decoder_leaves_the_network_where_the_system_permits_it(choice: str) -> None:
    unshare = ["unshare", "--user", "--net", "true"], ["unshare", "--net", "true"]
    permitted = any(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in unshare)
    command = [sys.executable, "-c", _CONNECTS, choice]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    gone = choice == "leave" and permitted
    assert said == [str(gone), "alone" if gone else "connected"]
