"""The single steps that change a trigger on the server, each settled: when one returns, it has happened.

An answer that was lost says nothing about the request. Disabling, enabling and deleting are repeated until they are
answered; a creation is looked up before it is repeated, since a second one is a conflict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from pulumi_influxdb3_engine.logic.lock_down import explained
from pulumi_influxdb3_engine.logic.names import CANDIDATE_SUFFIX
from pulumi_influxdb3_engine.logic.notices import notice
from pulumi_influxdb3_engine.logic.retry import is_servers, is_transient, repeated

if TYPE_CHECKING:
    from collections.abc import Callable

    from influxdb3_engine_api import CreateTrigger
    from pulumi_influxdb3_engine.logic.engine import Engine
    from pulumi_influxdb3_engine.logic.system_tables import LiveTrigger


class TriggerChanges:
    """Changes of the triggers of one database.

    Args:
        engine: The engine.
        db: The database.

    Every method raises an ``EngineApiError`` where the server refuses, or cannot be asked for some seconds.
    """

    def __init__(self, engine: Engine, db: str) -> None:
        self._client = engine.client
        self._tables = engine.system_tables
        self._db = db

    def live(self, name: str, *, fresh: bool = False) -> LiveTrigger | None:
        """The trigger as the server has it; ``fresh`` asks now, whatever has been read before."""
        return repeated(lambda: self._tables.trigger(self._db, name, fresh=fresh), worth=is_servers)

    def before(self, name: str) -> LiveTrigger | None:
        """The trigger as it was before this deployment changed any."""
        return repeated(lambda: self._tables.before(self._db, name), worth=is_servers)

    def create(self, body: CreateTrigger) -> None:
        """Create a trigger.

        Raises:
            Conflict: There was one of that name before.
        """
        try:
            self._client.create_trigger(body)
        except Conflict:
            raise
        except EngineApiError as error:
            self._settle_creation(body, error)
        self._tables.forget(self._db)

    def validate(self, body: CreateTrigger) -> None:
        """Let the server check a definition, as a disabled candidate under another name that is then deleted."""
        candidate = f"{body.trigger_name}{CANDIDATE_SUFFIX}"
        definition = body.model_copy(update={"trigger_name": candidate, "disabled": True})
        try:
            repeated(lambda: self._create_anew(definition))
        finally:
            self._discard(candidate)

    def set_enabled(self, name: str, *, enabled: bool) -> None:
        """Enable or disable a trigger.

        Raises:
            NotFound: There is none of that name.
        """
        change = self._client.enable_trigger if enabled else self._client.disable_trigger
        try:
            repeated(lambda: change(self._db, name), worth=is_servers)
        finally:
            self._tables.forget(self._db)

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete a disabled trigger, or any with ``force``; gone already is success."""
        try:
            repeated(lambda: self._client.delete_trigger(self._db, name, force=force), worth=is_servers)
        except NotFound:
            return
        finally:
            self._tables.forget(self._db)

    def remove(self, name: str, *, force: bool = False, once_stopped: Callable[[], None] | None = None) -> None:
        """Disable, so that the server lets go of the running plugin, and delete; gone already is success.

        Args:
            name: The trigger.
            force: Delete it even if the server thinks that it runs.
            once_stopped: Called in between.
        """
        exists = True
        try:
            self.set_enabled(name, enabled=False)
        except NotFound:
            exists = False
        if once_stopped:
            once_stopped()
        if exists:
            self.delete(name, force=force)

    def _create_anew(self, body: CreateTrigger) -> None:
        try:
            self._client.create_trigger(body)
        except Conflict:  # an attempt of ours whose answer was lost, or a deployment that was killed
            self.delete(body.trigger_name)
            self._client.create_trigger(body)

    def _discard(self, candidate: str) -> None:
        try:
            self.delete(candidate)
        except EngineApiError as error:  # harmless, as it is disabled; the next change of the trigger deletes it
            notice(f"the disabled trigger {candidate!r} in database {self._db!r} may be left: {explained(error)}")

    def _create_unless_there(self, body: CreateTrigger) -> None:
        try:
            self._client.create_trigger(body)
        except Conflict:
            return

    def _settle_creation(self, body: CreateTrigger, error: EngineApiError) -> None:
        live = self.live(body.trigger_name, fresh=True)
        if live is not None and live.matches(body):
            return
        if live is not None or not is_transient(error):
            raise error
        repeated(lambda: self._create_unless_there(body))
