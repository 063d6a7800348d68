#!/usr/bin/env bash
# Snakemake runs this in a new conda environment, from the project's root: the package itself, from this checkout.
set -euo pipefail
if [ ! -f pyproject.toml ]; then
    echo "leukorepro: --software-deployment-method conda needs a checkout; leave it out in a project that \`leukorepro init\` or snakedeploy made." >&2
    exit 1
fi
python -m pip install --no-deps --no-build-isolation --editable .
