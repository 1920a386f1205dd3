"""`diswm pilots`: the job script that starts workers on a cluster; SLURM, Ray or Kubernetes then runs it."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from backend.cli.context import checked_settings, complain

SAVING_MINUTES = 2
"""A worker ends so long before its job does, to have time to save."""
SHORTEST_MINUTES = 5
_UNITS = {"m": 1, "h": 60, "d": 24 * 60}


class Pilots(NamedTuple):
    """Workers to start: how many, for how long, when they give up, on which home."""

    workers: int
    minutes: int
    idle_s: int
    home: Path
    options: Sequence[str]
    labels: str | None = None

    @property
    def work(self) -> list[str]:
        """Arguments of each worker."""
        limits = ["--until-idle", str(self.idle_s), "--max-minutes", str(self.minutes - SAVING_MINUTES)]
        return ["worker", *limits, *(["--labels", self.labels] if self.labels else [])]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(pilots)


def pilots(
    context: typer.Context,
    engine: Annotated[str, typer.Argument(help="slurm, ray or k8s.")],
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Workers to start.")] = 1,
    time: Annotated[str, typer.Option(help="How long each may run: 30m, 4h or 2d.")] = "4h",
    idle: Annotated[int, typer.Option(min=1, help="A worker ends after so many seconds without a run.")] = 120,
    labels: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Labels of the workers, for runs with --device cuda@A.")
    ] = None,
    submit: Annotated[bool, typer.Option("--submit", help="Give the script to sbatch instead of printing it.")] = False,
) -> None:
    """Print the job script that starts workers on a cluster; options after -- go to sbatch.

    Workers need the same DISWM_HOME on a shared disk and DISWM_DATABASE_URL, a Postgres that all can reach.
    """
    if engine not in ENGINES:
        complain(f"there is no engine {engine!r}: choose slurm, ray or k8s")
        raise typer.Exit(2)
    if (context.args or submit) and engine != "slurm":
        complain(f"only slurm takes {'--submit' if submit else 'options after --'}: {engine} gets a file")
        raise typer.Exit(2)
    settings = checked_settings()
    if settings.database_url is None:
        complain("warning: DISWM_DATABASE_URL is not set; SQLite serves one machine only, so set it where jobs start")
    script = ENGINES[engine](Pilots(count, _minutes(time), idle, settings.home.resolve(), context.args, labels))
    if not submit:
        typer.echo(script, nl=False)
        return
    try:
        code = subprocess.run(["sbatch"], input=script, text=True, check=False).returncode
    except FileNotFoundError:
        complain("sbatch is not installed here: run this where SLURM's commands are, or print the script")
        raise typer.Exit(2) from None
    raise typer.Exit(code)


def _slurm(pilots: Pilots) -> str:
    options = [
        "--job-name=diswm",
        f"--array=1-{pilots.workers}",
        f"--time={pilots.minutes}",
        f"--signal=B:TERM@{60 * SAVING_MINUTES}",
        "--requeue",
        *pilots.options,
    ]
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in options),
        "# Workers take runs from the queue until none waits. DISWM_DATABASE_URL comes from the environment of sbatch.",
        f"export DISWM_HOME={shlex.quote(str(pilots.home))}",
        f"exec {shlex.join([_program(), *pilots.work])}",
    ]
    return "\n".join(lines) + "\n"


def _ray(pilots: Pilots) -> str:
    return f'''"""Workers as Ray tasks; run where `ray status` answers: python pilots.py"""

import os
import subprocess

import ray

COMMAND = {[_program(), *pilots.work]!r}
HOME = {str(pilots.home)!r}
DATABASE = os.environ["DISWM_DATABASE_URL"]  # a Postgres that every node reaches


@ray.remote(num_cpus=2, max_retries=-1)  # add num_gpus=1 for workers with a GPU
def pilot() -> int:
    environment = {{**os.environ, "DISWM_HOME": HOME, "DISWM_DATABASE_URL": DATABASE}}
    return subprocess.run(COMMAND, env=environment, check=False).returncode


ray.init(address="auto")
print(ray.get([pilot.remote() for _ in range({pilots.workers})]))
'''


def _k8s(pilots: Pilots) -> str:
    arguments = ", ".join(f'"{argument}"' for argument in pilots.work)
    return f"""# Workers as a Job: kubectl create -f pilots.yaml
# Needs a volume claim diswm-home that all nodes mount, and a secret with the database:
#   kubectl create secret generic diswm-database --from-literal=url=postgresql://...
apiVersion: batch/v1
kind: Job
metadata:
  generateName: diswm-pilots-
spec:
  parallelism: {pilots.workers}
  completions: {pilots.workers}
  backoffLimit: {pilots.workers}
  activeDeadlineSeconds: {60 * pilots.minutes}
  template:
    spec:
      restartPolicy: OnFailure
      terminationGracePeriodSeconds: {60 * SAVING_MINUTES}
      containers:
        - name: worker
          image: diswm-backend
          args: [{arguments}]
          env:
            - name: DISWM_HOME
              value: /data
            - name: DISWM_DATABASE_URL
              valueFrom:
                secretKeyRef: {{name: diswm-database, key: url}}
          volumeMounts:
            - {{name: home, mountPath: /data}}
      volumes:
        - name: home
          persistentVolumeClaim: {{claimName: diswm-home}}
"""


ENGINES: dict[str, Callable[[Pilots], str]] = {"slurm": _slurm, "ray": _ray, "k8s": _k8s}


def _minutes(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([mhd])", text)
    minutes = int(match[1]) * _UNITS[match[2]] if match else 0
    if minutes < SHORTEST_MINUTES:
        complain(f"--time {text}: give at least {SHORTEST_MINUTES} minutes, as 30m, 4h or 2d")
        raise typer.Exit(2)
    return minutes


def _program() -> str:
    """`diswm` of the environment that this command runs in."""
    beside = Path(sys.executable).parent / "diswm"
    return str(beside) if beside.exists() else "diswm"
