"""A SLURM of two nodes on this machine, from Debian's packages, in a temporary folder."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import free_port, until

NODES = ("n1", "n2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue", "sinfo")
SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/linear
SchedulerParameters=batch_sched_delay=1,sched_interval=5
ReturnToService=2
KillWait=30
SlurmdTimeout=30
{nodes}
PartitionName=all Nodes=ALL Default=YES State=UP
"""


class Cluster:
    """A running SLURM: each node takes one job at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "slurm.conf"
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What SLURM's commands need to find it."""
        return {"SLURM_CONF": str(self.settings), "PATH": f"{os.environ['PATH']}:/usr/sbin"}

    def ask(self, *command: str) -> str:
        """The answer of one of SLURM's commands."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (command, done.stderr, self.told())
        return done.stdout.strip()

    def jobs(self) -> dict[str, tuple[str, str]]:
        """State and node of every job that SLURM remembers, by its id in the array: `1_2`."""
        lines = self.ask(
            "squeue", "--all", "--array", "--noheader", "--states=all", "--format=%F_%K %T %N"
        ).splitlines()
        return {line.split()[0]: (line.split()[1], "".join(line.split()[2:])) for line in lines}

    def lose(self, node: str) -> None:
        """End a node and everything on it at once, as if its power had failed."""
        daemon = self.daemons.pop(node)
        daemon.kill()
        for process in self._jobs_on(node):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        daemon.wait()

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._start("slurmd", "-D", "-N", node, "-f", str(self.settings), name=node)

    def start(self) -> None:
        """Start all of it, and wait until both nodes take jobs."""
        self._write()
        self._start("munged", "--foreground", "--force", *self._munge())
        until((self.folder / "munge.socket").exists)
        self._start("slurmctld", "-D", "-f", str(self.settings))
        for node in NODES:
            self.start_node(node)
        until(lambda: self.ask("sinfo", "--noheader", "--format=%T %D") == f"idle {len(NODES)}", 90)

    def stop(self) -> None:
        """End it, and the jobs that still run."""
        for process in [process for node in NODES for process in self._jobs_on(node)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for daemon in reversed(self.daemons.values()):
            daemon.send_signal(signal.SIGTERM)
        for daemon in self.daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def told(self) -> str:
        """The ends of the logs, for a test that fails."""
        return "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in sorted(self.folder.glob("*.log")))

    def _jobs_on(self, node: str) -> list[psutil.Process]:
        """The processes of a node's jobs, and those that watch them."""
        ours, found = {"SLURM_CONF": str(self.settings), "SLURMD_NODENAME": node}, []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if ours.items() <= process.environ().items():
                    watching = [parent for parent in process.parents()[:1] if "slurmstepd" in parent.name()]
                    found += [*watching, process, *process.children(recursive=True)]
        return found

    def _write(self) -> None:
        host = socket.gethostname()
        nodes = [f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1" for node in NODES]
        text = SETTINGS.format(host=host, port=free_port(), folder=self.folder, nodes="\n".join(nodes))
        self.settings.write_text(text)
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)

    def _munge(self) -> Sequence[str]:
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        return [f"--{option}={self.folder}/munge.{end}" for option, end in files.items()]

    def _start(self, program: str, *options: str, name: str = "") -> None:
        name = name or program
        with (self.folder / f"{name}.log").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                [program, *options], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running SLURM. Where its packages are not installed, or without root, the test is skipped."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    if os.getuid() != 0 or not all(shutil.which(program, path=path) for program in PROGRAMS):
        pytest.skip("a real SLURM needs root and Debian's packages: scripts/system-packages.sh slurm")
    with tempfile.TemporaryDirectory(prefix="diswm-slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # munged refuses a socket that nobody else could reach
        running = Cluster(folder)
        try:
            running.start()
            yield running
        finally:
            running.stop()
