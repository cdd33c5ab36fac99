# `make demo` and `make test` each work as the very first command on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# This folder, also where make runs in another: make -f CLONE/Makefile resume
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
OUT := results/demo
DEMO_LOG = $(OUT)/logs/demo.log
# The tests start many processes: each takes what the first one compiled.
unexport PYTHONDONTWRITEBYTECODE

# Of pytest: three keep two cores busy, as some wait for what they started; tests of one group
# run in one of them.
WORKERS := --numprocesses 3 --dist loadgroup

.PHONY: help install demo resume test test-lowest lint pytest fuzz docs format clean

help:
	@echo "make demo         install into .venv, score the demo VCF, show the result"
	@echo "make resume       resume a killed workflow: make resume ARGS='--cores 4 ...'"
	@echo "make test         install into .venv, lint, run every test"
	@echo "                  (then, the quick tests alone: $(BIN)/pytest -n auto -m 'not slow')"
	@echo "make test-lowest  run the quick tests with the lowest versions allowed"
	@echo "make fuzz         feed every reader mutated files, SECONDS=60 each"
	@echo "make lint         ruff, mypy, import-linter, hadolint"
	@echo "make docs         make the site of docs/ in docs/_build, without a network"
	@echo "make format       ruff format"
	@echo "make clean        remove .venv, .venv-lowest, results and docs/_build"

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable ".[workflow,test,lint,docs]"
	@touch $@

demo: install
	@mkdir -p $(OUT)/logs
	@echo "Scoring the demo with the workflow, half a minute; its log: $(DEMO_LOG)"
	@$(BIN)/snakemake --cores all --configfile workflow_config/demo.yaml \
		--config out=$(OUT) report=false > $(DEMO_LOG) 2>&1 \
		|| { tail -n 40 $(DEMO_LOG); exit 1; }
	@$(BIN)/varscore demo --scores $(OUT)/scores.parquet --force 2>> $(DEMO_LOG) \
		|| { tail -n 40 $(DEMO_LOG); exit 1; }

# After a crash: Snakemake's lock is left over, and half-done jobs have to run again.
# It goes on in the folder in which make runs, as the run itself did; ARGS may name another.
SNAKEMAKE = $(if $(filter /%,$(BIN)),,$(HERE))$(BIN)/snakemake --snakefile $(HERE)Snakefile
resume:
	$(SNAKEMAKE) --unlock $(ARGS)
	$(SNAKEMAKE) --rerun-incomplete $(ARGS)

test: install
	$(MAKE) --no-print-directory --jobs 2 lint pytest

pytest: install
	$(BIN)/pytest $(WORKERS)

test-lowest: $(VENV)-lowest/installed
	$(VENV)-lowest/bin/pytest $(WORKERS) -m "not slow"

$(VENV)-lowest/installed: pyproject.toml tests/lowest.txt
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/pip install --quiet --disable-pip-version-check \
		--requirement tests/lowest.txt --editable ".[test]"
	@touch $@

SECONDS := 60
fuzz: install
	FUZZ_SECONDS=$(SECONDS) FUZZ_FINDINGS=results/fuzz $(BIN)/pytest --numprocesses 0 tests/fuzz

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

docs: install
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build
	@echo "The site: docs/_build/index.html"

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VENV)-lowest results docs/_build
