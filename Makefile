# Everything that is done with this repository. `make` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
INSTALLED := .venv/.installed
# Tests of one file stay in one process (real ports, real children), with one thread each. Four files run at once, also on two cores: many tests wait.
# Compiled modules are kept, whatever the shell says: the tests start hundreds of processes that import them.
# glibc keeps freed blocks, as in training, but not more than 512 MiB: tests that learn take less processor time.
PYTEST := MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=536870912 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(or $(JOBS),4) --dist loadfile --no-loadscope-reorder --durations=15

.PHONY: help setup app test lint check format faults audit bench images metaworld constraints clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

setup: $(INSTALLED) ## make .venv with everything in it, and the system packages for headless rendering and for labels in any script
	@scripts/system-packages.sh gl || true
	@scripts/system-packages.sh fonts || true

$(INSTALLED): pyproject.toml constraints.txt
	@scripts/make-venv.sh
	@touch $@

app: setup ## start the API, the worker and the page; Ctrl-C stops them
	@$(BIN)/diswm app

test: setup ## run the tests, those in a real browser too
	@scripts/system-packages.sh browser
	@scripts/system-packages.sh postgres || true
	@$(PYTEST)

lint: setup ## format, lint, types, import rules, JavaScript
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@scripts/check-javascript.sh

check: lint test ## lint, then the tests

format: setup ## format the code and sort its imports
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

faults: setup ## run the tests that take too long for every run, and write benchmarks/results/faults.md
	@scripts/system-packages.sh slurm || true
	@FAULTS_TABLE=benchmarks/results/faults.md $(BIN)/pytest -m long tests/faults tests/backend/api tests/backend/pipeline
	@cat benchmarks/results/faults.md

audit: setup ## compare every pinned version with the public advisories; a package without an answer fails it
	@rm -f build/audit.json && $(BIN)/python -m venv build/audit && build/audit/bin/pip install -q --disable-pip-version-check -U pip pip-audit
	@build/audit/bin/pip-audit -r constraints.txt --no-deps --disable-pip --progress-spinner off -f json -o build/audit.json 2> build/audit.txt || true
	@$(BIN)/python scripts/audit.py build/audit.json

bench: setup ## measure everything that `diswm bench` can measure, into benchmarks/results
	@$(BIN)/python -m benchmarks.table

images: ## build both images, and run them with Postgres, a store and two workers (Docker, or podman)
	@scripts/images.sh

metaworld: ## make .metaworld, the virtual environment of the drawer tasks
	@scripts/make-metaworld.sh

constraints: setup ## write constraints.txt from what is installed
	@scripts/constraints.sh > constraints.tmp && mv constraints.tmp constraints.txt && touch $(INSTALLED)

clean: ## remove .venv and the caches; runs and checkpoints stay
	@rm -rf .venv node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
