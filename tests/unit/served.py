"""A model's page on this machine for as long as a test asks it, and requests to it, byte by byte."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from model_data import write_small_model

from leukorepro.inference.bundle.reading import read_model
from leukorepro.inference.predicting.predict import model_id
from leukorepro.inference.predicting.ready import ready
from leukorepro.inference.serving.about import about, page
from leukorepro.inference.serving.answers import Answers, explainer_of
from leukorepro.inference.serving.app import Answer, Limits, make_app
from leukorepro.inference.serving.server import Server, listen

MAX_PIXELS = 1_000_000


class Response(NamedTuple):
    """What came back."""

    code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def serving(answer: Answer, limits: Limits, page: str = "") -> Iterator[int]:
    """Yield the port of a server that ends by itself."""
    listening = listen("127.0.0.1", 0)
    server = Server(make_app(answer, page, limits), "127.0.0.1")
    thread = threading.Thread(target=server.serve_on, args=(listening,), daemon=True)
    port: int = listening.getsockname()[1]
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(timeout=10)
    assert not thread.is_alive()


def ask(port: int, method: str = "GET", path: str = "/", body: Any = None, **headers: str) -> Response:
    """One request on a connection of its own; an iterator as the body is sent in chunks, its length unsaid."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Response(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def send(port: int, body: Any, **headers: str) -> Response:
    """An image to the model."""
    return ask(port, "POST", "/predict", body, **headers)


@contextmanager
def serving_model(folder: Path, limits: Limits) -> Iterator[int]:
    """Yield the port of the server of a small model, which is written into a new folder."""
    model = read_model(write_small_model(folder))
    explainer, no_maps = explainer_of(model)
    told = page(about(model.card, model_id(folder, model.name), no_maps), limits.max_bytes)
    with ready(model) as readied, serving(Answers(readied, MAX_PIXELS, explainer), limits, told) as port:
        yield port
