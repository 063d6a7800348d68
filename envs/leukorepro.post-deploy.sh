#!/usr/bin/env bash
# Snakemake runs this in a new conda environment, from the project's root: the package itself, from this checkout.
set -euo pipefail
python -m pip install --no-deps --no-build-isolation --editable .
