"""The pages and the interface of the server: what is asked at which address, and what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from leukorepro.data.images import UnreadableImage
from leukorepro.inference.serving.desk import Desk, Full

PLACES = 16
"""Images that are received, waiting or answered at a time; more are asked to come again."""

AGAIN_AFTER = 2
"""Seconds after which a request that found no place should come again."""

RECEIVING = 60
"""Seconds that an image may take to arrive."""

Answer = Callable[[bytes], dict[str, Any]]
"""What a model says of an image file's bytes; raises `UnreadableImage`."""


_CLOSE = {"Connection": "close"}
"""Of an answer that is given before the whole request was read: the rest of it is not wanted."""


@dataclass(frozen=True)
class Limits:
    """What one request may ask for."""

    max_bytes: int
    """Size of an image file."""
    places: int = PLACES
    receiving: float = RECEIVING


class Refused(Exception):
    """A request that is not answered, with the code and the sentence that say why."""

    def __init__(self, code: int, error: str) -> None:
        super().__init__(error)
        self.code, self.error = code, error


def make_app(answer: Answer, page: str, limits: Limits) -> Starlette:
    """The application.

    Parameters
    ----------
    answer : callable
        Called in a thread of its own, for one image at a time.
    page : str
        HTML of the page.
    limits : Limits
    """
    desk = Desk(limits.places)

    async def predict(request: Request) -> Response:
        """The bytes of one image file, as the body; what the model says of it, as JSON."""
        try:
            with desk.place():
                image = await _received(request, limits)
                return JSONResponse({"status": "ok", **await desk.do(answer, image)})
        except UnreadableImage as error:
            return JSONResponse({"status": error.status, "error": f"{error.reason}."}, 422)
        except Refused as refused:
            return JSONResponse({"error": refused.error}, refused.code, _CLOSE)
        except Full:
            sentence = "Too many images are waiting; send this one again later."
            return JSONResponse({"error": sentence}, 503, {"Retry-After": str(AGAIN_AFTER)} | _CLOSE)

    return Starlette(
        routes=[
            Route("/", lambda _: HTMLResponse(page)),
            _asset("page.css", "text/css"),
            _asset("page.js", "text/javascript"),
            Route("/predict", predict, methods=["POST"]),
        ]
    )


def _asset(name: str, kind: str) -> Route:
    content = files(__package__).joinpath("page", name).read_text("utf-8")
    return Route(f"/{name}", lambda _: Response(content, media_type=kind))


async def _received(request: Request, limits: Limits) -> bytes:
    """The body of a request; what is too large is not read to its end.

    Raises
    ------
    Refused
    """
    most = f"{limits.max_bytes / 1e6:g} MB"
    too_large = Refused(413, f"The file is larger than {most}, which is the most this server takes.")
    if int(request.headers.get("content-length", 0)) > limits.max_bytes:
        raise too_large
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise Refused(415, "Send the bytes of one image file as the body, not a form.")
    body = bytearray()
    try:
        async with asyncio.timeout(limits.receiving):
            async for chunk in request.stream():
                if len(body) + len(chunk) > limits.max_bytes:
                    raise too_large
                body += chunk
    except TimeoutError:
        raise Refused(408, f"The file did not arrive within {limits.receiving:g} seconds.") from None
    except ClientDisconnect:
        raise Refused(400, "The connection ended before the file did.") from None
    return bytes(body)
