"""The single steps that change a trigger on the server, each settled: when one returns, it has happened.

An answer that was lost says nothing about the request. Disabling, enabling and deleting are repeated until they are
answered; a creation is looked up before it is repeated, since a second one is a conflict.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from influxdb3_engine_resources.names import CANDIDATE_SUFFIX
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_server_fault, is_transient, is_unsettled, with_retries

if TYPE_CHECKING:
    from collections.abc import Callable

    from influxdb3_engine_api import CreateTrigger
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.server.live_triggers import LiveTrigger


class TriggerSteps:
    """Changes of the triggers of one database.

    Args:
        engine: The engine.
        db: The database.

    Attributes:
        engine: The engine.

    Every method raises an ``EngineApiError`` where the server refuses, or cannot be asked for some seconds.
    """

    def __init__(self, engine: Engine, db: str) -> None:
        self.engine = engine
        self._client = engine.client
        self._tables = engine.live_triggers
        self._db = db

    def live(self, name: str, *, fresh: bool = False) -> LiveTrigger | None:
        """The trigger as the server has it; ``fresh`` asks now, whatever has been read before."""
        return with_retries(lambda: self._tables.trigger(self._db, name, fresh=fresh), retry_on=is_server_fault)

    def before(self, name: str) -> LiveTrigger | None:
        """The trigger as it was before this deployment changed any."""
        return with_retries(lambda: self._tables.before(self._db, name), retry_on=is_server_fault)

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

    def create_candidate(self, body: CreateTrigger) -> None:
        """Create a candidate; one that an earlier deployment left is kept where it is the same, else replaced."""
        try:
            self.create(body)
        except Conflict:
            left = self.live(body.trigger_name, fresh=True)
            if left is not None and not left.row.disabled:
                notice(
                    f"the trigger {body.trigger_name!r} in database {self._db!r} was left by a deployment that did not "
                    "end; what was written since then may have been processed twice"
                )
            if left is None or not left.matches(body):
                self.take_down(body.trigger_name)
                self.create(body)

    def validate(self, body: CreateTrigger) -> None:
        """Let the server check a definition: a disabled candidate, which is deleted again."""
        try:
            with_retries(lambda: self._create_anew(body), retry_on=is_unsettled)
        finally:
            self._discard(body.trigger_name)

    def set_enabled(self, name: str, *, enabled: bool) -> datetime:
        """Enable or disable a trigger; returns when the request was sent that was answered.

        Raises:
            NotFound: There is none of that name.
        """
        change = self._client.enable_trigger if enabled else self._client.disable_trigger

        def attempt() -> datetime:
            sent = datetime.now(UTC)
            change(self._db, name)
            return sent

        try:
            return with_retries(attempt, retry_on=is_server_fault)
        finally:
            self._tables.forget(self._db)

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete a disabled trigger, or any with ``force``; gone already is success."""
        try:
            with_retries(lambda: self._client.delete_trigger(self._db, name, force=force), retry_on=is_server_fault)
        except NotFound:
            return
        finally:
            self._tables.forget(self._db)

    def remove(self, name: str, *, force: bool = False) -> None:
        """Take a trigger down, and a candidate of it that an earlier deployment left."""
        self.remove_left_candidate(name)
        self.take_down(name, force=force)

    def remove_left_candidate(self, name: str) -> None:
        """Take down the candidate of a trigger that an earlier deployment left, if it did."""
        candidate = f"{name}{CANDIDATE_SUFFIX}"
        left = with_retries(lambda: self._tables.left_candidates(self._db), retry_on=is_server_fault)
        if candidate in left:
            self.take_down(candidate)
            self._tables.forget_candidate(self._db, candidate)

    def take_down(
        self, name: str, *, force: bool = False, once_stopped: Callable[[], None] | None = None
    ) -> datetime | None:
        """Disable, so that the server lets go of the running plugin, and delete; gone already is success.

        Args:
            name: The trigger.
            force: Delete it even if the server thinks that it runs.
            once_stopped: Called in between.

        Returns:
            When the request was sent that disabled it; ``None`` where it was gone.
        """
        stopped = None
        with suppress(NotFound):
            stopped = self.set_enabled(name, enabled=False)
        if once_stopped:
            once_stopped()
        if stopped:
            self.delete(name, force=force)
        return stopped

    def _create_anew(self, body: CreateTrigger) -> None:
        try:
            self._client.create_trigger(body)
        except Conflict:  # an attempt of ours whose answer was lost, or a deployment that was killed
            self.take_down(body.trigger_name)
            self._client.create_trigger(body)

    def _discard(self, candidate: str) -> None:
        try:
            self.delete(candidate)
        except EngineApiError as error:  # harmless, as it is disabled; the next change of the trigger deletes it
            notice(f"the disabled trigger {candidate!r} in database {self._db!r} may be left: {with_remedy(error)}")

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
        with_retries(lambda: self._create_unless_there(body), retry_on=is_unsettled)
