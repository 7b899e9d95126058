"""What to do about errors: about a lock-down (contract 10.2), a token, or a URL."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from influxdb3_engine_api import AnswerError, EngineUnreachable, Forbidden, NoSuchOperation, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterator


NO_NEW_PLUGINS = "plugin installation is disabled"
"""What a server with ``--plugin-dir-only`` answers about files and ``gh:`` plugins."""

_REMEDIES = (
    (
        "Package installation has been disabled",
        "The operator has disabled installations: install the packages on the server, or restart it without "
        "--package-manager disabled and --disable-package-management",
    ),
    (
        "management is disabled",
        "The server has no plugin directory, or no pip in its virtual environment: restart it with --plugin-dir DIR "
        "and without --disable-package-management",
    ),
    (
        "External call failed",
        "The server cannot start the Python of its virtual environment: repair that environment "
        "(--virtual-env-location)",
    ),
    (
        NO_NEW_PLUGINS,
        "The operator has locked the plugin directory: put the files there, or restart the server without "
        "--plugin-dir-only",
    ),
    (
        "server is configured to reject",
        "The operator allows only other kinds of trigger: restart the server with this kind in "
        "--restrict-plugin-triggers-to",
    ),
    ("No plugin directory configured", "The server runs without plugins: have it started with --plugin-dir"),
    ("not configured with plugin directory", "The server runs without plugins: have it started with --plugin-dir"),
    ("max request size", "The server takes no request of that size: restart it with a larger --max-http-request-size"),
)


_SET_TOKEN = ": pulumi config set --secret influxdb3:authToken TOKEN"  # noqa: S105 - a command, not a secret

_stored: ContextVar[bool] = ContextVar("stored", default=False)


@contextmanager
def stored_configuration() -> Iterator[None]:
    """Let errors about URL and token say that Pulumi may have taken these from the last deployment.

    ``pulumi refresh`` and ``pulumi destroy`` do so without ``--run-program``. A provider cannot see that option.
    """
    token = _stored.set(True)
    try:
        yield
    finally:
        _stored.reset(token)


def with_remedy(error: Exception) -> str:
    """The text of an error, with what to do if the server is locked down, refuses the token, or is not reached."""
    if isinstance(error, AnswerError) and error.foreign_answer and not isinstance(error, NoSuchOperation):
        return str(error)
    if isinstance(error, AnswerError):
        for text, remedy in _REMEDIES:
            if text in error.text:
                return f"{str(error).rstrip('.')}. {remedy}"
    if isinstance(error, Unauthenticated):
        return f"{error}. The server got no token, or an unknown one{_from_last_up('token') or _SET_TOKEN}"
    if isinstance(error, Forbidden):
        return f"{error}. The server wants an admin token{_from_last_up('token') or _SET_TOKEN}"
    if isinstance(error, EngineUnreachable | NoSuchOperation):
        return f"{error}{_from_last_up('URL').removeprefix('.')}"
    return str(error)


def _from_last_up(what: str) -> str:
    if not _stored.get():
        return ""
    return (
        f". This {what} may be from the last 'pulumi up': run 'pulumi up' first, or add --run-program to this command"
    )
