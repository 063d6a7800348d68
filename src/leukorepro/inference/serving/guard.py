"""What every request must pass before anything of it is read, and what every response says to the browser."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy: the page's own files and pictures that stand in an answer, and no script or style in the
page itself, whatever a file is called."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """The application behind checks of where a request comes from.

    A page of another site can make a browser send requests to this machine. Where it has its own name lead to this
    machine (DNS rebinding), requests carry that name as their host; where it does not, they carry its origin. Both are
    refused. An address of numbers cannot be rebound, so every one is a right host.

    Parameters
    ----------
    app : ASGIApp
    host : str
        What the server was told to listen on.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._names = {"localhost", host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return  # nothing else is spoken here

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        app = self._app
        if not self._is_own(host):
            app = JSONResponse({"error": f"This server is not {host!r}: open it by its address."}, 421)
        elif origin is not None and urlsplit(origin).netloc != host:
            app = JSONResponse({"error": "Requests of other pages are not answered."}, 403)
        await app(scope, receive, send_with_headers)

    def _is_own(self, host: str) -> bool:
        """Whether a request's host is an address of numbers or one of the server's names; ports do not matter."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True
