"""The first runs of a new definition: its trigger's log, read until enough of them have ended well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pulumi_influxdb3_engine.logic.retry import repeated

if TYPE_CHECKING:
    from datetime import datetime

    from influxdb3_engine_api import EngineClient
    from influxdb3_engine_api.wire import LogRow

_SECONDS_BETWEEN_LOOKS = 0.25
_FINISHED = "finished execution in "


class Watch(BaseModel):
    """How long to watch a trigger after it was created or changed.

    Attributes:
        seconds: At most so long.
        runs: Until so many runs have finished without an error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(gt=0, le=3600, allow_inf_nan=False)
    runs: int = Field(default=1, ge=1)


class LogWatch:
    """The log rows of one trigger that are newer than this object.

    Args:
        client: Of the engine.
        db: The trigger's database.
        trigger_name: The trigger; the log does not tell databases apart (contract 7.2).
        watch: For how long.
    """

    def __init__(self, client: EngineClient, db: str, trigger_name: str, watch: Watch) -> None:
        self._client, self._db, self._name, self._watch = client, db, trigger_name, watch
        newest = self._rows(limit=1)
        self._since: datetime | None = newest[-1].event_time if newest else None

    def first_error(self) -> str | None:
        """The log text of the first run that failed, or ``None`` where none did."""
        deadline = time.monotonic() + self._watch.seconds
        while True:
            rows = [row for row in self._rows(limit=1000) if self._since is None or row.event_time > self._since]
            errors = [row.log_text for row in rows if row.log_level == "ERROR"]
            if errors:
                return "\n".join(errors)
            finished = sum(row.log_text.startswith(_FINISHED) for row in rows)
            if finished >= self._watch.runs or time.monotonic() > deadline:
                return None
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _rows(self, limit: int) -> list[LogRow]:
        return repeated(lambda: self._client.trigger_logs(self._db, self._name, limit=limit))
