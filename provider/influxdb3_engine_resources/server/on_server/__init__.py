"""Plugins of our own that do on a server what its API cannot do.

Each plugin is one fixed file. Each process writes it once, even if a file of that name exists: somebody else may have
written that file, and this package would trust its answers.

Dry runs execute these plugins in the server's virtual environment (contract section 6). Measured on a real server: 2 to
30 ms a call.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import threading
from functools import cached_property, partial
from typing import TYPE_CHECKING
from weakref import WeakSet

from influxdb3_engine_api import AnswerError
from influxdb3_engine_api.wire import TestSchedulePlugin
from influxdb3_engine_resources.server.retry import is_unsettled, with_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from influxdb3_engine_api import DryRunResult, EngineClient

DIRECTORY = ".pulumi"
"""Directory of this package's own files, below the plugin directory."""
_MOST_UPLOADS = 3


class ServerPlugin:
    """One plugin of ours.

    Args:
        module: The module of this folder that holds its source.
        changes: Whether it changes anything on the server.
    """

    def __init__(self, module: str, *, changes: bool = True) -> None:
        self._module = module
        self._changes = changes
        self._written: WeakSet[EngineClient] = WeakSet()
        self._writing = threading.Lock()

    @cached_property
    def source(self) -> str:
        """The text that is uploaded."""
        return importlib.resources.files(__package__).joinpath(f"{self._module}.py").read_text("utf-8")

    @cached_property
    def file_name(self) -> str:
        """Path below the plugin directory, with a hash of the source: each release of this package has its own file."""
        digest = hashlib.sha256(self.source.encode()).hexdigest()[:12]
        return f"{DIRECTORY}/{self._module}_{digest}.py"

    def run(self, client: EngineClient, dry_run: Callable[[], DryRunResult]) -> DryRunResult:
        """Carry out a dry run of this plugin: one request, and one more the first time in a process.

        Raises:
            EngineApiError: The server refuses dry runs or files, or could not be asked.
        """
        self._write(client)
        for _upload in range(_MOST_UPLOADS):  # another stack that is destroyed now may remove the file
            try:
                return dry_run()
            except AnswerError as error:
                if "Plugin not found" not in error.text:
                    raise
            self._write(client, again=True)
        return dry_run()

    def _write(self, client: EngineClient, *, again: bool = False) -> None:
        with self._writing:  # so that one resource of a deployment writes it, and the others wait
            if client in self._written and not again:
                return
            with_retries(lambda: client.create_plugin_file(self.file_name, self.source), retry_on=is_unsettled)
            self._written.add(client)

    def run_scheduled(self, client: EngineClient, arguments: Mapping[str, str], *, once: bool = False) -> DryRunResult:
        """Call ``process_scheduled_call`` of this plugin.

        Args:
            client: The client of the server.
            arguments: The ``args`` of the call.
            once: Whether to call it only once, even if the answer is lost.

        Raises:
            EngineApiError: As ``run``.
        """
        # a dry run needs a database that exists; _internal always exists (contract 8.2)
        body = TestSchedulePlugin(filename=self.file_name, database="_internal", input_arguments=dict(arguments))
        call = partial(client.test_schedule_plugin, body, changes=self._changes)
        return self.run(client, call if once else partial(with_retries, call))


PROBE = ServerPlugin("probe", changes=False)
SHIM = ServerPlugin("shim")
SWEEPER = ServerPlugin("sweeper")
