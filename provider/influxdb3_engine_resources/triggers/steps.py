"""Single steps that change a trigger on the server. A step that returns has happened.

After a lost answer it is unknown whether the request was carried out. So a step disables, enables or deletes again
until the server answers. Before it creates again, it looks whether the trigger exists: a second creation is a conflict.
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
    """Steps for the triggers of one database.

    Args:
        engine: The server.
        db: The database.

    Attributes:
        engine: The server.

    Every method raises an ``EngineApiError`` if the server refuses, or could not be asked for some seconds.
    """

    def __init__(self, engine: Engine, db: str) -> None:
        self.engine = engine
        self._client = engine.client
        self._tables = engine.live_triggers
        self._db = db

    def live(self, name: str, *, fresh: bool = False) -> LiveTrigger | None:
        """The trigger as the server has it, or None; ``fresh`` asks the server in any case."""
        return with_retries(lambda: self._tables.trigger(self._db, name, fresh=fresh), retry_on=is_server_fault)

    def before(self, name: str) -> LiveTrigger | None:
        """The trigger as it was before this deployment changed triggers, or None."""
        return with_retries(lambda: self._tables.before(self._db, name), retry_on=is_server_fault)

    def create(self, body: CreateTrigger) -> None:
        """Create a trigger.

        Raises:
            Conflict: A trigger of that name existed before.
        """
        try:
            self._client.create_trigger(body)
        except Conflict:
            raise
        except EngineApiError as error:
            self._settle_creation(body, error)
        self._tables.forget(self._db)

    def create_candidate(self, body: CreateTrigger) -> None:
        """Create a candidate. If an earlier deployment left one, keep it if it is the same, else replace it."""
        try:
            self.create(body)
        except Conflict:
            left = self.live(body.trigger_name, fresh=True)
            if left is not None and not left.row.disabled:
                notice(
                    f"the trigger {body.trigger_name!r} in database {self._db!r} was left by a deployment that was "
                    "killed: writes since then may have been processed twice"
                )
            if left is None or not left.matches(body):
                self.take_down(body.trigger_name)
                self.create(body)

    def validate(self, body: CreateTrigger) -> None:
        """Let the server check a definition: create a disabled candidate, and delete it."""
        try:
            with_retries(lambda: self._create_again(body), retry_on=is_unsettled)
        finally:
            self._discard(body.trigger_name)

    def set_enabled(self, name: str, *, enabled: bool) -> datetime:
        """Enable or disable a trigger; returns when the request that succeeded was sent.

        Raises:
            NotFound: There is no trigger of that name.
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
        """Delete a disabled trigger, or any trigger with ``force``; a trigger that is gone is a success."""
        try:
            with_retries(lambda: self._client.delete_trigger(self._db, name, force=force), retry_on=is_server_fault)
        except NotFound:
            return
        finally:
            self._tables.forget(self._db)

    def remove(self, name: str, *, force: bool = False) -> None:
        """Take a trigger down, and its candidate if an earlier deployment left one."""
        self.remove_left_candidate(name)
        self.take_down(name, force=force)

    def remove_left_candidate(self, name: str) -> None:
        """Take down the candidate of a trigger if an earlier deployment left one."""
        candidate = f"{name}{CANDIDATE_SUFFIX}"
        left = with_retries(lambda: self._tables.left_candidates(self._db), retry_on=is_server_fault)
        if candidate in left:
            self.take_down(candidate)
            self._tables.forget_candidate(self._db, candidate)

    def take_down(
        self, name: str, *, force: bool = False, once_stopped: Callable[[], None] | None = None
    ) -> datetime | None:
        """Disable a trigger, so that its plugin stops, then delete it; a trigger that is gone is a success.

        Args:
            name: The trigger.
            force: Whether to delete it even if the server says that it runs.
            once_stopped: Called after it was disabled.

        Returns:
            When the request that disabled it was sent; None if it was gone.
        """
        stopped = None
        with suppress(NotFound):
            stopped = self.set_enabled(name, enabled=False)
        if once_stopped:
            once_stopped()
        if stopped:
            self.delete(name, force=force)
        return stopped

    def _create_again(self, body: CreateTrigger) -> None:
        try:
            self._client.create_trigger(body)
        except Conflict:  # our first attempt happened, or a killed deployment left it
            self.take_down(body.trigger_name)
            self._client.create_trigger(body)

    def _discard(self, candidate: str) -> None:
        try:
            self.delete(candidate)
        except EngineApiError as error:  # harmless: it is disabled, and the next change of the trigger deletes it
            notice(f"the disabled trigger {candidate!r} in database {self._db!r} may stay: {with_remedy(error)}")

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
