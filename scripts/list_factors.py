"""Writes backend/envs/factors.json: for every environment that is built in, the factors that vary in it.

    .venv/bin/python scripts/list_factors.py [NAME ...]

Each environment is played for a few short episodes with random actions, in a process of its own; a factor of its
model that never changes is left out. Takes about four minutes. Names that are given are measured again, all others
stay as they are.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from backend.envs.protocol import ENVIRONMENTS

TABLE = Path(__file__).parents[1] / "backend" / "envs" / "factors.json"
EPISODES, STEPS = 4, 12
STILL = 1e-4  # standard deviation below which a factor does not vary


def measured(name: str) -> list[str]:
    """The factors of an environment that vary, in order."""
    from backend.envs.make import make_environment
    from backend.envs.suite import known_factors

    known_factors().pop(name, None)
    environment = make_environment(name, distraction="none", action_repeat=4)
    random, rows = np.random.default_rng(0), []
    for seed in range(EPISODES):
        step = environment.reset(seed)
        rows.append(step.factors)
        while len(rows) % STEPS and not step.is_last:
            step = environment.step(random.uniform(-1, 1, environment.action_size).astype(np.float32))
            rows.append(step.factors)
    spread = np.std(np.stack(rows), axis=0)
    environment.close()
    return [factor for factor, std in zip(environment.factor_names, spread, strict=True) if std >= STILL]


def main() -> None:
    """Measures all or the named environments and writes the table, one line each."""
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for name in sys.argv[1:] or ENVIRONMENTS:
        done = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1]}; left as it was", file=sys.stderr)
            continue
        table[name] = json.loads(done.stdout.strip().splitlines()[-1])
        print(name, len(table[name]), file=sys.stderr)
    lines = [f"{json.dumps(name)}: {json.dumps(table[name])}" for name in ENVIRONMENTS if name in table]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measured(sys.argv[2])))
    else:
        main()
