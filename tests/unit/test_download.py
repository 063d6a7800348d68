"""Downloads in pieces, from a server that does what servers do."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

import pytest
from local_server import serving

from leukorepro.core.errors import UserError
from leukorepro.core.fetching import download as module
from leukorepro.core.fetching.download import download

CONTENT = random.Random(1).randbytes(300_000)
OTHER = CONTENT[::-1]
RIGHT = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"


class Answer(NamedTuple):
    """How one request is answered."""

    body: bytes = CONTENT
    sent: int | None = None
    """Bytes after which the connection breaks."""
    code: int = 200
    ranges: bool = True
    tag: str = '"one"'
    length: int | None = None
    """What Content-Length lies."""
    to: str = ""
    """Where the client is sent instead."""


class Handler(BaseHTTPRequestHandler):
    """Answers as the list says, the last of which stays; remembers paths and ranges."""

    protocol_version = "HTTP/1.1"
    answers: list[Answer]
    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.asked.append((self.path, wanted))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.close_connection = True
        if answer.to or answer.code != 200:
            self.send_response(302 if answer.to else answer.code)
            self.send_header("Location", answer.to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start, whole = 0, len(answer.body)
        known = self.headers["If-Range"] in (None, answer.tag)
        if wanted and answer.ranges and known:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
        if start >= whole:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if answer.tag:
            self.send_header("ETag", answer.tag)
        self.send_header("Content-Length", str(whole - start if answer.length is None else answer.length))
        self.end_headers()
        self.wfile.write(answer.body[start:][: answer.sent])

    def log_message(self, format: str, *args: object) -> None:
        pass


Serve = Callable[..., str]


class Served:
    """A server and what it was asked for."""

    def __init__(self, address: str, handler: type[Handler]) -> None:
        self.url = f"{address}/cells.zip"
        self.handler = handler

    def answers(self, *answers: Answer) -> None:
        self.handler.answers = list(answers)
        self.handler.asked.clear()

    @property
    def ranges(self) -> list[str | None]:
        return [wanted for _, wanted in self.handler.asked]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(module, "PAUSES_S", (0, 0))
    handler = type("Own", (Handler,), {"answers": [Answer()], "asked": []})
    with serving(handler) as address:
        yield Served(address, handler)


@pytest.mark.parametrize("checksum", ["", RIGHT, MD5])
def test_a_file_comes_whole_and_is_not_asked_for_again(server: Served, tmp_path: Path, checksum: str) -> None:
    path = tmp_path / "new" / "cells.zip"
    download(server.url, path, checksum)
    assert path.read_bytes() == CONTENT
    download(server.url, path, checksum)
    assert server.ranges == [None]


def test_a_broken_connection_is_taken_up_where_it_broke(server: Served, tmp_path: Path) -> None:
    path = tmp_path / "cells.zip"
    server.answers(Answer(sent=100_000), Answer(sent=50_000), Answer())
    download(server.url, path, RIGHT)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_what_came_stays_and_the_next_command_continues(server: Served, tmp_path: Path) -> None:
    path = tmp_path / "cells.zip"
    server.answers(Answer(sent=100_000), Answer(code=503))
    with pytest.raises(UserError, match=r"answers 503 .*; 100,000 bytes are kept, and the same command continues"):
        download(server.url, path)
    assert len(server.ranges) == 4
    assert not path.exists()
    server.answers(Answer())
    download(server.url, path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == ["bytes=100000-"]


@pytest.mark.parametrize(
    "later",
    [Answer(ranges=False), Answer(tag='"two"'), Answer(body=OTHER, tag='"two"'), Answer(body=OTHER[:90_000], tag="")],
    ids=["ignores ranges", "another version", "other bytes", "a shorter file"],
)
def test_pieces_of_two_files_are_never_put_together(server: Served, tmp_path: Path, later: Answer) -> None:
    path = tmp_path / "cells.zip"
    server.answers(Answer(sent=100_000), later)
    download(server.url, path)
    assert path.read_bytes() == later.body


def test_pieces_that_a_server_cannot_tell_apart_are_found_by_the_checksum(server: Served, tmp_path: Path) -> None:
    path = tmp_path / "cells.zip"
    server.answers(Answer(sent=100_000, body=OTHER, tag=""), Answer(code=404))
    with pytest.raises(UserError, match="answers 404"):
        download(server.url, path, RIGHT)
    server.answers(Answer(tag=""))
    download(server.url, path, RIGHT)
    assert path.read_bytes() == CONTENT
    assert server.ranges == ["bytes=100000-", None]


def test_a_wrong_checksum_removes_what_came_and_nothing_else(server: Served, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    server.answers(Answer(body=OTHER))
    wrong = hashlib.sha256(OTHER).hexdigest()
    with pytest.raises(UserError, match=f"what came is sha256:{wrong}, where {RIGHT} is published; it was removed"):
        download(server.url, tmp_path / "cells.zip", RIGHT)
    assert [f.name for f in tmp_path.iterdir()] == ["mine"]
    path = tmp_path / "cells.zip"
    path.write_bytes(OTHER)
    with pytest.raises(UserError, match="remove it, and it is downloaded again"):
        download(server.url, path, RIGHT)
    assert path.read_bytes() == OTHER


def test_another_address_is_another_file(server: Served, tmp_path: Path) -> None:
    path = tmp_path / "cells.zip"
    download(server.url, path)
    server.answers(Answer(body=OTHER))
    download(f"{server.url}?mirror", path)
    assert path.read_bytes() == OTHER


@pytest.mark.parametrize(
    ("answer", "reason", "asked"),
    [
        (Answer(code=404), "answers 404", 1),
        (Answer(code=403), "answers 403", 1),
        (Answer(code=500), "answers 500", 3),
        (Answer(length=-5), "Content-Length is '-5', which is no number", 1),
        (Answer(to="/cells.zip"), "infinite loop", None),
    ],
    ids=["404", "403", "500", "no length", "circle"],
)
def test_a_server_that_refuses_is_told(
    server: Served, tmp_path: Path, answer: Answer, reason: str, asked: int | None
) -> None:
    server.answers(answer)
    with pytest.raises(UserError, match=reason) as caught:
        download(server.url, tmp_path / "cells.zip")
    assert "\n" not in str(caught.value)
    assert asked is None or len(server.ranges) == asked


def test_redirections_are_followed(server: Served, tmp_path: Path) -> None:
    server.answers(Answer(to="/elsewhere"), Answer())
    download(server.url, tmp_path / "cells.zip")
    assert [path for path, _ in server.handler.asked] == ["/cells.zip", "/elsewhere"]


def test_a_server_that_tells_too_great_a_length_never_completes_a_file(server: Served, tmp_path: Path) -> None:
    server.answers(Answer(length=400_000, ranges=False, sent=0))
    with pytest.raises(UserError, match="ended after 0 of 400,000 bytes"):
        download(server.url, tmp_path / "cells.zip")
    assert not (tmp_path / "cells.zip").exists()


def test_room_is_looked_for_before_anything_is_written(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    with pytest.raises(UserError, match="1,000 bytes are free, and 300,000 are to be downloaded"):
        download(server.url, tmp_path / "cells.zip")


def test_two_processes_do_not_write_one_file(server: Served, tmp_path: Path) -> None:
    path = tmp_path / "cells.zip"
    with (tmp_path / "cells.zip.part").open("ab") as file, module._alone(file, path):
        told: list[str] = []

        def second() -> None:
            try:
                download(server.url, path)
            except UserError as error:
                told.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=10)
    assert told == [f"{path}.part: another process is downloading it; wait for it."]


def test_an_encrypted_address_does_not_become_an_open_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from email.message import Message
    from io import BytesIO

    from leukorepro.core.fetching import transfer

    class Response(BytesIO):
        headers = Message()
        url = "http://elsewhere/cells.zip"

    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Response(b"x"))
    with pytest.raises(transfer.TransferError, match="without encryption"), transfer.ask("https://here/cells.zip"):
        pass
