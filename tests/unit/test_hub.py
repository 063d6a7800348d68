"""The Hugging Face hub, played by a server on this machine; its library reads the environment when it is imported."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from local_server import serving

CONTENT = random.Random(0).randbytes(300_000)
RIGHT = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = "/timm/inception_resnet_v2.tf_in1k/resolve/main/model.safetensors"

CODE = """
import json, pathlib, sys
from leukorepro.core.errors import UserError
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.weights import find_imagenet_weights, weights_status
backbone, folder = BACKBONES["inception_resnet_v2"], pathlib.Path(sys.argv[1])
try:
    found = {"path": str(find_imagenet_weights(backbone, folder))}
except UserError as error:
    found = {"error": str(error)}
status = weights_status(backbone, folder)
found |= {"state": status.state, "expected": status.expected, "where": str(status.path)}
found["torch"] = [m for m in ("torch", "timm") if m in sys.modules]
print(json.dumps(found))
"""


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does, or as its class attribute says, and remembers what it was asked for."""

    protocol_version = "HTTP/1.1"
    how = "good"
    asked: list[tuple[str, str]]

    def do_HEAD(self) -> None:
        self.answer(b"")

    def do_GET(self) -> None:
        self.answer(bytes(reversed(CONTENT)) if self.how == "wrong" else CONTENT)

    def answer(self, body: bytes) -> None:
        self.asked.append((self.command, self.path))
        if self.how == "404":
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{RIGHT}"')
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[tuple[str, type[Hub]]]:
    handler: Any = type("Handler", (Hub,), {"asked": []})
    with serving(handler) as address:
        yield address, handler


Find = Callable[..., dict[str, Any]]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Look the weights of Inception-ResNet-v2 up in a process of its own."""

    def run(endpoint: str, **variables: str) -> dict[str, Any]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "XDG_"))}
        own = {"HF_HOME": str(tmp_path / "hub"), "HF_ENDPOINT": endpoint, "TORCH_HOME": str(tmp_path / "torch")}
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(tmp_path / "weights")],
            env={**kept, **own, **variables},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return run


def files(folder: Path) -> list[bytes]:
    return [f.read_bytes() for f in folder.rglob("*") if f.is_file() and len(f.read_bytes()) > 1000]


def test_a_download_is_verified_kept_and_not_repeated(hub: tuple[str, type[Hub]], find: Find, tmp_path: Path) -> None:
    endpoint, handler = hub
    found = find(endpoint)
    assert Path(found["path"]).read_bytes() == CONTENT
    assert tmp_path / "hub" in Path(found["path"]).parents
    assert (found["state"], found["expected"], found["torch"]) == ("present", RIGHT, [])
    assert set(handler.asked) == {("HEAD", ADDRESS), ("GET", ADDRESS)}, "one file, and nothing else"
    handler.asked.clear()
    assert find(endpoint) == found
    assert find(endpoint, HF_HUB_OFFLINE="1") == found
    assert not handler.asked


def test_what_the_hub_does_not_state_is_refused_and_not_kept(
    hub: tuple[str, type[Hub]], find: Find, tmp_path: Path
) -> None:
    endpoint, handler = hub
    handler.how = "wrong"
    wrong = hashlib.sha256(bytes(reversed(CONTENT))).hexdigest()
    found = find(endpoint)
    assert f"what came has SHA-256 {wrong}, the hub states {RIGHT}" in found["error"]
    assert found["state"] == "missing"
    assert not files(tmp_path)
    handler.how = "good"
    assert Path(find(endpoint)["path"]).read_bytes() == CONTENT


def test_a_changed_file_in_the_cache_is_an_error(hub: tuple[str, type[Hub]], find: Find) -> None:
    path = Path(find(hub[0])["path"])
    path.resolve().write_bytes(CONTENT[:-1])
    found = find(hub[0])
    assert f"but that of the right file begins with {RIGHT};" in found["error"]
    assert found["state"] == "wrong"


def test_a_file_in_the_projects_folder_comes_first(hub: tuple[str, type[Hub]], find: Find, tmp_path: Path) -> None:
    find(hub[0])
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / "weights" / f"inception_resnet_v2.tf_in1k{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"own")
        found = find(hub[0])
        assert (found["path"], found["state"], found["expected"]) == (str(path), "present", "")


def test_without_a_hub_the_user_is_told_what_to_do(hub: tuple[str, type[Hub]], find: Find, tmp_path: Path) -> None:
    endpoint, handler = hub
    handler.how = "404"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    answers = {"404": find(endpoint), "closed": find(closed), "offline": find(endpoint, HF_HUB_OFFLINE="1")}
    for how, found in answers.items():
        assert found["state"] == "missing"
        place = tmp_path / "weights" / "inception_resnet_v2.tf_in1k.safetensors"
        for part in (f"could not be downloaded from {closed if how == 'closed' else endpoint}{ADDRESS}", str(place)):
            assert part in found["error"]


def test_a_cache_that_cannot_be_written_is_no_failure_of_the_network(
    hub: tuple[str, type[Hub]], find: Find, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    found = find(hub[0], HF_HOME=str(tmp_path / "file" / "below"))
    assert found["error"].startswith(f"{tmp_path / 'file'}")
    assert "Not a directory; a part of this path is a file" in found["error"]
    assert found["state"] == "missing"
