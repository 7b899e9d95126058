"""The command and its subcommands: `serve` runs an engine, the others call a running one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

_COMMANDS = {
    "serve": "influxdb3_embedded.cli.serve",
    "token": "influxdb3_embedded.cli.token",
    "triggers": "influxdb3_embedded.cli.inspect",
    "logs": "influxdb3_embedded.cli.inspect",
    "query": "influxdb3_embedded.cli.inspect",
}


class _Commands(TyperGroup):
    """Imports only the command that runs: an engine starts sooner without the libraries of a client, and vice versa."""

    # Any: the types of click are private to typer

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of all groups
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of all groups
        if cmd_name not in _COMMANDS:
            return None
        single = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        single.command(cmd_name)(getattr(import_module(_COMMANDS[cmd_name]), cmd_name))
        return typer.main.get_command(single)


app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """InfluxDB 3's Processing engine on one machine, to develop and test plugins and Pulumi programs on."""
