"""Listening, and ending when it is asked to."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from leukorepro.core.errors import UserError
from leukorepro.inference.serving.guard import Guard

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that nobody but this machine can reach."""

ENDING = 3
"""Seconds that requests have to end in when the server is stopped."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Parameters
    ----------
    host : str
        Name or address of this machine, of IPv4 or IPv6.
    port : int
        0: any that is free.

    Raises
    ------
    UserError
        If the port is in use or not allowed, or if the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"--port: {port} is in use on {host}; name another one, or 0 for any that is free."
            ) from None
        if error.errno == errno.EACCES:
            raise UserError(f"--port: {port} is not allowed; name one above 1023.") from None
        raise UserError(
            f"--host: cannot listen on {host!r} ({error.strerror}); name an address of this machine."
        ) from None


def address_of(listening: socket.socket) -> str:
    """The address that a browser opens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class Server(uvicorn.Server):
    """The server of an application: one process, no log of requests, no trust in what a proxy might say.

    Parameters
    ----------
    app : ASGIApp
    host : str
        What it was told to listen on.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        super().__init__(
            uvicorn.Config(
                Guard(app, host),
                access_log=False,
                log_level="warning",
                proxy_headers=False,
                server_header=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=ENDING,
            )
        )

    def serve_on(self, listening: socket.socket) -> None:
        """Answer requests until the process is interrupted or `should_exit` is set."""
        with listening, suppress(KeyboardInterrupt):
            self.run(sockets=[listening])
