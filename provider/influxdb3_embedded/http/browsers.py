"""Decides which web pages may call the engine. A browser lets every page send requests to every server it can reach.

Without a check, a page could send simple requests to any address of this machine. It could even send all requests, by
letting its own host name resolve to that address (DNS rebinding). Three headers reveal such requests, and no page can
set them: ``Origin`` names the page, ``Host`` the host in the URL, and ``Sec-Fetch-Site`` compares both. Clients other
than browsers send neither ``Origin`` nor ``Sec-Fetch-Site``.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

_AUTHORITY = r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:/?#@\[\]\\]+))(?::(?P<port>[0-9]{0,5}))?"
_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(rf"(?P<scheme>[a-z][a-z0-9+.-]*)://{_AUTHORITY}/?", re.IGNORECASE)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_OWN_SITES = ("same-origin", "none")
_MAX_SHOWN = 100


class Origin(NamedTuple):
    """The origin of a page, in lower case and with its port."""

    scheme: str
    host: str
    port: str


def origin_of(text: str) -> Origin | None:
    """Parse an origin such as ``http://localhost:3000``; None if the text is invalid."""
    found = _ORIGIN.fullmatch(text.strip())
    if found is None:
        return None
    scheme = found["scheme"].lower()
    return Origin(scheme, _name(found), found["port"] or _DEFAULT_PORTS.get(scheme, ""))


def host_of(text: str) -> str | None:
    """Parse a ``Host`` header: the name in lower case, without port and final dot; None if the text is invalid."""
    found = _HOST.fullmatch(text.strip())
    return _name(found) if found else None


def is_loopback(host: str) -> bool:
    """Whether a name or an address always means this machine. Browsers resolve ``*.localhost`` to it."""
    address = _address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


class Browsers:
    """Refuses requests of foreign web pages.

    Args:
        address: The address that the engine listens on.
        allow_hosts: Names by which the engine may be called, besides those of the loopback interface. If the engine
            listens on another interface and there are no such names, it may be called by any name.
        allow_origins: Web pages that may call the engine, besides its own.
    """

    def __init__(self, address: str, allow_hosts: Iterable[str], allow_origins: Iterable[str]) -> None:
        self._on_loopback = is_loopback(address)
        self._hosts = {host_of(text) for text in allow_hosts}
        self._checks_hosts = self._on_loopback or bool(self._hosts)
        self._origins = {origin_of(text) for text in allow_origins}

    def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Return if the sender of a request may call the engine.

        Args:
            headers: Headers of the request, their names in lower case.

        Returns:
            The origin of the page that sent the request; None if the request names no page.

        Raises:
            ApiError: 403, the page may not call the engine.
        """
        values: dict[bytes, list[str]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
        for name, value in headers:
            if name in values:
                values[name].append(value.decode("latin-1"))
        hosts, origins, sites = values.values()
        for host in hosts:
            if self._checks_hosts and not self._is_own_name(host_of(host)):
                raise ApiError(
                    403,
                    f"the engine does not answer to the host name {_shorten(host)}. "
                    f"If this name is yours, start the engine with --allow-host {_shorten(host)}",
                )
        for origin in origins:
            if not self._is_allowed(origin, hosts):
                raise _foreign_page(origin)
        if not origins and any(site.strip() not in _OWN_SITES for site in sites):
            raise ApiError(
                403,
                "pages of other origins may not link to the engine or embed its answers. If the page is yours, let it "
                "use fetch() with mode 'cors', and start the engine with --allow-origin SCHEME://HOST:PORT",
            )
        return origins[0] if origins else None

    def _is_own_name(self, host: str | None) -> bool:
        """Whether a host is a name of the engine that no foreign page can have chosen."""
        if host is None:
            return False
        return is_loopback(host) or host in self._hosts or (not self._on_loopback and _address(host) is not None)

    def _is_allowed(self, text: str, hosts: list[str]) -> bool:
        origin = origin_of(text)
        if origin is None:
            return False
        is_own_page = self._is_own_name(origin.host) and [origin_of(f"http://{host}") for host in hosts] == [origin]
        return is_own_page or origin in self._origins


def _name(found: re.Match[str]) -> str:
    return (found["ipv6"] or found["name"].removesuffix(".")).lower()


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        # inet_aton also reads 127.1 and 2130706433, as browsers do
        address = IPv4Address(socket.inet_aton(host)) if _NUMBERS.fullmatch(host) else ip_address(host)
    except (OSError, ValueError):
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _foreign_page(origin: str) -> ApiError:
    if origin_of(origin) is None:
        return ApiError(
            403,
            f"pages with the origin {_shorten(origin)} may not call the engine: they are files, or in a sandbox. If "
            "the page is yours, let a web server serve it, and start the engine with --allow-origin SCHEME://HOST:PORT",
        )
    return ApiError(
        403,
        f"pages of {_shorten(origin)} may not call the engine. "
        f"If these pages are yours, start the engine with --allow-origin {_shorten(origin)}",
    )


def _shorten(text: str) -> str:
    return text[:_MAX_SHOWN]
