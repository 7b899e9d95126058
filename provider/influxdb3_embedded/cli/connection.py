"""How the commands reach a running engine, and what they say when they cannot."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from influxdb3_embedded.logs import escaped_lines
from influxdb3_engine_api import EngineApiError, EngineClient

if TYPE_CHECKING:
    from collections.abc import Iterator

Host = Annotated[str, typer.Option(envvar="INFLUXDB3_HOST_URL", help="URL of the engine.")]
Token = Annotated[str | None, typer.Option(envvar="INFLUXDB3_AUTH_TOKEN", help="API token.", show_envvar=True)]

DEFAULT_HOST = "http://127.0.0.1:8181"


@contextmanager
def engine(host: str, token: str | None) -> Iterator[EngineClient]:
    """A client; an error that it raises ends the command with a line that says what is wrong.

    Args:
        host: URL of the engine.
        token: API token.
    """
    try:
        with EngineClient(host, token) as client:
            yield client
    except EngineApiError as error:
        typer.echo(escaped_lines(str(error)), err=True)
        raise typer.Exit(1) from None
