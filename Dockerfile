# The environment of the project in an image: what `make env` installs, for any user but root.
#
#   docker build --tag leukorepro .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD":/project leukorepro snakemake --cores all
#
# The checkout is mounted, since it holds data, results and Snakemake's records; the package is the image's own copy. In an
# empty folder, `leukorepro init` starts a project that needs no checkout.
# Apptainer.def is the same for clusters.
FROM python:3.11-slim-bookworm

# make installs the rest, and DVC works in git repositories. Debian keeps no older versions that could be named.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*

COPY CITATION.cff LICENSE Makefile README.md Snakefile hatch_build.py pyproject.toml requirements.lock /opt/leukorepro/
COPY config /opt/leukorepro/config
COPY envs /opt/leukorepro/envs
COPY profiles /opt/leukorepro/profiles
COPY src /opt/leukorepro/src
COPY workflow /opt/leukorepro/workflow
COPY data/README.md /opt/leukorepro/data/README.md
RUN PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 make --directory=/opt/leukorepro env

# Libraries keep caches in the home folder, which a user that is named at the start only does not have.
ENV PATH=/opt/leukorepro/.venv/bin:$PATH HOME=/tmp
RUN useradd --uid 1000 leukorepro
USER 1000
WORKDIR /project
CMD ["leukorepro", "--help"]
