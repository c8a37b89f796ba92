# Everything runs from a clean clone with Python >= 3.11 and make; the first use sets up .venv.

PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := harvester tests benchmarks

# Handed over by the environment and never pasted into a command line: a quote in a URL is only a quote.
export URL SET FORMAT

.PHONY: help harvest demo test check bench campaign cov format constraints clean

help:            ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "harvester needs Python 3.11 or newer on PATH"; exit 2; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --require-hashes -r constraints.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/developing: $(VENV)/installed constraints-dev.txt
	@echo "adding the tools for tests and checks (once)"
	@$(INSTALL) --require-hashes -r constraints-dev.txt
	@touch $@

harvest: $(VENV)/installed  ## harvest a repository: make harvest URL=... [SET=...] [FORMAT=...]
	@test -n "$$URL" || { echo "usage: make harvest URL=https://api.figshare.com/v2/oai [SET=portal_15] [FORMAT=oai_datacite]"; exit 2; }
	@$(BIN)/harvester harvest "$$URL" $(if $(SET),--set "$$SET") $(if $(FORMAT),--format "$$FORMAT")

demo: $(VENV)/installed  ## harvest an invented repository and look at it; no network needed
	@$(BIN)/harvester demo

test: $(VENV)/developing  ## the whole test suite, in three processes: on two cores they wait nearly half of the time
	@$(BIN)/python -m pytest -n 3 --dist loadfile

check: $(VENV)/developing  ## format, lint, types, architecture
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(VENV)/developing  ## our harvest beside its peers, in one run
	@$(BIN)/python -W ignore::SyntaxWarning benchmarks/run.py

campaign: $(VENV)/developing  ## the long tests: a thousand kills, ten thousand faults; HARVESTER_SEED replays one
	@$(BIN)/python -m pytest -m campaign -s

cov: $(VENV)/developing  ## coverage of the test suite
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered

format: $(VENV)/developing  ## bring the code to the house's form
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

constraints: $(VENV)/developing  ## pin anew what pyproject.toml allows
	@$(BIN)/python -m uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--python-version 3.11 --group build pyproject.toml -o constraints.txt
	@$(BIN)/python -m uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--python-version 3.11 --group dev -c constraints.txt pyproject.toml -o constraints-dev.txt

clean:           ## remove what the targets above have made
	@rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .coverage .coverage.*
