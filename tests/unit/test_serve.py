"""The local page of a model: what it takes and what it refuses, and that nothing of it stays."""

from __future__ import annotations

import base64
import io
import re
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from image_files import COLOUR, chunk, encoded
from model_data import grey, write_model_fitted_on
from PIL import Image
from served import MAX_PIXELS, ask, send, serving, serving_model

from leukorepro.core.errors import UserError
from leukorepro.data.images import decode
from leukorepro.inference.bundle.reading import read_model
from leukorepro.inference.explaining.models import ModelExplainer
from leukorepro.inference.model import decide
from leukorepro.inference.predicting.ready import ready
from leukorepro.inference.serving.answers import Answers
from leukorepro.inference.serving.app import Limits
from leukorepro.inference.serving.server import address_of, listen

MAX_BYTES = 2_000_000
LIMITS = Limits(MAX_BYTES)
CELL = encoded(COLOUR, "png")


def mean_grey(content: bytes) -> dict[str, Any]:
    """A model that is quick: the mean of an image's values."""
    return {"prediction": "all", "score": float(decode(Path("image"), MAX_PIXELS, content).pixels.mean())}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(mean_grey, LIMITS, page="<p>a page") as port:
        yield port


def test_an_image_is_answered_by_the_model(port: int) -> None:
    response = send(port, CELL)
    assert response.code == 200
    assert response.json == {"status": "ok", "prediction": "all", "score": COLOUR.mean()}


def test_the_answer_is_that_of_the_model(tmp_path: Path) -> None:
    """Of a grey image that all pixels agree about, of one that is half black and half white, and of one file
    that has to be converted."""
    with serving_model(tmp_path / "model", LIMITS) as port:
        model = read_model(tmp_path / "model")
        halves = np.concatenate([grey(0, 40), grey(1, 40)])
        likely, strange = (send(port, encoded(image, "png")).json for image in (grey(0.34, 40), halves))
        converted = send(port, encoded(COLOUR[..., 0], "png")).json
        html = ask(port).body.decode()
    said = decide(model, model.system.answers(pixel_rows(grey(0.34))))
    assert likely["prediction"] == said.prediction[0] == "all"
    assert likely["probability"] == pytest.approx(said.probability[0], abs=1e-6)
    assert (likely["of_class"], likely["out_of_distribution"], likely["warnings"]) == ("all", False, [])
    np.testing.assert_array_equal(pixels_of(likely["picture"]), grey(0.34, 40))
    shown = ModelExplainer(model).explain([grey(0.34, 40)], ["all"])[0]
    np.testing.assert_array_equal(pixels_of(likely["map"]), shown.overlay)
    assert likely["map_shows"].startswith("Red speaks for all, blue against.")
    assert strange["out_of_distribution"]
    assert strange["warnings"][0].startswith(f"Unlike the training images: {strange['distance']:.2f} times as far")
    assert "Converted: " in " ".join(converted["warnings"])
    assert "Not a medical device" in html
    assert model.card.caveats[0] in html
    assert "70.0 to 90.0" in html  # the honest measurement, with its interval


def test_an_image_that_the_model_was_fitted_on_is_told(tmp_path: Path) -> None:
    file = tmp_path / "seen.png"
    file.write_bytes(encoded(grey(0.34, 40), "png"))
    for images, known in ((None, None), ([], False), ([file], True)):
        model = write_model_fitted_on(images, tmp_path / str(known))
        with ready(read_model(model), device="cpu") as readied:
            answer = Answers(readied, MAX_PIXELS)(file.read_bytes())
        assert answer["training_image"] is known
        told = [sentence.startswith("The model was fitted on this image") for sentence in answer["warnings"]]
        assert told == ([True] if known else [])


def pixels_of(address: str) -> np.ndarray:
    """The picture that stands in an address."""
    kind, _, content = address.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def pixel_rows(image: np.ndarray) -> np.ndarray:
    """What the descriptor `pixels` makes of an image of its own size."""
    return (image.reshape(1, -1) / 255).astype(np.float32)


def bomb() -> bytes:
    """A PNG whose header says 20,000 x 20,000 pixels."""
    header = (20_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", "empty", "no bytes"),
        (b"patient,class\n7,all\n", "not_an_image", ""),
        (CELL[:-40], "truncated", ""),
        (bomb(), "oversized", "20000 x 20000 pixels, more than max_pixels = 1000000"),
        (b"GIF89a" + bytes(100), "unsupported", "GIF"),
    ],
)
def test_what_is_no_image_is_told_in_the_words_of_the_manifest(
    port: int, content: bytes, status: str, says: str
) -> None:
    response = send(port, content)
    assert response.code == 422
    assert response.json["status"] == status
    assert says in response.json["error"]


def test_a_file_that_says_it_is_too_large_is_refused_before_it_is_sent(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {MAX_BYTES + 1}\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))  # until the server closes the connection
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b'{"error":"The file is larger than 2 MB, which is the most this server takes."}')


def test_a_file_that_turns_out_too_large_is_not_read_to_its_end(port: int) -> None:
    """Sent in chunks, so that nobody knows its size before."""
    piece, sent = bytes(100_000), 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.setblocking(False)
        while sent < 100 * MAX_BYTES:
            try:
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                sent += len(piece)
            except (BlockingIOError, ConnectionError):
                break
            try:
                if connection.recv(12) == b"HTTP/1.1 413":
                    break
            except BlockingIOError:
                time.sleep(0.001)
    assert sent < 10 * MAX_BYTES


def test_a_form_is_told_from_an_image(port: int) -> None:
    response = send(port, b"--x--", **{"Content-Type": "multipart/form-data; boundary=x"})
    assert response.code == 415
    assert response.json == {"error": "Send the bytes of one image file as the body, not a form."}


def test_a_file_that_never_ends_is_waited_for_no_longer_than_allowed() -> None:
    with (
        serving(mean_grey, Limits(MAX_BYTES, receiving=0.1)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nabc")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "10.0.0.7"])
def test_addresses_and_own_names_are_answered(port: int, host: str) -> None:
    assert ask(port, Host=host).code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "[::1"])
def test_a_name_that_somebody_else_gave_this_machine_is_refused(port: int, host: str) -> None:
    assert ask(port, Host=host).code == 421


def test_other_pages_are_not_answered(port: int) -> None:
    own = f"127.0.0.1:{port}"
    assert send(port, CELL, Host=own, Origin=f"http://{own}").code == 200
    for other in ("https://evil.example", "null", "http://127.0.0.1:1"):
        response = send(port, CELL, Host=own, Origin=other)
        assert response.code == 403
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css", "/nothing", "/predict"])
def test_every_answer_tells_the_browser_to_keep_and_fetch_nothing(port: int, path: str) -> None:
    headers = ask(port, path=path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "server" not in headers


def test_many_uploads_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = psutil.Process()
    image = encoded(np.random.default_rng(0).integers(0, 256, (500, 600, 3), dtype=np.uint8), "bmp")
    assert 800_000 < len(image) < MAX_BYTES
    with serving(mean_grey, LIMITS) as port:
        send(port, image)
        files_before, memory_before = process.num_fds(), process.memory_info().rss
        most_files = 0
        for _ in range(200):
            assert send(port, image).code == 200
            most_files = max(most_files, process.num_fds())
        time.sleep(0.05)  # the server closes the last connection
        assert process.num_fds() <= files_before
        assert most_files <= files_before + 3
        assert process.memory_info().rss - memory_before < 40 * len(image)  # of 200
    assert not list(tmp_path.iterdir())


def test_two_clients_are_answered_one_after_the_other_and_the_page_meanwhile() -> None:
    started, go_on = threading.Semaphore(0), threading.Semaphore(0)
    order = []

    def slow(content: bytes) -> dict[str, Any]:
        order.append(content)
        started.release()
        assert go_on.acquire(timeout=10)
        order.append(content)
        return {"prediction": content.decode()}

    with serving(slow, LIMITS, page="<p>here") as port, ThreadPoolExecutor(2) as clients:
        first = clients.submit(send, port, b"1")
        assert started.acquire(timeout=10)
        second = clients.submit(send, port, b"2")
        assert ask(port).body == b"<p>here"
        assert not second.done()
        go_on.release(2)
        assert [first.result().json["prediction"], second.result().json["prediction"]] == ["1", "2"]
    assert order == [b"1", b"1", b"2", b"2"]


def test_more_than_there_are_places_for_are_asked_to_come_again() -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(_: bytes) -> dict[str, Any]:
        started.set()
        assert go_on.wait(timeout=10)
        return {}

    with serving(slow, Limits(MAX_BYTES, places=1)) as port, ThreadPoolExecutor(1) as clients:
        first = clients.submit(send, port, CELL)
        assert started.wait(timeout=10)
        refused = send(port, CELL)
        assert (refused.code, refused.headers["retry-after"]) == (503, "2")
        go_on.set()
        assert first.result().code == 200
        assert send(port, CELL).code == 200


def test_a_port_in_use_and_hosts_of_others_are_told() -> None:
    with listen("127.0.0.1", 0) as taken:
        number = taken.getsockname()[1]
        assert address_of(taken) == f"http://127.0.0.1:{number}/"
        with pytest.raises(UserError, match=rf"--port: {number} is in use on 127\.0\.0\.1; name another one"):
            listen("127.0.0.1", number)
    with pytest.raises(UserError, match=r"--host: cannot listen on '192\.0\.2\.1' \(.+\); name an address of this"):
        listen("192.0.2.1", 0)


INTERRUPTED = """
import os, signal, threading, time
from leukorepro.inference.serving.server import Server, listen

async def app(scope, receive, send): ...

server = Server(app, "127.0.0.1")

def interrupt():
    while not server.started:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
listening = listen("127.0.0.1", 0)
server.serve_on(listening)
assert listening.fileno() == -1
"""


def test_ctrl_c_ends_it_without_a_word() -> None:
    """In a process of its own, which the signal is for."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_has_the_colours_of_the_report() -> None:
    variables = re.compile(r"(--[a-z-]+): ([^;]+);")
    own = variables.findall(files("leukorepro.inference.serving").joinpath("page/page.css").read_text("utf-8"))
    (style,) = Path(str(files("leukorepro.report"))).rglob("style.css")
    report = variables.findall(style.read_text("utf-8"))
    assert len(own) > 12
    assert set(own) <= set(report)
