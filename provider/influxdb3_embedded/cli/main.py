"""The command's parts: `serve` runs an engine, all others talk to one that runs."""

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
    """Imports a command when it is asked for: an engine starts sooner without a client's libraries, and vice versa."""

    # Any: the types of click that typer brings along are private to it

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
