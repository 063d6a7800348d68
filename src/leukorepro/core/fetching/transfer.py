"""One file from the network as a stream of bytes, from its beginning or from where an earlier stream broke off."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TIMEOUT_S = 30
"""Seconds that a server may be silent."""
CHUNK = 1 << 20

_PASSING = {408, 425, 429}
"""Answers, beside those from 500 on, that may be others a moment later."""


class TransferError(Exception):
    """What went wrong between here and the server, in one line."""

    def __init__(self, reason: str, *, code: int | None = None, passing: bool = False) -> None:
        super().__init__(" ".join(reason.split()))
        self.code = code
        """Of the server's answer, where it gave one."""
        self.passing = passing
        """Whether the same request may succeed a moment later."""


@dataclass(frozen=True)
class Reply:
    """A server's answer whose bytes are to be read."""

    response: http.client.HTTPResponse
    start: int
    """Of the file's bytes, the one that comes first: 0 where the server ignores that others are here already."""
    length: int | None
    """Of the whole file; None where the server does not say it."""
    version: str
    """By which the server tells this version of the file from others; empty where it has no such thing."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes that come.

        Raises
        ------
        TransferError
            If they cease before the end, or come too slowly.
        """
        received = self.start
        while True:
            with _telling():
                chunk = self.response.read(CHUNK)
            if not chunk:
                break
            received += len(chunk)
            yield chunk
        if self.length is not None and received < self.length:
            raise TransferError(f"ended after {received:,} of {self.length:,} bytes", passing=True)


@contextmanager
def ask(url: str, start: int = 0, version: str = "") -> Iterator[Reply]:
    """Ask a server for a file.

    Parameters
    ----------
    url : str
        Address; redirections are followed, but not from https to http.
    start : int
        How many bytes of it are here already; the server may send the whole file nevertheless.
    version : str
        That these bytes are of, as the server called it; where the file is another by now, all of it comes.

    Yields
    ------
    Reply
        Open until the block ends: which bytes of the file come, and how to read them.

    Raises
    ------
    TransferError
        If the server cannot be reached, or answers with an error or with what cannot be understood.
    """
    headers = {"User-Agent": "leukorepro"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if version:
            headers["If-Range"] = version
    with _telling():
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    with response:
        with _telling():
            reply = _understood(response, url)
        yield reply


def _understood(response: http.client.HTTPResponse, url: str) -> Reply:
    if url.startswith("https:") and getattr(response, "url", url).startswith("http:"):
        raise ValueError("the server redirects to an address without encryption")
    length = _length(response)
    tag = response.headers["ETag"] or ""
    version = tag if tag.startswith('"') else response.headers["Last-Modified"] or ""
    if getattr(response, "status", 200) != http.client.PARTIAL_CONTENT:
        return Reply(response, 0, length, version)
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers["Content-Range"] or "")
    if match is None:
        raise ValueError(f"the server sends a part and does not say which ({response.headers['Content-Range']!r})")
    start = int(match[1])
    told = int(match[2]) if match[2].isdigit() else None
    return Reply(response, start, told if told is not None or length is None else start + length, version)


def _length(response: http.client.HTTPResponse) -> int | None:
    """Bytes that are to come; None where the server does not say it."""
    text = response.headers["Content-Length"]
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"the server's Content-Length is {text!r}, which is no number of bytes")
    return int(text)


@contextmanager
def _telling() -> Iterator[None]:
    """Tell whatever goes wrong between here and the server as such; errors of the disk are none of these."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        passing = error.code >= http.client.INTERNAL_SERVER_ERROR or error.code in _PASSING
        raise TransferError(
            f"the server answers {error.code} {error.reason}", code=error.code, passing=passing
        ) from None
    except urllib.error.URLError as error:
        raise TransferError(str(error.reason), passing=True) from None
    except (OSError, http.client.HTTPException) as error:
        passing = not isinstance(error, http.client.InvalidURL)
        raise TransferError(str(error) or type(error).__name__, passing=passing) from None
    except ValueError as error:
        raise TransferError(str(error)) from None
