# What can be done here: `make help`. Every target sets up what it needs, in virtual environments of this folder.
# PYTHON=... chooses the interpreter, CXX=... the compiler; VENV=... another place for the environment.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python3.14,$(shell \
    $(p) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(p))))
VENV ?= .venv
BIN := $(VENV)/bin
INTEROP := .venv-interop
BENCH := .venv-bench
FUZZ := .venv-fuzz

# With a compiler at hand, a failing build is an error to be seen; without one the numpy engine is all there is.
COMPILER := $(shell command -v $${CXX:-c++} || command -v g++ || command -v clang++)
export RECURRA_REQUIRE_NATIVE := $(if $(COMPILER),1,0)

PIP := -m pip --disable-pip-version-check --quiet
NATIVE := pyproject.toml CMakeLists.txt $(shell find native -name '*.cpp' -o -name '*.h')

.PHONY: help build demo test test-interop test-native older-x86 aarch64 fuzz check format sanitize bench docs clean

help: ## Show this list
	@echo "recurra: make TARGET"
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

# --- environments ----------------------------------------------------------------------------------------------------
# A stamp in the environment says what it holds, so that a second run starts at once.

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "recurra needs Python 3.11 or newer with venv. None of python3, python3.11 to \
	python3.14 is one. Install it (Debian: apt-get install python3-venv), or name it: make PYTHON=/path/to/python3."; exit 2; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.build-tools: constraints.txt | $(BIN)/python
	@$(BIN)/python $(PIP) install -c constraints.txt scikit-build-core nanobind \
	    $(if $(shell command -v cmake),,cmake) $(if $(shell command -v ninja),,ninja)
	@touch $@

$(VENV)/.installed: $(NATIVE) $(VENV)/.build-tools
	@echo "Installing recurra into $(VENV) ($(if $(COMPILER),compiling the native engine,no C++ compiler: numpy engine only))"
	@$(BIN)/python $(PIP) install -c constraints.txt --no-build-isolation --editable '.[test]'
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(BIN)/python $(PIP) install -c constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

$(INTEROP)/.installed: constraints.txt tests/interop/requirements.txt $(VENV)/.installed
	@echo "Installing Keras and PyTorch into $(INTEROP)"
	@test -x $(INTEROP)/bin/python || $(PYTHON) -m venv $(INTEROP)
	@$(INTEROP)/bin/python $(PIP) install -c constraints.txt -r tests/interop/requirements.txt
	@$(INTEROP)/bin/python $(PIP) install -c constraints.txt --no-build-isolation --editable '.[test]'
	@touch $@

# What reads files needs no compiled code, so neither does what fuzzes it.
$(FUZZ)/.installed: constraints.txt tests/fuzz/requirements.txt
	@echo "Installing atheris into $(FUZZ)"
	@test -x $(FUZZ)/bin/python || $(PYTHON) -m venv $(FUZZ)
	@$(FUZZ)/bin/python $(PIP) install --only-binary atheris -c constraints.txt -r tests/fuzz/requirements.txt || { \
	    echo "atheris has wheels for Linux on x86-64 and Python 3.11 to 3.14. Name one of these: make fuzz PYTHON=..."; exit 2; }
	@touch $@

NODE_MODULES := tests/golden/tfjs/node_modules
$(NODE_MODULES)/.package-lock.json: tests/golden/tfjs/package-lock.json
	@command -v npm >/dev/null || { echo "make test-interop needs Node.js and npm (Debian: apt-get install nodejs npm)."; exit 2; }
	@echo "Installing TensorFlow.js into $(NODE_MODULES)"
	@cd tests/golden/tfjs && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BENCH)/.installed: $(NATIVE) constraints.txt benchmarks/requirements.txt $(VENV)/.installed
	@echo "Installing PyTorch, JAX, Keras and ONNX Runtime into $(BENCH)"
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python $(PIP) install -c constraints.txt -r benchmarks/requirements.txt
	@$(BENCH)/bin/python $(PIP) install -c constraints.txt --no-build-isolation --editable '.[plot]'
	@touch $@

# Without Node.js the benchmark runs all the same and says what is left out.
BENCH_MODULES := benchmarks/node_modules
$(BENCH_MODULES)/.package-lock.json: benchmarks/package-lock.json
	@if command -v npm >/dev/null; then \
	    echo "Installing TensorFlow.js into $(BENCH_MODULES)" && cd benchmarks && \
	    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json; \
	else echo "TensorFlow.js is left out: there is no npm (Debian: apt-get install nodejs npm)."; fi

# --- targets ---------------------------------------------------------------------------------------------------------

build: $(VENV)/.installed ## Install into .venv, compiling what changed in native/
	@:

demo: $(VENV)/.installed ## Forecast the taxi passengers of New York: table, picture and saved model in demo/
	$(BIN)/recurra forecast src/recurra/datasets/taxi.csv --target passengers --horizon 48 --output demo

test: $(VENV)/.installed ## Run the tests (no PyTorch, Keras, Node.js or browser needed)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

test-interop: $(INTEROP)/.installed $(NODE_MODULES)/.package-lock.json ## Run recurra beside Keras, PyTorch and TensorFlow.js
	@$(INTEROP)/bin/python -m pytest tests/interop $(PYTEST_ARGS)

test-native: $(VENV)/.build-tools ## Test the C++ core without Python, with every instruction set of this machine
	@PATH="$(abspath $(BIN)):$$PATH" tools/native-tests.sh

older-x86: $(VENV)/.build-tools ## Compare the bits of emulated processors without AVX, and without AVX-512, with those of this machine
	@PATH="$(abspath $(BIN)):$$PATH" tools/native-tests.sh older-x86

aarch64: $(VENV)/.build-tools ## Cross-compile the core for 64-bit ARM, test it on an emulated one, and compare its bits with this machine's
	@PATH="$(abspath $(BIN)):$$PATH" tools/native-tests.sh aarch64

fuzz: $(FUZZ)/.installed ## Feed the readers of model files with damaged ones, a minute each; FUZZ_ARGS="--seconds 600"
	@PYTHONPATH=src:. $(FUZZ)/bin/python -m tests.fuzz $(FUZZ_ARGS)

check: $(VENV)/.dev ## Check format, lint, types, direction of imports, and that the docs build
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/clang-format --dry-run -Werror $$(find native -name '*.cpp' -o -name '*.h')
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/zensical build --strict

format: $(VENV)/.dev ## Format all sources and mend what ruff can mend
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .
	@$(BIN)/clang-format -i $$(find native -name '*.cpp' -o -name '*.h')

sanitize: $(VENV)/.installed ## Run the tests of the core and of the native engine under sanitizers (memory, undefined behaviour, threads)
	@tools/sanitize.sh $(BIN)/python

bench: $(BENCH)/.installed $(BENCH_MODULES)/.package-lock.json ## Time recurra beside its peers; BENCH_ARGS=--quick takes under 5 minutes
	@$(BENCH)/bin/python -m benchmarks.bench $(BENCH_ARGS)

docs: $(VENV)/.dev ## Build the documentation into site/
	@$(BIN)/zensical build --strict
	@echo "Open site/index.html"

clean: ## Remove builds, caches and environments
	rm -rf .venv $(INTEROP) $(FUZZ) $(BENCH) $(NODE_MODULES) $(BENCH_MODULES) build dist site demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
