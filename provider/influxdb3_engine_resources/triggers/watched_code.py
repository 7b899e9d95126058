"""New code of a watched trigger: the previous code is put back if a run fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.errors import ProbeFailed, ResourceError, SweepFailed
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.plugins.change import FileChange
from influxdb3_engine_resources.server.host import sha256
from influxdb3_engine_resources.server.on_server import DIRECTORY
from influxdb3_engine_resources.server.remedies import with_remedy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_engine_resources.plugins.code import Code
    from influxdb3_engine_resources.server.engine import Engine


class WatchedCode:
    """The new code of one trigger.

    Args:
        plugin_filename: The plugin.
        known: Hash of the code that the trigger ran before; None if unknown.
        engine: The server.

    When a trigger fails, Pulumi has updated the resource of the file already: its state has the new code. The trigger's
    state still has the previous hash, so that the trigger writes the new code at the next deployment.
    """

    def __init__(self, plugin_filename: str, known: str | None, engine: Engine) -> None:
        self._name, self._known, self._engine = plugin_filename.rstrip("/"), known, engine

    def deploy(self, label: str) -> bool:
        """Write the new code if an earlier deployment has put the previous code back.

        Args:
            label: The trigger.

        Returns:
            Whether the code is new to the trigger; false if its previous code is unknown.

        Raises:
            ResourceError: The code was not written, or another trigger has failed on it.
        """
        changes = self._engine.code
        if self._name in changes.failed:
            raise ResourceError(
                f"{label} has its previous code again, since {changes.failed[self._name]} failed on the new code"
            )
        if self._name in changes.replaced:
            return True
        declared = self._engine.program.contents.get(self._name)
        if self._known is None or declared is None:
            return False
        try:
            FileChange(self._engine.hosts, declared).carry_out()
        except ResourceError as error:
            raise ResourceError(f"{label} does not run its new code, since that was not written: {error}") from error
        return True

    def put_back(self, label: str) -> str:
        """Put the previous code back on all hosts; returns a sentence about the outcome.

        Args:
            label: The trigger that failed.
        """
        try:
            previous = self._previous()
            if previous is None:
                return "Its new code stays, since the previous code is unknown"
            new = self._engine.program.contents.get(self._name, {}).keys() - previous.keys()
            FileChange(self._engine.hosts, previous).carry_out()
            for host in self._engine.hosts if new else ():
                host.remove_files(new)
        except (ResourceError, EngineApiError, ProbeFailed, SweepFailed) as error:
            return f"Its new code may stay, since the previous code could not be put back ({with_remedy(error)})"
        self._engine.code.failed[self._name] = label
        return "Its previous code is there again; the next 'pulumi up' writes the new code"

    def _previous(self) -> Mapping[str, str] | None:
        replaced = self._engine.code.replaced.get(self._name)
        host = self._engine.hosts[0]
        if replaced and self._known in (None, replaced.digest):
            if list(replaced.contents) == [self._name]:
                # from now on the state has the new code only: a later deployment finds the previous code here
                self._keep(replaced)
            return replaced.contents
        # an earlier deployment has put the previous code back and kept this copy
        backup = _backup(str(self._known))
        file = host.probe.ask(files=[backup]).files[backup] if self._known else None
        if file is None or file.text is None or sha256(file.text) != self._known:
            return None
        return {self._name: file.text}

    def _keep(self, code: Code) -> None:
        try:
            self._engine.hosts[0].write_file(_backup(code.digest), code.contents[self._name])
        except EngineApiError as error:
            notice(
                f"no copy of the previous code was kept, so a later deployment cannot put it back: {with_remedy(error)}"
            )


def _backup(digest: str) -> str:
    return f"{DIRECTORY}/previous/{digest[:32]}.py"
