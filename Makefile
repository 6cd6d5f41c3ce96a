# Everything happens in .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
NEEDS := pyproject.toml constraints.txt

.PHONY: help setup demo test test-slow check format bench models clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(VENV)/setup.stamp ## Install sitool in .venv

$(VENV)/bin/python:
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/setup.stamp: $(NEEDS) | $(VENV)/bin/python
	@echo "Installing sitool and what it needs (torch is the largest part)"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/dev.stamp: $(NEEDS) | $(VENV)/bin/python
	@echo "Installing sitool with its tests and linters"
	@$(PIP) install -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/setup.stamp

$(VENV)/bench.stamp: $(NEEDS) $(VENV)/dev.stamp
	@echo "Installing the peers of the benchmarks"
	@$(PIP) install -c constraints.txt -e ".[bench]"
	@touch $@

demo: setup ## Watch a tiny model improve itself, offline
	@$(BIN)/sitool demo

test: $(VENV)/dev.stamp ## Run the tests
	@$(BIN)/python -m pytest -m "not slow and not gpu and not hub"

test-slow: $(VENV)/dev.stamp ## Run the tests that take longer
	@$(BIN)/python -m pytest -m "slow and not gpu and not hub"

check: $(VENV)/dev.stamp ## Run the linters, the type checker and the import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/dev.stamp ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/bench.stamp ## Run the benchmarks against their peers
	@for name in round sampling training; do $(BIN)/python -m benchmarks.$$name || exit 1; done

models: setup ## Make the built-in base again from its recipe
	@$(BIN)/python -m sitool.models.tiny

clean: ## Remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
