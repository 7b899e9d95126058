"""Plugins of our own that do on a server what its API cannot: each one fixed file, uploaded when it is missing.

A dry run (contract section 6) executes them in the server's virtual environment; measured on a real server: 2 to 30 ms
a call.
"""

from __future__ import annotations

import hashlib
import importlib.resources
from functools import cached_property, partial
from typing import TYPE_CHECKING

from influxdb3_engine_api import AnswerError
from influxdb3_engine_api.wire import TestSchedulePlugin
from pulumi_influxdb3_engine.logic.retry import repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from influxdb3_engine_api import DryRunResult, EngineClient

DIRECTORY = ".pulumi"
"""Where on a server this package keeps its own files, below the plugin directory."""
_MOST_UPLOADS = 3


class ServerPlugin:
    """One plugin of ours.

    Args:
        module: The module of this package whose source it is.
        changes: Whether it changes anything on the server.
    """

    def __init__(self, module: str, *, changes: bool = True) -> None:
        self._module = module
        self._changes = changes

    @cached_property
    def source(self) -> str:
        """What is uploaded."""
        return importlib.resources.files(__package__).joinpath(f"{self._module}.py").read_text("utf-8")

    @cached_property
    def file_name(self) -> str:
        """Its path below the plugin directory; by content, so that several releases of this package get along."""
        digest = hashlib.sha256(self.source.encode()).hexdigest()[:12]
        return f"{DIRECTORY}/{self._module.removesuffix('_plugin')}_{digest}.py"

    def run(self, client: EngineClient, dry_run: Callable[[], DryRunResult]) -> DryRunResult:
        """Carry out a dry run of it: one request, three the first time on a server.

        Raises:
            EngineApiError: The server refuses dry runs or files, or could not be asked.
        """
        for upload in range(_MOST_UPLOADS):  # a stack that is destroyed at the same time removes it
            try:
                return dry_run()
            except AnswerError as error:
                is_missing = "Plugin not found" in error.text or (error.status == 404 and upload == 0)
                if not is_missing:
                    raise
            repeated(lambda: client.create_plugin_file(self.file_name, self.source))
        return dry_run()

    def run_scheduled(self, client: EngineClient, arguments: Mapping[str, str], *, once: bool = False) -> DryRunResult:
        """Call its ``process_scheduled_call`` with arguments.

        Args:
            client: Of the server.
            arguments: Its ``args``.
            once: Whether it must not be called again where an answer is lost.

        Raises:
            EngineApiError: As ``run``.
        """
        # the dry run needs a database that exists; _internal always does (contract 8.2)
        body = TestSchedulePlugin(filename=self.file_name, database="_internal", input_arguments=dict(arguments))
        call = partial(client.test_schedule_plugin, body, changes=self._changes)
        return self.run(client, call if once else partial(repeated, call))


PROBE = ServerPlugin("probe_plugin", changes=False)
SHIM = ServerPlugin("shim_plugin")
SWEEPER = ServerPlugin("sweeper_plugin")
