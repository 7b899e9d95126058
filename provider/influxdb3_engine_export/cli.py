"""The command ``pulumi-influxdb3``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from influxdb3_engine_api import EngineApiError, EngineClient, Forbidden, Unauthenticated
from influxdb3_engine_api.foreign_text import escaped, hide, message
from influxdb3_engine_export.declarations import declare
from influxdb3_engine_export.program import write_program
from influxdb3_engine_export.project import NotWritten, Project
from influxdb3_engine_export.reading import UnknownDatabase, read_server
from influxdb3_engine_resources.server.remedies import with_remedy

if TYPE_CHECKING:
    from influxdb3_engine_export.declarations import Declarations
    from influxdb3_engine_export.reading import ServerContent

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Pulumi programs for the Processing engine of InfluxDB 3."""


@app.command()
def export(  # noqa: PLR0917 - typer makes an option of each
    host: Annotated[str, typer.Option(envvar="INFLUXDB3_HOST_URL", help="URL of the server.")],
    out: Annotated[Path, typer.Option(help="Folder for the project; must be empty or not exist.")],
    database: Annotated[list[str] | None, typer.Option(help="Only this database; may be repeated.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the API token. Default: INFLUXDB3_AUTH_TOKEN.")
    ] = None,
    stack: Annotated[str, typer.Option(help="Name of the stack.")] = "dev",
    tls_ca: Annotated[
        str | None, typer.Option(envvar="INFLUXDB3_TLS_CA", help="PEM file with the authorities to trust.")
    ] = None,
) -> None:
    """Write a Pulumi program that declares what a server has.

    The server is only read: the command writes its own probe below .pulumi/ in the plugin directory, nothing else.
    """
    begin = time.monotonic()
    try:
        token = _token(token_file)
        if token is not None:
            hide("token", token, secret=True)
        configuration = {"influxdb3:hostUrl": host.rstrip("/"), "influxdb3:adopt": "true"}
        if tls_ca is not None:
            configuration["influxdb3:tlsCa"] = str(Path(tls_ca).absolute())
        project = Project(out, stack, configuration, {})
        project.refuse_existing()
        with EngineClient(host, token, tls_ca=tls_ca) as client:
            content = read_server(client, database or [], _progress)
        declared = declare(content)
        program = write_program(declared)
        secrets = dict(program.secrets)
        if token is not None:
            secrets["influxdb3:authToken"] = token
        project = Project(out, stack, configuration, secrets)
        count = project.write(program, declared.plugins)
    except (Unauthenticated, Forbidden) as error:
        _fail(f"{error}. Pass an admin token with --token-file FILE, or set INFLUXDB3_AUTH_TOKEN")
    except EngineApiError as error:
        _fail(with_remedy(error))
    except (NotWritten, UnknownDatabase) as error:
        _fail(str(error))
    failure = project.set_secrets(_progress) if secrets else None
    _progress(f"{count} files written in {time.monotonic() - begin:.1f} s")
    _summary(project, content, declared, failure)


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get("INFLUXDB3_AUTH_TOKEN", "").strip() or None
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotWritten(f"the token file {file} cannot be read: {getattr(error, 'strerror', 'not text')}") from None
    if not token:
        raise NotWritten(f"the token file {file} is empty: write the API token into it")
    return token


def _progress(text: str) -> None:
    typer.echo(message(text), err=True)


def _fail(text: str) -> NoReturn:
    typer.echo(f"pulumi-influxdb3: {' '.join(message(text).split())}", err=True)
    raise typer.Exit(1)


def _counted(count: int, what: str) -> str:
    return f"{count} {what if count == 1 else f'{what}s'}"


def _summary(project: Project, content: ServerContent, declared: Declarations, failure: str | None) -> None:
    """What was taken, what was not and why, and what to do next."""
    taken = [
        (len(declared.databases), "database"),
        (len(declared.triggers), "trigger"),
        (len(declared.plugins), "plugin"),
        (len(declared.packages), "package"),
    ]
    lines = [f"Written to {project.directory}: {', '.join(_counted(*each) for each in taken)}."]
    if content.locked is not None:
        lines.append(f"The code of plugins and the packages were not read: {content.locked}")
    if declared.kept:
        lines.append("Plugins that stay on the server, and that the program only names:")
        lines += [f"  {plugin}: {reason}" for plugin, reason in sorted(declared.kept.items())]
    if declared.omitted:
        lines.append("Not taken:")
        lines += [f"  {what}: {reason}" for what, reason in sorted(declared.omitted.items())]
    if declared.reworded:
        lines.append("Numbers for weekdays, as this server counts them:")
        lines += [f"  {what}: {text}" for what, text in sorted(declared.reworded.items())]
    if declared.retention:
        lines.append("Retention periods, which a Database does not set on another server:")
        lines += [f"  {db}: {period}" for db, period in sorted(declared.retention.items())]
    untold = " This server does not tell retention periods of databases." if declared.retention is None else ""
    lines.append(f"No server tells run_async and node_spec of a trigger.{untold}")
    if project.secrets and failure is None:
        count = _counted(len(project.secrets), "secret")
        lines.append(f"Put into the configuration of the stack {project.stack!r}: {count}.")
    elif failure is not None:
        lines.append(f"Set {_counted(len(project.secrets), 'secret')}, since {failure}:")
        lines += [f"  {command}" for command in project.commands()]
    lines.append(f"Next: cd {project.directory} && pulumi up")
    typer.echo("\n".join(escaped(line) for line in lines))
