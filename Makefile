# Two commands on a fresh machine: `make demo` and `make test`. Both may be run again at any time.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
# Compiling starts from what is pinned; UPGRADE=--upgrade looks for newer versions.
UPGRADE ?=

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint requirements venv install install-dev

help:
	@echo "make demo          the three faces with a living, simulated world on http://127.0.0.1:8000"
	@echo "make test          the whole test suite"
	@echo "make bench         what a poll, a claim and an answer cost, against the least they could, at a million rows"
	@echo "make lint          style, types and import rules alone"
	@echo "make requirements  compile requirements*.txt from requirements*.in"

demo: install
	@echo "Starting the demo; Ctrl-C ends it."
	@exec $(BIN)/flask demo

test: install-dev
	@echo "Running the test suite, on two processes; then the benchmarks, on their own."
	@$(BIN)/pytest -q -n 2 --dist worksteal -m "not benchmark"
	@$(BIN)/pytest -q -m benchmark tests/benchmarks

bench: install-dev
	@TRACKER_TEST_SLOW=1 $(BIN)/pytest -q -s -m benchmark tests/benchmarks

lint: install-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo
	@echo "Style, types and imports are clean."

requirements: install-dev
	@for name in requirements requirements-dev; do \
		$(COMPILE) $(UPGRADE) --output-file $$name.txt $$name.in && \
		{ echo "# Compiled by \`make requirements\` from $$name.in: change that file, not this one."; cat $$name.txt; } \
			> $$name.tmp && mv $$name.tmp $$name.txt || exit 1; \
	done
	@echo "requirements.txt and requirements-dev.txt are compiled."

# A virtual environment whose making was interrupted has no pip, and is made anew.
venv:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and $(PYTHON) is older.")'
	@$(PIP) --version >/dev/null 2>&1 || { \
		echo "Making a virtual environment in .venv"; $(PYTHON) -m venv --clear .venv; }

# What is installed is remembered by the checksum of the lists, so that nothing is done twice.
install: venv
	@sum=$$(cksum < requirements.txt); \
	if [ "$$(cat .venv/.installed 2>/dev/null)" != "$$sum" ]; then \
		echo "Installing the packages of requirements.txt"; \
		$(PIP) install --quiet --quiet --require-hashes -r requirements.txt && echo "$$sum" > .venv/.installed; \
	fi

install-dev: venv
	@sum=$$(cat requirements.txt requirements-dev.txt | cksum); \
	if [ "$$(cat .venv/.installed-dev 2>/dev/null)" != "$$sum" ]; then \
		echo "Installing the packages of requirements.txt and requirements-dev.txt"; \
		$(PIP) install --quiet --quiet --require-hashes -r requirements.txt -r requirements-dev.txt && \
		cksum < requirements.txt > .venv/.installed && echo "$$sum" > .venv/.installed-dev; \
	fi
