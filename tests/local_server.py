"""A server on this machine for as long as a test asks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer requests in a thread of its own, and yield the server's address; no test waits for it without an end."""
    done = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.timeout = 0.02

        def answer() -> None:
            while not done.is_set():
                server.handle_request()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            done.set()
            thread.join(timeout=10)
