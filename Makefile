# Everything on a fresh machine with Python 3.11 to 3.13 and pip: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
# Seen from here: recipes then need no quotes, whatever the folder above is called.
BIN := $(VENV)/bin
CORES ?= all
UV := 0.13.8
BENCHMARKS := simulator extraction reading scg_vs_lbfgs autoencoder classifiers growth training half_precision \
    near_duplicates audit_agreement predict jobs steps
# The tools of the environment come first, for make's recipes and for the jobs that Snakemake starts.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Python makes no environment below a colon; Snakemake takes braces for its own.
REFUSED := $(strip $(foreach sign,: { },$(findstring $(sign),$(CURDIR))))
ifneq (,$(REFUSED))
$(error Nothing works in a folder whose path has a '$(firstword $(REFUSED))': move or rename $(CURDIR))
endif

.PHONY: help env demo restore test test-slow test-faults test-long test-cluster test-cluster-small test-browser lint audit format docs bench lock clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

env: $(VENV)/.complete ## Install everything, locked and hashed, into .venv.

$(VENV)/.complete: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=python3.12")'
	@echo "Making an environment of its own for the project in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing uv, which installs the rest"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@echo "Installing about 300 packages, locked and hashed (3.5 GB to download, 7 GB on disk)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode --requirement requirements.lock
	@echo "Installing leukorepro"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@# A torchvision that does not belong to its torch installs without complaint and fails at import.
	@$(BIN)/python -c 'import torch, torchvision; print("Installed, with torch", torch.__version__, "and torchvision", torchvision.__version__)'
	@touch $@

demo: env ## Run the studies on simulated images; prints where the report is.
	@echo "Running five studies on simulated images"
	@snakemake --cores $(CORES)
	@leukorepro report summary --run demo

restore: env ## Pull the results of dvc.lock; Snakemake then makes nothing again.
	@leukorepro config dvc --restore

test: env ## Run the tests (minutes).
	python -m pytest -n 2 --dist loadfile -m "not slow and not cluster and not browser and not faults and not long"

test-slow: env ## Run the slow tests: whole workflows, kills, DVC.
	python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m slow tests/workflow tests/faults/test_kills.py

test-faults: env ## Kill, fill and damage whatever can be (an hour).
	python -m pytest tests/faults

test-long: env ## Run what is too long for every change.
	python -m pytest -m "long and not cluster"

test-cluster: env ## Run the demonstration through SLURM (Debian, root; a quarter of an hour).
	python -m pytest -m cluster -s tests/cluster

test-cluster-small: env ## Run a small target through SLURM (Debian, root).
	python -m pytest -m "cluster and not long" -s tests/cluster

test-browser: env ## Look at the report in Chromium (Debian, root where it is missing).
	python -m pytest -m browser tests/browser

lint: env ## Check style, types and rules.
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint

audit: env ## Check licences, and known vulnerabilities where they can be asked for.
	python envs/licences.py
	python envs/vulnerabilities.py

format: env ## Put style right.
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

docs: env ## Build the documentation into docs/_build; a warning or a broken link is an error.
	rm -rf docs/_build
	sphinx-build -W --keep-going -q -b html docs docs/_build
	@echo "Documentation: docs/_build/index.html"

bench: env ## Measure against peers (an hour; some: BENCHMARKS="reading training"); see results/benchmarks.
	@set -e; for name in $(BENCHMARKS); do echo "benchmarks/$$name.py"; python benchmarks/$$name.py; done

lock: env ## Renew requirements.lock after an edit of pyproject.toml.
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev \
	    --no-header --no-annotate --output-file requirements.lock pyproject.toml
	python envs/from_lock.py

clean: ## Remove results and simulated images, not the environment.
	rm -rf results/* data/simulated logs .snakemake
