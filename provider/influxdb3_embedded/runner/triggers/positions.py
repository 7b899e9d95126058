"""Positions of WAL triggers in the log: a trigger continues at its position after a crash."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from influxdb3_embedded.model import TriggerKey
    from influxdb3_embedded.runner.triggers.write_log import WriteLog


class _HasPosition(Protocol):
    @property
    def position(self) -> int: ...


class Positions:
    """The positions of the started WAL triggers.

    The position of a new trigger is stored before later writes are accepted, so that the trigger misses no write.
    Progress is stored by `save`: a run that ended after the last `save` is repeated after a crash. `save` also tells
    the log which writes nobody needs any more.

    Args:
        log: Stores the positions, and keeps the writes after the oldest one.
    """

    def __init__(self, log: WriteLog) -> None:
        self._log = log
        self._resumed: dict[TriggerKey, int] = {}
        self._started: dict[TriggerKey, _HasPosition] = {}
        self._stored: dict[TriggerKey, int] = {}
        self._kept_after: int | None = None

    def resume(self, keys: Collection[TriggerKey]) -> None:
        """Load the positions that the last process stored.

        Args:
            keys: The triggers that continue at their position; others start from now.
        """
        stored = self._log.positions()
        self._resumed = {key: position for key, position in stored.items() if key in keys}
        self._store({key: None for key in stored if key not in keys})
        self._keep_unseen()

    def resumed(self, key: TriggerKey) -> int | None:
        """Return a trigger's position as of the last process; None if that process did not run the trigger."""
        return self._resumed.get(key)

    async def settled(self) -> None:
        """Wait until all writes that were accepted before this call have been delivered."""
        await asyncio.wait([self._log.store_positions({})])

    def begin(self, key: TriggerKey, trigger: _HasPosition) -> None:
        """Store the position of a trigger that starts."""
        self._started[key] = trigger
        self._resumed.pop(key, None)
        position = trigger.position
        self._store({key: position})
        if self._kept_after is None or position < self._kept_after:
            self._keep_after(position)

    def forget(self, key: TriggerKey) -> None:
        """Forget the position of a trigger: its next start is from now."""
        self._started.pop(key, None)
        self._resumed.pop(key, None)
        self._stored.pop(key, None)
        self._store({key: None})

    async def save(self) -> None:
        """Store changed positions; the next call retries if that fails."""
        positions = {key: trigger.position for key, trigger in self._started.items()}
        self._keep_unseen()
        changed = {key: position for key, position in positions.items() if self._stored.get(key) != position}
        if changed:
            await asyncio.wait([self._store(changed)])

    def _store(self, positions: Mapping[TriggerKey, int | None]) -> asyncio.Future[None]:
        def note(done: asyncio.Future[None]) -> None:
            if done.exception() is None:
                self._stored.update({key: position for key, position in positions.items() if position is not None})

        done = self._log.store_positions(positions)
        done.add_done_callback(note)
        return done

    def _keep_unseen(self) -> None:
        unseen = [*self._resumed.values(), *(trigger.position for trigger in self._started.values())]
        self._keep_after(min(unseen, default=None))

    def _keep_after(self, sequence: int | None) -> None:
        self._kept_after = sequence
        self._log.keep_after(sequence)
