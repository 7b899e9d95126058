"""Who serves which request path: paths are global to a server, across databases, and the server lets them collide.

Of two started triggers on one path the last one answers, and whichever stops takes the path with it (contract 2.5).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from influxdb3_engine_api import NotFound
from influxdb3_engine_api.specification import Request, parse_catalog

if TYPE_CHECKING:
    from influxdb3_engine_api import EngineClient
    from influxdb3_engine_api.wire import TriggerRow

Owner = tuple[str, str]
"""Database and trigger name."""


def path_is_taken(other: Owner) -> str:
    """Why a trigger cannot serve a path that another one serves; not repeated, it may be all that guards the plugin."""
    return (
        f"the request path belongs to trigger {other[1]!r} of database {other[0]!r}; "
        "paths are global to a server, and two triggers on one disturb each other"
    )


class ServedPaths:
    """The paths that a server's enabled triggers serve; read once in a process, then kept by what it changes itself."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._owners: dict[str, set[Owner]] | None = None
        self._guard = threading.Lock()

    def other_owner(self, path: str, owner: Owner) -> Owner | None:
        """Another trigger that serves a path: one query a database the first time, nothing after that.

        Raises:
            EngineApiError: The server could not be asked.
        """
        with self._guard:
            if self._owners is None:
                self._owners = self._read()
            return min(self._owners.get(path, set()) - {owner}, default=None)

    def note(self, owner: Owner, path: str | None) -> None:
        """A trigger has been created, changed or deleted: it serves this path now, or none."""
        with self._guard:
            if self._owners is None:
                return
            for owners in self._owners.values():
                owners.discard(owner)
            if path is not None:
                self._owners.setdefault(path, set()).add(owner)

    def _read(self) -> dict[str, set[Owner]]:
        owners: dict[str, set[Owner]] = {}
        for db in self._client.databases():
            for row in self._rows(db):
                path = None if row.disabled else _request_path(row.trigger_specification)
                if path is not None:
                    owners.setdefault(path, set()).add((db, row.trigger_name))
        return owners

    def _rows(self, db: str) -> list[TriggerRow]:
        try:
            return self._client.triggers(db)
        except NotFound:  # deleted since it was listed
            return []


def _request_path(catalog_specification: str) -> str | None:
    try:
        specification = parse_catalog(catalog_specification)
    except ValueError:  # of a later release: none of the request triggers that this one knows
        return None
    return specification.path if isinstance(specification, Request) else None
