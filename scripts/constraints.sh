#!/usr/bin/env bash
# Print constraints.txt: every package of .venv at its version, pip and setuptools too, without the checkout itself and without local build labels.
set -euo pipefail
cd "$(dirname "$0")/.."

cat <<'HEADER'
# Every package that the tests passed with, at its version. Made by `make constraints`; do not edit by hand.
# To move a pin: change the range in pyproject.toml, `.venv/bin/pip install -U PACKAGE`, run `make check`, then `make constraints`.
# torch carries no local version label: plain pip then takes the build that fits the machine (CUDA or CPU).
HEADER
.venv/bin/python -m pip freeze --all --exclude-editable 2>/dev/null |
    grep -E '^[A-Za-z0-9._-]+==' |
    sed -E 's/\+[A-Za-z0-9.]+$//' |
    LC_ALL=C sort -f
