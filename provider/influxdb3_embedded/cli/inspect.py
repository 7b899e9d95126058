"""The commands ``triggers``, ``logs`` and ``query``: they show what an engine has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from influxdb3_embedded.cli.connection import DEFAULT_HOST, Host, Token, engine
from influxdb3_embedded.logs import escaped, escaped_lines
from influxdb3_embedded.model import INTERNAL
from influxdb3_engine_api.specification import parse_catalog

if TYPE_CHECKING:
    from influxdb3_engine_api import EngineClient

_SECONDS_BETWEEN_LOOKS = 0.5
_LEVEL_STYLES = {"INFO": "green", "WARN": "yellow", "ERROR": "bold red"}

Database = Annotated[str | None, typer.Option(envvar="INFLUXDB3_DATABASE_NAME", help="The database. [default: all]")]


def triggers(host: Host = DEFAULT_HOST, token: Token = None, database: Database = None) -> None:
    """List the triggers: specification, plugin, and whether they are enabled."""
    table = Table("database", "trigger", "specification", "plugin", "state", "on error")
    with engine(host, token) as client:
        for name in [database] if database else client.databases():
            for row in client.triggers(name):
                specification = parse_catalog(row.trigger_specification).text
                state = Text("disabled", "yellow") if row.disabled else Text("enabled", "green")
                named = map(_text, (name, row.trigger_name, specification, row.plugin_filename))
                table.add_row(*named, state, row.error_behavior)
    Console().print(table if table.row_count else "There are no triggers.")


def logs(
    trigger: Annotated[str | None, typer.Argument(help="Only rows of the trigger of this name.")] = None,
    host: Host = DEFAULT_HOST,
    token: Token = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new rows, too, until Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the newest rows to show.")] = 100,
) -> None:
    """Show what triggers logged, oldest first."""
    console = Console()
    with engine(host, token) as client:
        after = "1970-01-01T00:00:00"
        while True:
            for row in _log_rows(client, trigger, after, limit):
                after = row["event_time"]
                console.print(
                    Text.assemble(
                        (row["event_time"], "dim"),
                        " ",
                        (f"{row['log_level']:<5}", _LEVEL_STYLES.get(row["log_level"], "")),
                        " ",
                        (escaped(row["trigger_name"]), "cyan"),
                        f" {escaped(row['log_text'])}",
                    ),
                    soft_wrap=True,
                )
            if not follow:
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def query(
    sql: Annotated[str, typer.Argument(help="The query.")],
    database: Annotated[str, typer.Option(envvar="INFLUXDB3_DATABASE_NAME", help="The database.")],
    host: Host = DEFAULT_HOST,
    token: Token = None,
) -> None:
    """Run a SQL query and show its rows."""
    with engine(host, token) as client:
        rows = client.query_sql(database, sql)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    # texts, because rich takes brackets in plain values for styles
    table = Table(*(Column(_text(column)) for column in columns))
    for row in rows:
        table.add_row(*(_text("" if row.get(column) is None else str(row[column])) for column in columns))
    Console().print(table if rows else "No rows.")


def _text(text: str) -> Text:
    return Text(escaped_lines(text))


def _log_rows(client: EngineClient, trigger: str | None, after: str, limit: int) -> list[dict[str, Any]]:
    sql = (
        "SELECT event_time, trigger_name, log_level, log_text FROM system.processing_engine_logs"  # noqa: S608 - an integer
        " WHERE event_time > arrow_cast($after, 'Timestamp(Nanosecond, None)')"
        f"{' AND trigger_name = $trigger' if trigger is not None else ''} ORDER BY event_time DESC LIMIT {limit:d}"
    )
    parameters = {"after": after} | ({"trigger": trigger} if trigger is not None else {})
    return list(reversed(client.query_sql(INTERNAL, sql, parameters)))
