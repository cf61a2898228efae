# Every target makes its own environment in $(VENV) the first time; `make` lists the targets.
# Another Python: make install PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# Where they are missing, the tests that need real candles skip, and the floor of the coverage is not asked for.
CANDLES ?= ../shared/data
# An order must not be lost in a line that no test has run: 95 % there, 85 % in all (pyproject.toml).
ORDER_PATH = src/thunes/audit/*,src/thunes/exchange/*,src/thunes/risk/*,src/thunes/trading/*
FLOOR = $(if $(wildcard $(CANDLES)),,--fail-under=0)
BIN := $(VENV)/bin
UV := $(BIN)/uv
USE := $(VENV)/.ready-to-use
DEVELOP := $(VENV)/.ready-to-develop
BENCH := $(VENV)/.ready-to-bench
# Not pytest-cov: beside coverage's own hook for child processes it would trace each of the workers twice.
# Not secrets: what tests call their keys.
SHORT_WORDS = --exclude-secrets '^[a-z0-9 -]{1,12}$$'
TRACED := $(BIN)/coverage run -m pytest --numprocesses auto
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --annotation-style line \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml

# Where bytecode is not kept, each of the many processes that the tests start compiles all its sources again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo backtest sweep walk-forward optimize promote paper balance logs test lint format types audit bench calibrate lock pre-commit clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(USE) ## install thunes with its research extra into .venv
	@echo "Installed. Try: $(BIN)/thunes --help"

# The demo's two markets, three years of hours each, differ in one thing: in the second a trend edge is planted.
LUCK = --strategy sma_cross --data synthetic:7 --last 26280
EDGE = --strategy sma_cross --data synthetic:7,edge=2 --last 26280
FOLDS = --train 365d --test 90d --anchored

demo: $(USE) ## the whole loop without network: optimize, walk forward, judge; on a market of luck, then on one with an edge
	$(BIN)/thunes backtest $(LUCK)
	$(BIN)/thunes optimize $(LUCK) --trials 64 --no-verdict
	$(BIN)/thunes walk-forward $(LUCK) $(FOLDS)
	$(BIN)/thunes promote $(LUCK) || test $$? -eq 6
	$(BIN)/thunes optimize $(EDGE) --trials 64 --no-verdict
	$(BIN)/thunes walk-forward $(EDGE) $(FOLDS)
	$(BIN)/thunes promote $(EDGE)
	@echo
	@echo "Without an edge: refused. With one: promoted into sim, as this says:"
	$(BIN)/thunes promoted list
	@echo
	@echo "And traded on paper, on the embedded exchange, 30 days in stepped time:"
	$(BIN)/thunes paper --bars 720 >artifacts/paper.log
	$(BIN)/thunes positions
	$(BIN)/thunes audit verify
	@echo
	@echo "What the account did, beside the backtest of the same 30 days:"
	$(BIN)/thunes parity --ledger
	@echo
	@echo "The reports named above are pages: open them in a browser. Next: $(BIN)/thunes --help"

backtest: $(USE) ## thunes backtest, for instance ARGS="--strategy ema_cross --data synthetic:7"
	$(BIN)/thunes backtest $(ARGS)

sweep: $(USE) ## thunes sweep, for instance ARGS="--strategy sma_cross --grid fast=5:54"
	$(BIN)/thunes sweep $(ARGS)

walk-forward: $(USE) ## thunes walk-forward, for instance ARGS="--train 365d --test 30d --anchored"
	$(BIN)/thunes walk-forward $(ARGS)

optimize: $(USE) ## thunes optimize, for instance ARGS="--strategy sma_cross --trials 1000"
	$(BIN)/thunes optimize $(ARGS)

promote: $(USE) ## thunes promote, for instance ARGS="--strategy sma_cross --data synthetic:7,edge=2"
	$(BIN)/thunes promote $(ARGS)

paper: $(USE) ## one honest trading pass in sim, promoting first where nothing is; ARGS="--environment testnet"
	$(BIN)/thunes paper --promote-first $(ARGS)

balance: $(USE) ## thunes balance: what the account held when the exchange was asked last
	$(BIN)/thunes balance $(ARGS)

logs: $(USE) ## the last lines of the trader's log, one for each pass
	@tail -n 40 "$${STATE_DIR:-.}/logs/paper_trader.log"

test: $(DEVELOP) ## run the tests, then the kernels' once more as plain Python, and check the coverage
	$(BIN)/coverage erase
	$(TRACED)
	NUMBA_DISABLE_JIT=1 $(TRACED) tests/kernels
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report $(FLOOR)
	$(BIN)/coverage report $(or $(FLOOR),--fail-under=95) --format=total --include='$(ORDER_PATH)'

lint: $(DEVELOP) ## ruff, layout of the rooms, secrets
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook $(SHORT_WORDS)

format: $(DEVELOP) ## rewrite the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(DEVELOP) ## mypy, strict
	$(BIN)/mypy

audit: $(DEVELOP) ## ask the package index for known vulnerabilities in the locks (needs network)
	$(BIN)/pip-audit --disable-pip --no-deps --requirement requirements-dev.txt

bench: $(BENCH) ## time thunes beside its peers; table here, JSON in artifacts/bench
	$(BIN)/python -m benchmarks.run $(ARGS)

calibrate: $(BENCH) ## how often the gates promote luck and real edges; ARGS="--kinds edgeless --seeds 1:11"
	$(BIN)/python -m benchmarks.calibration.run $(ARGS)

lock: $(UV) ## resolve pyproject.toml into the three requirements files; ARGS=--upgrade for newer versions
	$(LOCK) --extra dev --output-file requirements-dev.txt $(ARGS)
	cp requirements-dev.txt requirements-research.txt
	$(LOCK) --extra research --output-file requirements-research.txt
	cp requirements-dev.txt requirements-core.txt
	$(LOCK) --output-file requirements-core.txt

pre-commit: $(DEVELOP) ## install the git hook and run it on all files
	$(BIN)/pre-commit install
	$(BIN)/pre-commit run --all-files

clean: ## remove the environment, caches and build outputs; artifacts, logs, store and state stay
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "thunes needs Python 3.11 to 3.13; for instance: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements-dev.txt uv

# The locks give every version; the package itself is installed on top of them, editable.
$(USE): requirements-research.txt pyproject.toml | $(UV)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --requirement requirements-research.txt
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --editable .
	@touch $@

$(DEVELOP): requirements-dev.txt $(USE)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --requirement requirements-dev.txt
	@touch $@

$(BENCH): $(DEVELOP)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --constraint requirements-dev.txt --editable '.[bench]'
	@touch $@
