"""What the API does not tell and the server's own Python can: installed packages, plugin files, the plugin directory.

A dry run (contract section 6) executes a small plugin of ours in the server's virtual environment. It is one fixed file
on the server, uploaded when missing; measured on a real server: 2 to 30 ms a call.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from influxdb3_engine_api import AnswerError
from influxdb3_engine_api.wire import TestSchedulePlugin
from pulumi_influxdb3_engine.logic.retry import repeated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_engine_api import EngineClient

_MARK = "INFO: pulumi-probe "


class ProbeFailed(Exception):
    """The probe could not run on the server; the text says why and what an operator can do."""


class ProbeReport(BaseModel):
    """What the probe found; members that were not asked for are empty.

    Attributes:
        plugin_directory: Absolute path on the server, ``None`` where the probe cannot tell.
        distributions: Distribution name to version, ``None`` where it is not installed.
        environment: Values for the environment markers of requirements.
        contents: File below the plugin directory to its text, ``None`` where there is none.
        hashes: File below the plugin directory to its SHA-256 in hexadecimal, ``None`` where there is none.
    """

    plugin_directory: str | None
    distributions: dict[str, str | None] = {}
    environment: dict[str, str] = {}
    contents: dict[str, str | None] = {}
    hashes: dict[str, str | None] = {}


def probe(
    client: EngineClient,
    *,
    distributions: Sequence[str] | None = None,
    contents: Sequence[str] | None = None,
    hashes: Sequence[str] | None = None,
) -> ProbeReport:
    """Ask the server's Python: one request, three the first time on a server.

    Raises:
        ProbeFailed: The server runs no dry runs, or the probe failed in it.
        EngineApiError: The server could not be asked.
    """
    asked = {"distributions": distributions, "contents": contents, "hashes": hashes}
    question = json.dumps({name: list(value) for name, value in asked.items() if value is not None})
    try:
        lines = repeated(lambda: _run(client, question))
    except AnswerError as error:
        if "Plugin not found" not in error.text and error.status != 404:
            raise ProbeFailed(f"the server does not run the probe: {error}") from error
        repeated(lambda: client.create_plugin_file(_file_name(), _source()))
        lines = repeated(lambda: _run(client, question))
    for line in lines:
        if line.startswith(_MARK):
            try:
                return ProbeReport.model_validate_json(line.removeprefix(_MARK))
            except ValidationError:
                raise ProbeFailed("the probe's report cannot be read: another version of it runs there") from None
    raise ProbeFailed("the probe reported nothing: dry runs on this server do not return log lines")


def _run(client: EngineClient, question: str) -> list[str]:
    # the dry run needs a database that exists; _internal always does (contract 8.2)
    arguments: dict[str, Any] = {"question": question, "probe": _file_name()}
    result = client.test_schedule_plugin(
        TestSchedulePlugin(filename=_file_name(), database="_internal", input_arguments=arguments)
    )
    if result.errors:
        raise ProbeFailed(f"the probe failed on the server: {'; '.join(result.errors)}")
    return result.log_lines


@cache
def _source() -> str:
    return importlib.resources.files(__package__).joinpath("probe_plugin.py").read_text("utf-8")


@cache
def _file_name() -> str:
    # named by its content: servers that several releases of this package deploy to keep one of each
    return f".pulumi/probe_{hashlib.sha256(_source().encode()).hexdigest()[:12]}.py"
