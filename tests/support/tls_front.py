"""Serves HTTPS in front of a server that speaks HTTP only, as a load balancer does."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def certificate(directory: Path) -> Path:
    """A self-signed certificate for the loopback address; its key is in the same file."""
    pem = directory / "server.pem"
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(directory / "server.key")]
    names = ["-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *key, *names, "-days", "2", "-out", str(pem)]
    subprocess.run(command, check=True, capture_output=True)
    return pem


@contextmanager
def tls_front(url: str, pem: Path) -> Iterator[str]:
    """The HTTPS URL of a server while the context lasts.

    Args:
        url: The HTTP URL of the server.
        pem: Its certificate; the key is beside it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, pem.with_suffix(".key"))
    target = (str(urlsplit(url).hostname), urlsplit(url).port or 80)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=_serve, args=(client, context, target), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _serve(client: socket.socket, context: ssl.SSLContext, target: tuple[str, int]) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(client, server_side=True) as inside,
        socket.create_connection(target) as outside,
    ):
        back = threading.Thread(target=_copy, args=(outside, inside), daemon=True)
        back.start()
        _copy(inside, outside)
        back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
