"""Connects the commands to a running engine, and prints the errors of its API."""

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
    """Yield a client of the engine. An error of the API ends the command with the error's text.

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
