# Everything happens in .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
NEEDS := pyproject.toml constraints.txt
# The tests run in two processes of one thread each, which take about as long: what is in these
# folders, and the rest.
HALF := tests/tui tests/widgets tests/notebook tests/samplers tests/trainers
define pytest
@export OMP_NUM_THREADS=1; $(BIN)/python -m pytest -m "$(1)" $(HALF) & half=$$!; \
	$(BIN)/python -m pytest -m "$(1)" tests $(HALF:%=--ignore=%); rest=$$?; \
	wait $$half && exit $$rest
endef
# llama.cpp comes as source. What was built once is kept, and used by every clone.
WHEELS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sitool/wheels
LLAMACPP := $(shell sed -n 's/^llama-cpp-python==//p' constraints.txt)
LLAMACPP_WHEEL = $(wildcard $(WHEELS)/llama_cpp_python-$(LLAMACPP)-*.whl)
# Without code for this very processor the wheel runs on others; without the parts
# that nobody here needs the build takes a third of the time.
LLAMACPP_FLAGS := -DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE=$(CURDIR)/docs/llamacpp.cmake

.PHONY: help setup llamacpp demo lab notebooks test test-slow check format bench models clean

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

llamacpp: $(VENV)/llamacpp.stamp ## Add llama.cpp, for the llamacpp sampler and GGUF files

$(VENV)/llamacpp.stamp: $(NEEDS) docs/llamacpp.cmake | $(VENV)/bin/python
	@test -n "$(LLAMACPP_WHEEL)" || { \
		echo "Building llama.cpp $(LLAMACPP), once (some 4 minutes of a core)"; \
		mkdir -p "$(WHEELS)" && CMAKE_ARGS="$(LLAMACPP_FLAGS)" $(PIP) wheel --no-deps \
			-w "$(WHEELS)" llama-cpp-python==$(LLAMACPP); }
	@echo "Installing llama.cpp"
	@$(PIP) install -c constraints.txt -e ".[llamacpp]" \
		"$$(ls "$(WHEELS)"/llama_cpp_python-$(LLAMACPP)-*.whl | head -1)[server]"
	@touch $@ $(VENV)/setup.stamp

demo: setup ## Watch a tiny model improve itself, offline
	@$(BIN)/sitool demo

lab: $(VENV)/dev.stamp ## Open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=notebooks

notebooks: $(VENV)/dev.stamp ## Run the notebooks and write their outputs back
	@$(BIN)/python -m notebooks.execute

test: $(VENV)/dev.stamp ## Run the tests
	$(call pytest,not slow and not gpu and not hub)

test-slow: $(VENV)/dev.stamp ## Run the tests that take longer
	$(call pytest,slow and not gpu and not hub)

check: $(VENV)/dev.stamp ## Run the linters, the type checker and the import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/dev.stamp ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/bench.stamp $(VENV)/llamacpp.stamp ## Run the benchmarks against their peers
	@for name in round sampling training llamacpp gap lab; do $(BIN)/python -m benchmarks.$$name || exit 1; done

models: setup ## Make the built-in base again from its recipe
	@$(BIN)/python -m sitool.models.tiny

clean: ## Remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
