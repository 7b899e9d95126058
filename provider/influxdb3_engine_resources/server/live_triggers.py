"""The triggers that exist on the server. All resources of a deployment share what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api.errors import NotFound
from influxdb3_engine_api.specification import depends_on_server, parse, parse_catalog, same_schedule
from influxdb3_engine_resources.names import CANDIDATE_SUFFIX
from influxdb3_engine_resources.server.shared import REFRESH_SECONDS, SharedAnswers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from influxdb3_engine_api import CreateTrigger, EngineClient, Specification
    from influxdb3_engine_api.wire import TriggerRow
    from influxdb3_engine_resources.server.facts import ServerFacts


class LiveTrigger(NamedTuple):
    """A trigger as the server has it.

    Attributes:
        row: Its row of the system table.
        arguments: Its arguments; None if it has none.
        sunday: The number of Sunday in cron expressions of the server.
    """

    row: TriggerRow
    arguments: dict[str, str] | None
    sunday: int = 1

    def matches(self, body: CreateTrigger) -> bool:
        """Whether the request would have created this trigger, as far as the server's tables show."""
        return (
            self.row.plugin_filename == body.plugin_filename
            and self._is_on_schedule(body.trigger_specification)
            and (self.arguments or {}) == (body.trigger_arguments or {})
            and self.row.error_behavior == body.trigger_settings.error_behavior
            and self.row.disabled == body.disabled
        )

    def specification(self) -> Specification:
        """When it runs.

        Raises:
            ValueError: This release does not know the form that the server stores.
        """
        return parse_catalog(self.row.trigger_specification, self.sunday)

    def _is_on_schedule(self, specification: str) -> bool:
        try:
            return same_schedule(self.specification(), parse(specification))
        except ValueError:  # a form that this package does not know
            return False


def live_triggers(
    rows: Iterable[TriggerRow], arguments: Mapping[str, dict[str, str]], facts: ServerFacts
) -> list[LiveTrigger]:
    """The triggers of a database. Asks for the server's product if that decides when one of the triggers runs.

    Raises:
        EngineApiError: The server could not be asked.
    """
    return [
        LiveTrigger(
            row,
            arguments.get(row.trigger_name),
            facts.sunday() if depends_on_server(row.trigger_specification) else 1,
        )
        for row in rows
    ]


class LiveTriggers:
    """Reads ``system.processing_engine_triggers`` and its arguments: two queries a database, however many triggers."""

    def __init__(self, client: EngineClient, facts: ServerFacts) -> None:
        self._client = client
        self._facts = facts
        self._triggers = SharedAnswers(REFRESH_SECONDS)
        self._candidates = SharedAnswers()
        self._first: dict[str, dict[str, LiveTrigger]] = {}

    def trigger(self, db: str, name: str, *, fresh: bool = False) -> LiveTrigger | None:
        """The trigger of that name, or None if the database has no such trigger or does not exist.

        Args:
            db: The database.
            name: The trigger.
            fresh: Whether to ask the server in any case.

        Raises:
            EngineApiError: The server could not be asked.
        """
        return self._triggers.get(db, lambda: self._read(db), fresh=fresh).get(name)

    def before(self, db: str, name: str) -> LiveTrigger | None:
        """The trigger as it was when this process first read the database, or None."""
        if db not in self._first:
            self.trigger(db, name)
        return self._first[db].get(name)

    def left_candidates(self, db: str) -> frozenset[str]:
        """Candidates that earlier deployments left, enabled or not: one query for each database in a process.

        Raises:
            EngineApiError: The server could not be asked.
        """
        return self._candidates.get(db, lambda: self._read_candidates(db))

    def forget_candidate(self, db: str, name: str) -> None:
        """Note that this process has removed a candidate."""
        self._candidates.amend(db, lambda left: left - {name})

    def forget(self, db: str) -> None:
        """Note that this process has changed triggers of a database: reads them again next time."""
        self._triggers.forget(db)

    def _read(self, db: str) -> dict[str, LiveTrigger]:
        try:
            rows = self._client.triggers(db)
            arguments = self._client.trigger_arguments(db) if rows else {}
        except NotFound:
            rows, arguments = [], {}
        found = {each.row.trigger_name: each for each in live_triggers(rows, arguments, self._facts)}
        self._first.setdefault(db, found)
        return found

    def _read_candidates(self, db: str) -> frozenset[str]:
        try:
            names = (row.trigger_name for row in self._client.triggers(db))
            return frozenset(name for name in names if name.endswith(CANDIDATE_SUFFIX))
        except NotFound:
            return frozenset()
