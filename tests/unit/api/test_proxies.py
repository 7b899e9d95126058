"""Requests through a proxy, and errors about invalid proxies."""

from __future__ import annotations

import pytest
from tiny_server import answering, tiny_server

from influxdb3_engine_api import EngineApiError, EngineClient, EngineUnreachable
from influxdb3_engine_api.proxies import proxy_of

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
PONG = answering(200, '{"version": "3.10.0"}', cluster_uuid="a")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "http://:bad", "nonsense://"])
def test_requests_to_this_machine_use_no_proxy(monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str) -> None:
    monkeypatch.setenv(variable, proxy)
    with tiny_server(PONG) as server:
        for host in ("127.0.0.1", "localhost"):
            with EngineClient(f"http://{host}:{server.port}") as client:
                assert client.ping().version == "3.10.0"
        for url in ("http://[::1]:1", "http://127.9.9.9:1", "http://a.localhost:1", "http://[::ffff:127.0.0.1]:1"):
            assert proxy_of(url) is None


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("prefix", ["http://", ""])
def test_requests_to_other_machines_use_the_proxy(monkeypatch: pytest.MonkeyPatch, variable: str, prefix: str) -> None:
    with tiny_server(PONG) as proxy:
        monkeypatch.setenv(variable, f"{prefix}127.0.0.1:{proxy.port}")
        with EngineClient("http://influx.example:8181") as client:
            assert client.ping().version == "3.10.0"
    assert proxy.received[0].target == "http://influx.example:8181/ping"


@pytest.mark.parametrize("exempt", ["influx.example", ".example", "*", "other, influx.example:8181"])
def test_servers_in_no_proxy_are_called_directly(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert proxy_of("http://influx.example:8181") is not None
    monkeypatch.setenv("NO_PROXY", exempt)

    assert proxy_of("http://influx.example:8181") is None


@pytest.mark.parametrize(
    "proxy",
    ["http://:bad", "http://:3128", "http://host:99999999", "ftp://host:1", "socks5://host:1080",
     "http://u:pw-k9@[::1", "http://a b"],
)  # fmt: skip
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_an_invalid_proxy_is_an_error_of_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str
) -> None:
    monkeypatch.setenv(variable, proxy)

    with pytest.raises(EngineUnreachable) as refused:
        EngineClient("https://influx.example")

    assert str(refused.value).startswith(f"the proxy in {variable} is invalid: ")
    assert "\n" not in str(refused.value)
    assert "k9" not in str(refused.value)


def test_the_error_about_a_proxy_without_an_answer_does_not_contain_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:pw-k9@127.0.0.1:9")

    with EngineClient("http://influx.example") as client, pytest.raises(EngineUnreachable) as refused:
        client.ping()

    assert "through the proxy of HTTP_PROXY" in str(refused.value)
    assert "k9" not in str(refused.value)


def test_the_error_about_a_proxy_that_needs_a_password_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with tiny_server(answering(407, "<html>who?</html>", content_type="text/html")) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        for scheme in ("http", "https"):
            with EngineClient(f"{scheme}://influx.example") as client, pytest.raises(EngineApiError, match="ALL_PROXY"):
                client.ping()
