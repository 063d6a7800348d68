"""What a build adds: the version, from the newest tag, and in archives the project's files and their commit.

An editable installation takes nothing along: it runs from its checkout.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

sys.path.insert(0, str(Path(__file__).parent / "src"))

from leukorepro.core.installation.files import INSIDE
from leukorepro.core.installation.version import RECORD, ask_git, commit

TAKEN_ALONG = (
    *("Snakefile", "workflow", "config", "profiles", "data/README.md"),
    *("envs/leukorepro.yaml", "envs/leukorepro.post-deploy.sh"),
)
"""What a run needs beside the package."""


def version_of(root: Path) -> str:
    """Version of a checkout: that of the newest tag `v1.2.3`, with `.post4` where four commits follow it.

    Without a tag, or without git, it is the version that CITATION.cff says.
    """
    told = ask_git(root, "describe", "--tags", "--long", "--match=v[0-9]*")
    if told is None or ask_git(root, "rev-parse", "--show-prefix"):  # no tag; or the checkout is somebody else's
        (said,) = re.findall(r"^version: (\S+)$", (root / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
        return str(said)
    tag, since, _ = told.rsplit("-", 2)
    return tag.removeprefix("v") + (f".post{since}" if int(since) else "")


class VersionOfTag(MetadataHookInterface):
    """Says the version."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set it, unless an archive has kept the one that it was built with."""
        metadata["version"] = version_of(Path(self.root))


class ProjectFiles(BuildHookInterface[Any]):
    """Takes the project's files into a wheel, and the commit into a wheel or a source archive."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what is to be taken."""
        if version == "editable":
            return
        root = Path(self.root)
        kept = root / RECORD  # of a source archive
        told = kept.read_text(encoding="utf-8") if kept.is_file() else commit(root / "src" / "leukorepro")
        self.folder = tempfile.TemporaryDirectory()
        record = Path(self.folder.name) / RECORD
        record.write_text(told, encoding="utf-8")
        inside = f"leukorepro/{INSIDE}/" if self.target_name == "wheel" else ""
        build_data["force_include"][str(record)] = f"{inside}{RECORD}"
        if self.target_name == "wheel":
            for name in TAKEN_ALONG:
                build_data["force_include"][str(root / name)] = f"{inside}{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was written for the build."""
        if version != "editable":
            self.folder.cleanup()
