"""Whether a locked package has a known vulnerability, by pip-audit.

One that has is named, with the versions that mend it, and the exit code is 1. Where the service does not answer, say
without a network, that is said and the exit code is 0: then nothing is known of any package. Further words are
pip-audit's own, such as `--ignore-vuln ID` for one that does not concern the project.

    python envs/vulnerabilities.py
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"
ENTRY = re.compile(r"(?:.*\\\n)*.*\n")
"""A line of a lock with those that continue it."""
SECONDS = 300
"""In which a service has answered for all packages."""
SILENT = re.compile(r"requests\.exceptions\.\w+|\bServiceError\b|network may be blocking")
"""What pip-audit ends with where a service cannot be reached or does not do its work."""


class NoAnswer(Exception):
    """The service says nothing."""


def answers(lock: str, *words: str) -> list[dict[str, Any]]:
    """What is known of each package of a lock.

    Raises
    ------
    NoAnswer
        If the service says nothing, or knows none of them.
    """
    with TemporaryDirectory() as folder:
        locked, told = Path(folder) / "requirements.txt", Path(folder) / "told.json"
        locked.write_text(lock, encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(locked), "--require-hashes", "--disable-pip"]
        command += ["--progress-spinner", "off", "--format", "json", "--output", str(told), *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise NoAnswer(f"no answer in {SECONDS} seconds") from None
        if not told.is_file():
            last = done.stderr.strip().split("\n")[-1]
            if SILENT.search(done.stderr):
                raise NoAnswer(last)
            sys.exit(last)  # of pip-audit itself: about the lock, or a word
        packages: list[dict[str, Any]] = json.loads(told.read_text(encoding="utf-8"))["dependencies"]
    if all("skip_reason" in package for package in packages):
        raise NoAnswer(packages[0]["skip_reason"])
    return packages


def audit(lock: str, *words: str) -> str:
    """What there is to say of a lock where nothing is wrong with it; otherwise the end, with the packages' names."""
    try:
        answers(ENTRY.findall(lock)[0], *words)  # so that no service is asked hundreds of times for nothing
        packages = answers(lock, *words)
    except NoAnswer as silence:
        return f"Known vulnerabilities: NOT AUDITED, since the service does not answer ({silence})"
    known = [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for package in packages
        for found in package.get("vulns", [])
    ]
    if known:
        sys.exit("\n".join(["Known vulnerabilities:", *known]))
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    return f"Known vulnerabilities: none of {len(packages) - len(skipped)} packages has one" + (
        f"; not known to the service: {', '.join(skipped)}" if skipped else ""
    )


if __name__ == "__main__":
    print(audit(LOCK.read_text(encoding="utf-8"), *sys.argv[1:]))
