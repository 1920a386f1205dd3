#!/usr/bin/env bash
# Meta-World pins another MuJoCo than dm_control: it gets a virtual environment of its own in .metaworld.
set -euo pipefail
cd "$(dirname "$0")/.."

python="${PYTHON:-python3}"
[ -x .metaworld/bin/python ] || "$python" -m venv .metaworld
.metaworld/bin/python -m pip install --quiet --disable-pip-version-check --retries 1 -c constraints.txt pip setuptools ||
    echo "The pinned pip could not be had: going on with $(.metaworld/bin/python -m pip --version | cut -d' ' -f1,2)." >&2
.metaworld/bin/python -m pip install --quiet --disable-pip-version-check 'metaworld==3.1.1' 'gymnasium[mujoco]>=1.2'
.metaworld/bin/python -W ignore -c 'import metaworld.env_dict' && echo "Meta-World is ready in .metaworld."
