"""What is told of the locked packages: their licences, and what is known against them."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).resolve().parents[2]
LICENCES = runpy.run_path(str(ROOT / "envs/licences.py"))
VULNERABILITIES = runpy.run_path(str(ROOT / "envs/vulnerabilities.py"))
LOCK = (ROOT / "requirements.lock").read_text()


def package(folder: Path, *told: str, name: str = "thing") -> Distribution:
    """An installed package that says this of itself."""
    place = folder / f"{name}-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *told]) + "\n")
    return PathDistribution(place)


GPL = "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)"
MIT = "Classifier: License :: OSI Approved :: MIT License"


@pytest.mark.parametrize(
    "told",
    [
        ["License-Expression: MIT"],
        ["License-Expression: BSD-3-Clause AND (GPL-2.0-only OR MIT)"],
        ["License-Expression: MIT", GPL],  # an expression has the word
        [MIT, "Classifier: License :: OSI Approved"],
        ["License: Apache License 2.0"],
        ["License: MPL-2.0"],
    ],
)
def test_permissive_licences_pass(tmp_path: Path, told: list[str]) -> None:
    assert LICENCES["refused"]([package(tmp_path, *told)]) == []


@pytest.mark.parametrize(
    ("told", "named"),
    [
        (["License-Expression: GPL-3.0-or-later"], "GPL-3.0-or-later"),
        (["License-Expression: MIT AND AGPL-3.0-only"], "MIT AND AGPL-3.0-only"),
        ([MIT, GPL], "MIT License, GNU General Public License v3 (GPLv3)"),
        (["License: MIT AND"], "MIT AND"),
        (["License: free for academic use"], "free for academic use"),
        ([], "names no licence"),
    ],
)
def test_any_other_licence_is_told_with_the_package(tmp_path: Path, told: list[str], named: str) -> None:
    assert LICENCES["refused"]([package(tmp_path, *told)]) == [f"thing 1.0: {named}"]


def test_an_exception_is_for_one_package_only(tmp_path: Path) -> None:
    excepted = package(tmp_path, "License: NVIDIA Proprietary Software", name="nvidia_cublas")
    assert LICENCES["refused"]([excepted]) == []
    other = package(tmp_path, "License: NVIDIA Proprietary Software", name="cublas")
    assert LICENCES["refused"]([excepted, other]) == ["cublas 1.0: NVIDIA Proprietary Software"]


def test_every_exception_is_of_a_locked_package_and_has_a_reason() -> None:
    locked = [line.split("==")[0] for line in LOCK.splitlines() if "==" in line]
    for pattern, reason in LICENCES["EXCEPTIONS"].items():
        assert any(fnmatch(name, pattern) for name in locked), pattern
        assert len(reason.split()) > 3


@pytest.fixture
def service() -> Iterator[str]:
    """Stands in for a service of known vulnerabilities on this machine, which knows one of Jinja2's."""
    found = {
        "id": "PYSEC-2026-1",
        "summary": "a template runs what it is given",
        "affected": [
            {
                "package": {"name": "jinja2", "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
            }
        ],
    }

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/" else 500)
            self.end_headers()
            known = [found] if asked["package"]["name"] == "jinja2" else []
            self.wfile.write(json.dumps({"vulns": known} if known else {}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def audit(service: str, *names: str) -> str:
    """What is told of packages as they are locked."""
    entries = ["".join(VULNERABILITIES["ENTRY"].findall(LOCK[LOCK.index(f"\n{name}==") + 1 :])[:1]) for name in names]
    said: str = VULNERABILITIES["audit"]("".join(entries), "--vulnerability-service", "osv", "--osv-url", service)
    return said


def test_a_known_vulnerability_is_named_with_its_package(service: str) -> None:
    assert audit(service, "tqdm", "rich") == "Known vulnerabilities: none of 2 packages has one"
    with pytest.raises(SystemExit, match=r"\njinja2 3\.\S+: PYSEC-2026-1, mended in 99\.0$"):
        audit(service, "tqdm", "jinja2")


def test_a_service_that_does_not_answer_is_told_and_breaks_nothing(service: str) -> None:
    for silent in (f"{service}broken", "http://127.0.0.1:9/"):  # an error of the service's; nobody there
        assert audit(silent, "jinja2").startswith(
            "Known vulnerabilities: NOT AUDITED, since the service does not answer"
        )
    with pytest.raises(SystemExit, match="hash"):  # but a lock that cannot be read is no silence
        VULNERABILITIES["audit"]("jinja2==3.1.6\n", "--vulnerability-service", "osv", "--osv-url", service)
