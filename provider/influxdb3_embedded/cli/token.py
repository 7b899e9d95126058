"""The command ``influxdb3-embedded token``: creates and deletes admin tokens."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from influxdb3_embedded.cli.connection import DEFAULT_HOST, Host, Token
from influxdb3_engine_api import paths
from influxdb3_engine_api.errors import answer_error


def token(  # noqa: PLR0917 - typer makes an option of each
    host: Host = DEFAULT_HOST,
    token: Token = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the token. [default: the operator's token, which needs no other token]")
    ] = None,
    expiry_secs: Annotated[int | None, typer.Option(min=0, help="Seconds until a named token expires.")] = None,
    regenerate: Annotated[bool, typer.Option("--regenerate", help="Give the operator's token a new secret.")] = False,
    delete: Annotated[str | None, typer.Option(metavar="NAME", help="Delete the token of this name.")] = None,
) -> None:
    """Create an admin token and print it. It cannot be shown again."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=host, headers=headers) as client:
        if delete is not None:
            _send(client, "DELETE", paths.TOKEN, params={"token_name": delete})
            typer.echo(f"Deleted {delete}.")
            return
        if name is not None:
            made = _send(client, "POST", paths.TOKEN_NAMED_ADMIN, json={"token_name": name, "expiry_secs": expiry_secs})
        else:
            made = _send(client, "POST", paths.TOKEN_ADMIN_REGENERATE if regenerate else paths.TOKEN_ADMIN)
    typer.echo(made.json()["token"])


def _send(client: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
    try:
        answer = client.request(method, path, **content)
    except httpx.HTTPError as error:
        typer.echo(f"{client.base_url}: {error}", err=True)
        raise typer.Exit(1) from None
    if answer.is_error:
        typer.echo(str(answer_error(f"{method} {path}", answer.status_code, answer.text)), err=True)
        raise typer.Exit(1)
    return answer
