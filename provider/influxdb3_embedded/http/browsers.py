"""Which web pages may call the engine: a browser lets any page send requests to any server that it can reach.

A page can send what needs no preflight to an address of the loopback interface, and everything to a name of its own
that it lets the browser resolve to that address (DNS rebinding). Browsers name the page in ``Origin``, the name in
``Host``, and in ``Sec-Fetch-Site`` where a request without ``Origin`` comes from. Other clients send no ``Origin``.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

_AUTHORITY = r"(?:\[(?P<ipv6>[^\]\s]+)\]|(?P<name>[^\s:/?#@\[\]\\]+))(?::(?P<port>[0-9]{0,5}))?"
_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(rf"(?P<scheme>[a-z][a-z0-9+.-]*)://{_AUTHORITY}/?", re.IGNORECASE)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_OTHER_SITES = ("cross-site", "same-site")
_LONGEST_SHOWN = 100


class Origin(NamedTuple):
    """Where a page comes from, written the same way whoever wrote it."""

    scheme: str
    host: str
    port: str


def origin_of(text: str) -> Origin | None:
    """The origin that a text names, such as ``http://localhost:3000``; ``None`` if it names none."""
    found = _ORIGIN.fullmatch(text.strip())
    if found is None:
        return None
    scheme = found["scheme"].lower()
    return Origin(scheme, _name(found), found["port"] or _DEFAULT_PORTS.get(scheme, ""))


def host_of(text: str) -> str | None:
    """The host that a ``Host`` header names, in lower case, without port and final dot; ``None`` if it names none."""
    found = _HOST.fullmatch(text.strip())
    return _name(found) if found else None


def is_loopback(host: str) -> bool:
    """Whether a name or an address can only be this machine: browsers resolve ``*.localhost`` themselves."""
    address = _address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


class Browsers:
    """Decides which requests of browsers are answered; those of other clients all are.

    Args:
        address: What the engine listens on.
        allow_hosts: Names, besides those of the loopback interface, by which the engine may be called. An engine on
            another address takes any name unless there are such.
        allow_origins: Web pages that may call the engine, besides its own.
    """

    def __init__(self, address: str, allow_hosts: Iterable[str], allow_origins: Iterable[str]) -> None:
        self._on_loopback = is_loopback(address)
        self._hosts = {host_of(text) for text in allow_hosts}
        self._checks_hosts = self._on_loopback or bool(self._hosts)
        self._origins = {origin_of(text) for text in allow_origins}

    def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The origin of the page that sent a request; ``None`` if no page names itself.

        Raises:
            ApiError: 403, the page may not call the engine.
        """
        found: dict[bytes, list[str]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
        for name, value in headers:
            if name in found:
                found[name].append(value.decode("latin-1"))
        hosts, origins, sites = found.values()
        for host in hosts:
            if self._checks_hosts and not self._is_known(host_of(host)):
                raise _refused(
                    f"the engine does not answer to the name {_shown(host)}. "
                    f"If it is yours, start the engine with --allow-host {_shown(host)}"
                )
        for origin in origins:
            if not self._is_allowed(origin, hosts):
                raise _foreign(origin)
        if not origins and any(site.strip() in _OTHER_SITES for site in sites):
            raise _refused(
                "pages of another origin cannot link to the engine or embed what it answers. If the page is yours, let "
                "it use fetch() with mode 'cors', and start the engine with --allow-origin SCHEME://HOST:PORT"
            )
        return origins[0] if origins else None

    def _is_known(self, host: str | None) -> bool:
        """Whether a host cannot be a name that a foreign page has chosen."""
        if host is None:
            return False
        return is_loopback(host) or host in self._hosts or (not self._on_loopback and _address(host) is not None)

    def _is_allowed(self, text: str, hosts: list[str]) -> bool:
        origin = origin_of(text)
        if origin is None or origin in self._origins:
            return origin is not None
        return self._is_known(origin.host) and [origin] == [origin_of(f"http://{host}") for host in hosts]


def _name(found: re.Match[str]) -> str:
    return (found["ipv6"] or found["name"].removesuffix(".")).lower()


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        # browsers and other clients also take 127.1 and 2130706433 for an address
        address = IPv4Address(socket.inet_aton(host)) if _NUMBERS.fullmatch(host) else ip_address(host)
    except (OSError, ValueError):
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _foreign(origin: str) -> ApiError:
    if origin_of(origin) is None:
        return _refused(
            f"pages whose origin is {_shown(origin)} may not call the engine: they are files, or in a sandbox. If the "
            "page is yours, let a web server serve it, and start the engine with --allow-origin SCHEME://HOST:PORT"
        )
    return _refused(
        f"pages of {_shown(origin)} may not call the engine. "
        f"If they are yours, start the engine with --allow-origin {_shown(origin)}"
    )


def _refused(text: str) -> ApiError:
    return ApiError(403, text)


def _shown(text: str) -> str:
    return text[:_LONGEST_SHOWN]
