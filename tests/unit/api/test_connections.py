"""Time limits, errors and certificates of connections."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest
from client_operations import OPERATIONS, every_operation
from tiny_server import answering, tiny_server

from influxdb3_engine_api import AnswerLost, EngineApiError, EngineClient, EngineUnreachable, UnreadableAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "http://127.0.0.1:1"
PONG = answering(200, '{"product_name": "p", "version": "3.10.0"}')


@every_operation
def test_each_operation_uses_the_time_limits_of_the_client(operation: str) -> None:
    limits: list[dict[str, float]] = []

    def note(request: httpx.Request) -> httpx.Response:
        limits.append(request.extensions["timeout"])
        return httpx.Response(500)

    client = EngineClient(URL, timeout=7.0, package_timeout=90.0, transport=httpx.MockTransport(note))
    with pytest.raises(EngineApiError):
        OPERATIONS[operation][0](client)

    reading = 90.0 if operation.startswith("install") else 7.0
    assert limits == [{"connect": 7.0, "read": reading, "write": 7.0, "pool": 7.0}]


def test_a_closed_client_has_no_connection() -> None:
    with tiny_server(PONG) as server:
        with EngineClient(server.url) as client:
            client.ping()
        with pytest.raises(RuntimeError, match="closed"):
            client.ping()


@pytest.mark.parametrize(("said", "shown"), [("the peer left", "the peer left"), ("", "ReadError")])
def test_the_error_of_a_broken_connection_contains_its_cause(said: str, shown: str) -> None:
    def broken(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(said)

    with pytest.raises(AnswerLost, match=rf"the connection broke \({shown}\)"):
        EngineClient(URL, transport=httpx.MockTransport(broken)).ping()


def test_the_error_of_an_unreadable_answer_omits_query_parameters() -> None:
    with tiny_server(answering(200, "[1]")) as server, EngineClient(server.url) as client:
        with pytest.raises(UnreadableAnswer) as unreadable:
            client.databases()
        assert server.received[0].target.endswith("?format=json")
    assert "format" not in str(unreadable.value)
    assert f"GET {server.url}/api/v3/configure/database answered 200" in str(unreadable.value)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed certificates ``a`` and ``b`` for the loopback address, with their keys."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificates")
    directory = tmp_path_factory.mktemp("certificates")
    for name in ("a", "b"):
        key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(directory / f"{name}.key")]
        names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(
            [openssl, "req", "-x509", *key, *names, "-days", "2", "-out", str(directory / f"{name}.pem")],
            check=True,
            capture_output=True,
        )
    return directory


@pytest.fixture
def https_url(certificates: Path) -> Iterator[str]:
    """The URL of a server with certificate ``a``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "a.pem", certificates / "a.key")
    with tiny_server(PONG, tls=context) as server:
        yield f"https://127.0.0.1:{server.port}"


def test_a_certificate_that_the_given_authorities_signed_is_trusted(https_url: str, certificates: Path) -> None:
    with EngineClient(https_url, tls_ca=str(certificates / "a.pem")) as client:
        assert client.ping().version == "3.10.0"


def test_with_tls_no_verify_the_certificate_is_not_verified(https_url: str, certificates: Path) -> None:
    with EngineClient(https_url, tls_ca=str(certificates / "b.pem"), tls_no_verify=True) as client:
        assert client.ping().version == "3.10.0"


@pytest.mark.parametrize("authorities", [None, "b.pem"])
def test_an_untrusted_certificate_is_an_error(https_url: str, certificates: Path, authorities: str | None) -> None:
    tls_ca = authorities and str(certificates / authorities)
    with (
        EngineClient(https_url, tls_ca=tls_ca) as client,
        pytest.raises(EngineUnreachable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.ping()
