"""Write envs/leukorepro.yaml from requirements.lock: the same packages, for Snakemake to deploy with conda.

Snakemake copies the file elsewhere before conda reads it, so that it cannot refer to the lock by a relative path. The
package itself follows by envs/leukorepro.post-deploy.sh.

    python envs/from_lock.py
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINNED = re.compile(r"^(?P<package>[^\s;#]+==[^\s;]+)(?: ; (?P<marker>.+?))? \\$", re.MULTILINE)


def environment(lock: str) -> str:
    """Conda environment file with every package that a lock pins."""
    lines = [
        "# Made from requirements.lock by envs/from_lock.py; do not edit.",
        "name: leukorepro",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python =3.11",
        "  - pip",
        "  - pip:",
    ]
    for pinned in PINNED.finditer(lock):
        requirement = pinned["package"] + (f" ; {pinned['marker']}" if pinned["marker"] else "")
        lines.append(f'      - "{requirement}"')
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "envs" / "leukorepro.yaml").write_text(environment((ROOT / "requirements.lock").read_text()))
