"""Deleting plugin files and uninstalling packages by a dry run of a plugin of ours: the API can do neither."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from influxdb3_engine_api import AnswerError
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.errors import SweepFailed
from influxdb3_engine_resources.server.on_server import SWEEPER
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_transient

if TYPE_CHECKING:
    from collections.abc import Collection

    from influxdb3_engine_api import EngineClient
    from influxdb3_engine_resources.server.probe import Probe

_MARK = "INFO: pulumi-sweeper "


class _Report(BaseModel):
    failures: list[str]


class Sweeper:
    """Cleans up on one server.

    Args:
        client: The client of that server.
        probe: The probe of that server; finds the plugin directory.

    Every method raises ``SweepFailed``, ``ProbeFailed`` if the server runs no dry runs, and ``EngineApiError`` if the
    server could not be asked.
    """

    def __init__(self, client: EngineClient, probe: Probe) -> None:
        self._client, self._probe = client, probe

    def remove(self, paths: Collection[str]) -> None:
        """Remove files, and directories with their content; those that are gone already are a success."""
        self._carry_out({"remove": sorted(paths)})

    def uninstall(self, distributions: Collection[str]) -> None:
        """Uninstall packages; those that are not installed are a success.

        Tries once: after a lost answer pip may be running, and two pips at once damage an environment.
        """
        self._carry_out({"uninstall": sorted(distributions)}, once=True)

    def _carry_out(self, task: dict[str, list[str]], *, once: bool = False) -> None:
        arguments = {"task": json.dumps(task), "directory": self._probe.plugin_directory}
        try:
            result = SWEEPER.run_scheduled(self._client, arguments, once=once)
        except AnswerError as error:
            if is_transient(error):
                raise  # the server may run it all the same
            raise SweepFailed(f"the server does not run the clean-up: {with_remedy(error)}") from error
        reports = [line.removeprefix(_MARK) for line in result.log_lines if line.startswith(_MARK)]
        failures = result.errors or (_failures(reports[0]) if reports else ["the clean-up reported nothing"])
        if failures:
            raise SweepFailed(shown("; ".join(failures)))


def _failures(report: str) -> list[str]:
    try:
        return _Report.model_validate_json(report).failures
    except ValidationError:
        return ["the report of the clean-up is invalid"]
