from __future__ import annotations

import dataclasses
import errno
import hashlib
import io
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from local_server import serving
from small_disk import room_for

from leukorepro.core.errors import UserError
from leukorepro.core.fetching import transfer
from leukorepro.core.file_errors import FileError
from leukorepro.features.backbones.networks import build_network
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.specification import Backbone, PackagedWeights, TorchvisionWeights
from leukorepro.features.backbones.weights import (
    WeightsStatus,
    find_imagenet_weights,
    own_file,
    torch_cache,
    weights_status,
    weights_url,
)

CONTENT = random.Random(0).randbytes(3_000_000)
RIGHT = hashlib.sha256(CONTENT).hexdigest()
FILE = f"tiny-{RIGHT[:8]}.pth"
TINY: Backbone = dataclasses.replace(
    BACKBONES["mobilenet_v2"], weights=TorchvisionWeights("MobileNet_V2_Weights.IMAGENET1K_V1", FILE)
)


class Answer(BaseHTTPRequestHandler):
    """Answers as its class attribute says, and remembers what it was asked for."""

    protocol_version = "HTTP/1.1"
    how = "good"
    asked: list[str]
    go_on: threading.Event

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.how == "404":
            self.send_error(404)
            return
        if self.how == "circle":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = bytes(reversed(CONTENT)) if self.how == "wrong" else CONTENT
        self.send_response(200)
        if self.how.startswith("length "):
            self.send_header("Content-Length", self.how.removeprefix("length "))
        elif self.how != "no length":
            self.send_header("Content-Length", str(len(body) - (self.how == "more")))
        self.end_headers()
        sent = {"truncated": len(body) // 2, "stalled": len(body) // 2}.get(self.how, len(body))
        self.wfile.write(body[:sent])
        self.wfile.flush()
        if self.how == "stalled":
            self.go_on.wait(30)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


Serve = Callable[[str], str]


@pytest.fixture(autouse=True)
def _no_cache_and_no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("LEUKOREPRO_WEIGHTS_URL", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "weights"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server on this machine that answers in a given way; its address."""
    handler = type("Handler", (Answer,), {"asked": [], "go_on": threading.Event()})
    with serving(handler) as address:

        def start(how: str) -> str:
            handler.how = how
            return f"{address}/models"

        yield start
        handler.go_on.set()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_download_is_verified_and_kept(folder: Path, serve: Serve) -> None:
    mirror = serve("good")
    path = find_imagenet_weights(TINY, folder, mirror=mirror)
    assert path == folder / FILE
    assert path.read_bytes() == CONTENT
    assert [f.name for f in folder.iterdir()] == [FILE]
    serve("404")  # the second time nothing is asked for
    assert find_imagenet_weights(TINY, folder, mirror=mirror) == path


def test_the_length_need_not_be_told(folder: Path, serve: Serve) -> None:
    assert find_imagenet_weights(TINY, folder, mirror=serve("no length")).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        *(
            (f"length {text}", f"Content-Length is '{text}', which is no number")
            for text in ("abc", "-1", "1_0", "1.5")
        ),
        ("more", "what came has SHA-256"),
        ("circle", "would lead to an infinite loop. The last 30x error message was: Found)"),
    ],
)
def test_a_server_that_is_wrong_is_told_in_one_sentence(folder: Path, serve: Serve, how: str, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        find_imagenet_weights(TINY, folder, mirror=serve(how))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("address", ["http://[::1", "http://host:port", "http://a b/", "http://" + 70 * "a" + ".org"])
def test_an_address_that_is_none_is_told_in_one_sentence(folder: Path, address: str) -> None:
    with pytest.raises(UserError, match="could not be downloaded from") as caught:
        find_imagenet_weights(TINY, folder, mirror=address)
    assert "\n" not in str(caught.value)


class Whole(io.BytesIO):
    """What a server answers, without one: its thread would go on sending to nobody while the disk is full."""

    headers = Message()


@pytest.mark.parametrize("size", [0, 1_000_000])
def test_a_disk_that_is_full_is_no_failure_of_the_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Whole(CONTENT))
    with room_for(size), pytest.raises(FileError, match="free space there") as caught:
        find_imagenet_weights(TINY, folder, mirror="http://127.0.0.1")
    assert str(caught.value).startswith(f"{folder / FILE}: ")
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_text("in the way")
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("asked for a download"))
    with pytest.raises(UserError, match=f"{folder / FILE}: {folder} is no folder"):
        find_imagenet_weights(TINY, folder, mirror="http://127.0.0.1")


def test_without_a_home_the_library_has_no_cache(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", str)  # as of a user that the system does not know
    assert weights_status(TINY, folder).state == "missing"


def test_a_cache_that_cannot_be_looked_into_holds_nothing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As in another user's home. The superuser may look everywhere: the system's answer is made up."""
    look, cache = os.stat, str(torch_cache())

    def forbidden(path: str | Path, **options: Any) -> os.stat_result:
        if str(path).startswith(cache):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, **options)

    monkeypatch.setattr(os, "stat", forbidden)
    assert weights_status(TINY, folder).state == "missing"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("wrong", f"what came has SHA-256 {hashlib.sha256(bytes(reversed(CONTENT))).hexdigest()}"),
        ("truncated", "ended after 1,500,000 of 3,000,000 bytes"),
        ("404", "the server answers 404 Not Found"),
    ],
    ids=["wrong", "truncated", "404"],
)
def test_a_faulty_download_leaves_nothing_and_says_what_to_do(
    folder: Path, serve: Serve, how: str, reason: str
) -> None:
    mirror = serve(how)
    with pytest.raises(UserError) as caught:
        find_imagenet_weights(TINY, folder, mirror=mirror)
    assert str(caught.value) == (
        f"ImageNet weights {FILE} are not on this machine and could not be downloaded from {mirror}/{FILE} "
        f"({reason}). On a machine with a network, download that address, check that the SHA-256 begins with "
        f"{RIGHT[:8]}, and copy the file to {folder / FILE}; or use the weights 'random', or 'file:PATH'."
    )
    assert not folder.exists() or not list(folder.iterdir())


def test_without_a_network_there_is_one_error_with_file_address_and_hash(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{closed_port()}"
    monkeypatch.setenv("LEUKOREPRO_WEIGHTS_URL", address + "/")
    with pytest.raises(UserError) as caught:
        build_network(TINY, "gap", "imagenet", folder=folder)
    for part in (f"{address}/{FILE}", "Connection refused", RIGHT[:8], str(folder / FILE), "'random'"):
        assert part in str(caught.value)


def test_a_server_that_falls_silent_is_left(folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT_S", 0.3)
    with pytest.raises(UserError, match="timed out"):
        find_imagenet_weights(TINY, folder, mirror=serve("stalled"))
    assert not list(folder.iterdir())


def test_a_killed_download_is_never_taken_for_the_file(folder: Path, serve: Serve) -> None:
    code = (
        "import dataclasses, pathlib, sys\n"
        "from leukorepro.features.backbones.registry import BACKBONES, TorchvisionWeights\n"
        "from leukorepro.features.backbones.weights import find_imagenet_weights\n"
        "tiny = dataclasses.replace(BACKBONES['mobilenet_v2'], weights=TorchvisionWeights('', sys.argv[1]))\n"
        "find_imagenet_weights(tiny, pathlib.Path(sys.argv[2]), mirror=sys.argv[3])\n"
    )
    mirror = serve("stalled")
    arguments = [sys.executable, "-c", code, FILE, str(folder), mirror]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as download:
        deadline = time.monotonic() + 20
        while not any(f.stat().st_size for f in folder.glob(".*.tmp")):
            assert time.monotonic() < deadline
            assert download.poll() is None
            time.sleep(0.02)
        download.kill()
    (leftover,) = folder.iterdir()
    assert weights_status(TINY, folder).state == "missing"

    os.utime(leftover, (0, time.time() - 3600))
    assert find_imagenet_weights(TINY, folder, mirror=serve("good")).read_bytes() == CONTENT
    assert [f.name for f in folder.iterdir()] == [FILE]


def test_another_jobs_running_download_is_left_alone(folder: Path, serve: Serve) -> None:
    running = put(folder / f".{FILE}.abc.tmp", b"half")
    find_imagenet_weights(TINY, folder, mirror=serve("good"))
    assert running.exists()


def test_a_wrong_file_is_an_error_and_is_not_replaced(folder: Path, serve: Serve) -> None:
    path = put(folder / FILE, b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(UserError) as caught:
        find_imagenet_weights(TINY, folder, mirror=serve("good"))
    for part in (str(path), RIGHT[:8], found):
        assert part in str(caught.value)
    assert path.read_bytes() == b"something else"


def test_torchs_cache_is_looked_into_after_the_projects_folder(folder: Path) -> None:
    cached = put(torch_cache() / FILE, CONTENT)
    assert find_imagenet_weights(TINY, folder) == cached
    own = put(folder / FILE, CONTENT)
    assert find_imagenet_weights(TINY, folder) == own


def test_status_tells_present_missing_and_wrong(folder: Path) -> None:
    assert weights_status(TINY, folder) == WeightsStatus("missing", folder / FILE, RIGHT[:8])
    put(folder / FILE, CONTENT)
    assert weights_status(TINY, folder) == WeightsStatus("present", folder / FILE, RIGHT[:8], RIGHT)
    put(folder / FILE, CONTENT[:-1])
    assert weights_status(TINY, folder).state == "wrong"


@pytest.mark.parametrize("variables", [{}, {"XDG_CACHE_HOME": "/x"}, {"XDG_CACHE_HOME": "/x", "TORCH_HOME": "~/t"}])
def test_torchs_cache_is_where_torch_says(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(torch_cache()) == f"{torch.hub.get_dir()}/checkpoints"


@pytest.mark.parametrize("name", [n for n, b in BACKBONES.items() if isinstance(b.weights, TorchvisionWeights)])
def test_the_address_is_torchvisions(name: str) -> None:
    weights = BACKBONES[name].weights
    url = weights_url(weights)
    assert url == torchvision.models.get_weight(weights.name).url
    assert url.startswith("https://")
    assert url.endswith(f"/{weights.file}")


def test_a_mirror_must_be_a_web_address() -> None:
    with pytest.raises(UserError, match="LEUKOREPRO_WEIGHTS_URL: given 'ftp://x'"):
        weights_url(TINY.weights, "ftp://x")


def test_verified_imagenet_weights_reach_the_network(folder: Path, tmp_path: Path) -> None:
    """The same network as from the file by hand, with the file's hash noted."""
    by_hand = tmp_path / "by_hand.pth"
    torch.save(torchvision.models.mobilenet_v2(weights=None).state_dict(), by_hand)
    sha256 = hashlib.sha256(by_hand.read_bytes()).hexdigest()
    named = TorchvisionWeights("MobileNet_V2_Weights.IMAGENET1K_V1", f"mobilenet_v2-{sha256[:8]}.pth")
    put(folder / named.file, by_hand.read_bytes())
    network = build_network(dataclasses.replace(TINY, weights=named), "gap", "imagenet", folder=folder)
    assert network.file_sha256 == sha256
    assert network.weights_sha256 == build_network(TINY, "gap", f"file:{by_hand}").weights_sha256


def packaged(sha256: str = RIGHT, package: str = "leukorepro") -> Backbone:
    return dataclasses.replace(
        BACKBONES["mobilenet_v2"], weights=PackagedWeights(package, "models/tiny.pth", sha256, "none")
    )


def test_weights_of_a_package_are_verified_and_never_downloaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = BACKBONES["efficientnet_lite0"]
    assert weights_status(backbone, folder).state == "present"
    assert find_imagenet_weights(backbone, folder).name == "efficientnet-lite0-57934424.pth"
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_: pytest.fail("asked for a download"))
    with pytest.raises(
        UserError, match=r"tiny\.pth are not on this machine; install the package no-such-package, which"
    ):
        find_imagenet_weights(packaged(package="no-such-package"), folder)


def test_a_file_in_the_folder_of_weights_goes_before_the_packages(folder: Path) -> None:
    folder.mkdir()
    (folder / "tiny.pth").write_bytes(CONTENT)
    assert find_imagenet_weights(packaged(), folder) == folder / "tiny.pth"
    with pytest.raises(UserError, match="the right file begins with 0000"):
        find_imagenet_weights(packaged(sha256="0" * 64), folder)


@pytest.mark.parametrize(
    ("name", "file"),
    [("googlenet_caffe", "googlenet_caffe.pth"), ("inception_resnet_v2", "inception_resnet_v2.tf_in1k.pth")],
)
def test_a_file_whose_content_nobody_states_is_known_as_the_users_own(folder: Path, name: str, file: str) -> None:
    assert own_file(BACKBONES[name], folder) is None
    folder.mkdir(exist_ok=True)
    (folder / file).write_bytes(b"mine")
    (folder / "vgg16-397923af.pth").write_bytes(b"wrong")
    assert own_file(BACKBONES[name], folder) == folder / file == weights_status(BACKBONES[name], folder).path
    assert own_file(BACKBONES["vgg16"], folder) is None
