"""Finds the proxy for requests to a server in the environment, and checks it before anything is sent."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from influxdb3_engine_api.errors import EngineUnreachable

_SCHEMES = ("http", "https", "socks5", "socks5h")


class Proxy(NamedTuple):
    """A proxy.

    Attributes:
        variable: The environment variable, such as ``HTTPS_PROXY``.
        url: Its URL; never shown, since it may contain a password.
    """

    variable: str
    url: str


def proxy_of(host_url: str) -> Proxy | None:
    """The proxy for requests to a server; None without a proxy, and for servers on this machine.

    Args:
        host_url: Base URL of the server.

    Raises:
        EngineUnreachable: The proxy is invalid; the text names the environment variable.
    """
    server = urlsplit(host_url)
    host = server.hostname or ""
    if _is_this_machine(host):
        return None
    settings = getproxies()
    kind = next((kind for kind in (server.scheme, "all") if settings.get(kind)), None)
    if kind is None or _bypasses(settings.get("no", ""), host, server.port):
        return None
    # like other tools, accept host:port for http://host:port
    url = settings[kind] if "://" in settings[kind] else f"http://{settings[kind]}"
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    variable = next((name for name in names if os.environ.get(name)), "the proxy of the system's settings")
    if problem := _problem(url):
        raise EngineUnreachable(
            f"the proxy in {variable} is invalid: {problem}. "
            f"Write http://HOST:PORT, or call the server directly: export NO_PROXY={host}"
        )
    return Proxy(variable, url)


def _is_this_machine(host: str) -> bool:
    if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_unspecified


def _bypasses(no_proxy: str, host: str, port: int | None) -> bool:
    entries = [entry.strip() for entry in no_proxy.split(",")]
    return "*" in entries or proxy_bypass(host) or (port is not None and proxy_bypass(f"{host}:{port}"))


def _problem(url: str) -> str | None:
    try:
        proxy = urlsplit(url)
        port = proxy.port
    except ValueError:
        return "its port is not a number, or its URL is malformed"
    if proxy.scheme not in _SCHEMES:
        return "its scheme is not http, https or socks5"
    if not proxy.hostname or port == 0:
        return "it has no host, or the port 0"
    if not url.isprintable() or " " in url:
        return "it contains a space or a control character"
    if proxy.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        return "SOCKS needs another library: pip install 'httpx[socks]'"
    return None
