# `make demo` and `make test` each work as the very first command on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT := results/demo

.PHONY: help install demo resume test lint format clean

help:
	@echo "make demo    install into .venv, score the demo VCF, show the result"
	@echo "make resume  resume a workflow that was killed: make resume ARGS='--cores 4 ...'"
	@echo "make test    install into .venv, lint, run every test"
	@echo "make lint    ruff, mypy, import-linter"
	@echo "make format  ruff format"
	@echo "make clean   remove .venv and results"

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable ".[workflow,test,lint]"
	@touch $@

demo: install
	$(BIN)/snakemake --cores all --config out=$(OUT)
	$(BIN)/python resources/demo/show.py $(OUT)/scores.parquet

# After a crash: Snakemake's lock is left over, and half-done jobs have to run again.
resume:
	$(BIN)/snakemake --unlock $(ARGS)
	$(BIN)/snakemake --rerun-incomplete $(ARGS)

test: install lint
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadgroup

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) results
