"""What an operator has to change where a server refuses triggers, code or packages (contract 10.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import AnswerError, Forbidden, Unauthenticated
from pulumi_influxdb3_engine.logic.inputs import Failure, InvalidInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pulumi_influxdb3_engine.logic.host import Host
    from pulumi_influxdb3_engine.logic.server_facts import ServerFacts

NO_NEW_PLUGINS = "plugin installation is disabled"
"""What a server says of files and ``gh:`` plugins that runs with ``--plugin-dir-only``."""

_REMEDIES = (
    (
        "Package installation has been disabled",
        "The operator has switched installation off (--package-manager disabled, or --disable-package-management): "
        "install the packages with the server, or have it switched on",
    ),
    (
        "management is disabled",
        "The server runs without a plugin directory, or its virtual environment has no pip: have it started with "
        "--plugin-dir, and without --disable-package-management",
    ),
    (
        "External call failed",
        "The server cannot start the Python of its virtual environment: the operator has to repair that environment "
        "(--virtual-env-location)",
    ),
    (
        NO_NEW_PLUGINS,
        "The operator has locked the plugin directory (--plugin-dir-only): have the files put there, or that flag "
        "taken away",
    ),
    (
        "server is configured to reject",
        "The operator allows other kinds of trigger only: have --restrict-plugin-triggers-to extended",
    ),
    ("No plugin directory configured", "The server runs without plugins: have it started with --plugin-dir"),
    ("not configured with plugin directory", "The server runs without plugins: have it started with --plugin-dir"),
    ("max request size", "It is larger than the server takes: have --max-http-request-size raised"),
)


def explained(error: Exception) -> str:
    """The error's text, and where a server refuses a token or is locked down what to change."""
    if isinstance(error, AnswerError):
        for text, remedy in _REMEDIES:
            if text in error.text:
                return f"{str(error).rstrip('.')}. {remedy}"
    if isinstance(error, Unauthenticated):
        return f"{error}. The server knows no such token, or got none: set influxdb3:authToken to one that it knows"
    if isinstance(error, Forbidden):
        return f"{error}. It needs an admin token: set influxdb3:authToken to one"
    return str(error)


def refuse_where_locked(hosts: Collection[Host], name: str, refusal: Callable[[ServerFacts], str | None]) -> None:
    """Refuse to preview what hosts do not take: one request a host for all resources of a deployment.

    Args:
        hosts: Those that are to be changed.
        name: The property that failures name.
        refusal: Why a server takes no such change, or ``None``.

    Raises:
        InvalidInputs: A host is locked; says what its operator has to change.
        EngineApiError: It could not be asked.
    """
    refusals = [reason for host in hosts if (reason := refusal(host.facts))]
    if refusals:
        raise InvalidInputs([Failure(property=name, reason=reason) for reason in refusals])
