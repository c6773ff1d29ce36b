# Every target makes what it needs first; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
NODE_STAMP := tests/acceptance/node_modules/.package-lock.json
COMPILE := $(BIN)/uv pip compile
HASHED := --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet
LOCK := $(COMPILE) pyproject.toml --extra build $(HASHED)

.DEFAULT_GOAL := help
.PHONY: help setup demo test acceptance lint format bench bench-usage lock

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything locked, and the latchkey command in it

demo: $(STAMP) ## Start Latchkey with its playground and print the address to open
	@exec $(BIN)/latchkey demo

test: $(STAMP) ## Run the fast tests (no browser, no node)
	$(BIN)/pytest tests --ignore=tests/acceptance

acceptance: $(STAMP) $(NODE_STAMP) ## Run Latchkey against counterparts written by others, in a browser too
	$(BIN)/pytest tests/acceptance

lint: $(STAMP) ## Check format, style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP) ## Put code into the one format, mend what can be mended
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(STAMP) ## Measure, print a table and write bench/results.md
	$(BIN)/python -m bench

bench-usage: $(STAMP) ## Measure screens of spending with ten million receipts (minutes, and 20 GB of disk for a while)
	$(BIN)/python -m bench.usage

lock: $(STAMP) ## Choose versions anew within pyproject.toml's bounds (make lock UPGRADE=--upgrade)
	$(LOCK) $(UPGRADE) --output-file requirements.lock
	$(LOCK) $(UPGRADE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) requirements-runner.in $(HASHED) $(UPGRADE) --output-file requirements-runner.lock

# Older than the lock or the project file means stale. pip of the machine serves where its venv comes without one.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Latchkey needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing into $(VENV) (under a minute, once) ..."
	@$(PYTHON) -m venv $(VENV) >/dev/null || $(PYTHON) -m venv --without-pip $(VENV)
	@pip="$(BIN)/python -m pip"; $$pip --version >/dev/null 2>&1 || pip="$(PYTHON) -m pip --python $(BIN)/python"; \
		$$pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.lock \
		&& $$pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(NODE_STAMP): tests/acceptance/package-lock.json
	cd tests/acceptance && npm ci --no-fund --no-audit
	@touch $@
