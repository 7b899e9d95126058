"""How far WAL triggers have come, so that after a crash each goes on where it was."""

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

    A trigger that is started is noted before any later write is accepted, so it can miss none. How it goes on is stored
    when `save` is called, not with each run: a run that ended between the last call and a crash is run again. What no
    trigger is to see any more is kept until then, too: starting and stopping one of many asks none of the others.

    Args:
        log: Where they are stored, and what must keep the writes that are still to be seen.
    """

    def __init__(self, log: WriteLog) -> None:
        self._log = log
        self._resumed: dict[TriggerKey, int] = {}
        self._started: dict[TriggerKey, _HasPosition] = {}
        self._stored: dict[TriggerKey, int] = {}
        self._kept_after: int | None = None

    def resume(self, keys: Collection[TriggerKey]) -> None:
        """Load what the last process stored.

        Args:
            keys: The triggers that go on where they were; others start from now when they are started.
        """
        stored = self._log.positions()
        self._resumed = {key: position for key, position in stored.items() if key in keys}
        self._store({key: None for key in stored if key not in keys})
        self._keep_unseen()

    def resumed(self, key: TriggerKey) -> int | None:
        """Where the last process left a trigger; ``None`` for one that it has not started."""
        return self._resumed.get(key)

    async def settled(self) -> None:
        """Wait until all that was accepted before has been delivered: what is stored comes after it in the log."""
        await asyncio.wait([self._log.store_positions({})])

    def begin(self, key: TriggerKey, trigger: _HasPosition) -> None:
        """Keep the position of a trigger that starts."""
        self._started[key] = trigger
        self._resumed.pop(key, None)
        position = trigger.position
        self._store({key: position})
        if self._kept_after is None or position < self._kept_after:
            self._keep_after(position)

    def forget(self, key: TriggerKey) -> None:
        """Forget a trigger that is stopped, or that cannot be started: it starts from now the next time."""
        self._started.pop(key, None)
        self._resumed.pop(key, None)
        self._stored.pop(key, None)
        self._store({key: None})

    async def save(self) -> None:
        """Store what has changed; what cannot be stored, the next call tries again."""
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
