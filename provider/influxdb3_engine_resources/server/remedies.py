"""What an operator has to change where a server refuses triggers, code or packages (contract 10.2)."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from influxdb3_engine_api import AnswerError, EngineUnreachable, Forbidden, NoSuchOperation, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterator


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


_stored: ContextVar[bool] = ContextVar("stored", default=False)


@contextmanager
def stored_configuration() -> Iterator[None]:
    """While it is open, errors about URL and token say that Pulumi may have taken them from the last deployment.

    ``pulumi refresh`` and ``pulumi destroy`` do so unless ``--run-program`` is given, which no provider is told.
    """
    token = _stored.set(True)
    try:
        yield
    finally:
        _stored.reset(token)


def explained(error: Exception) -> str:
    """The error's text, and what to change where a server refuses a token, is locked down, or is not reached."""
    if isinstance(error, AnswerError) and error.foreign_answer and not isinstance(error, NoSuchOperation):
        return str(error)
    if isinstance(error, AnswerError):
        for text, remedy in _REMEDIES:
            if text in error.text:
                return f"{str(error).rstrip('.')}. {remedy}"
    if isinstance(error, Unauthenticated):
        known = _from_last_up("token") or "set influxdb3:authToken to one that it knows"
        return f"{error}. The server knows no such token, or got none: {known}"
    if isinstance(error, Forbidden):
        return f"{error}. It needs an admin token: {_from_last_up('token') or 'set influxdb3:authToken to one'}"
    if isinstance(error, EngineUnreachable | NoSuchOperation) and _stored.get():
        return f"{error} To go on: {_from_last_up('URL')}"
    return str(error)


def _from_last_up(what: str) -> str:
    if not _stored.get():
        return ""
    return (
        f"this {what} is the one that the last 'pulumi up' stored, unless the program is run; "
        "use --run-program, or run 'pulumi up' first"
    )
