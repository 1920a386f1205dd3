#!/usr/bin/env bash
# Create .venv with a Python of at least 3.11 and install the checkout into it, with every extra, at the pinned versions.
# PYTHON chooses the interpreter; without it the first one that fits is taken.
set -euo pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
export PIP_DISABLE_PIP_VERSION_CHECK=1

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local name
    for name in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        if fits "$name"; then
            echo "$name"
            return 0
        fi
    done
    echo "No Python of at least 3.11 found (looked for: ${PYTHON:-python3.11 python3.12 python3.13 python3}). Install one, or: make setup PYTHON=/path/to/python3.11" >&2
    return 1
}

# Debian and Ubuntu keep what `python -m venv` needs in a package of its own.
need_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 && return 0
    local package
    package="$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing $package"
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package" >/dev/null; } ||
            { sleep 5 && apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package" >/dev/null; }
        return 0
    fi
    echo "This Python cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install -y $package" >&2
    return 1
}

if ! fits .venv/bin/python; then
    python="$(find_python)"
    need_venv "$python"
    "$python" -m venv --clear .venv
fi
# The pip that a Python brings along is as old as that Python. Where no newer one can be had, it has to do.
.venv/bin/python -m pip install -q --retries 1 -c constraints.txt pip setuptools ||
    echo "The pinned pip could not be had: going on with $(.venv/bin/python -m pip --version | cut -d' ' -f1,2)." >&2
echo "Installing the pinned packages into .venv (about two minutes the first time)"
.venv/bin/python -m pip install -q -c constraints.txt -e '.[backend,frontend,hub,wandb,s3,dev]'
