"""Which trigger serves which request path. Paths are global to a server, across databases.

The server accepts two triggers on one path: the last one answers, and either one frees the path when it stops (contract
2.5).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from influxdb3_engine_api import NotFound
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.specification import Request, parse_catalog
from influxdb3_engine_resources.server.shared import SharedAnswers

if TYPE_CHECKING:
    from collections.abc import Collection

    from influxdb3_engine_api import EngineClient
    from influxdb3_engine_api.wire import TriggerRow

Owner = tuple[str, str]
"""Database and trigger name."""
_HANDOVER_SECONDS = 30.0
"""How long a trigger waits until another resource of its deployment gives a path up."""


def path_is_taken(other: Owner) -> str:
    """Why a trigger cannot serve a path that another trigger serves; does not repeat the path, which may be secret."""
    return (
        f"the request path belongs to trigger {shown(repr(other[1]))} of database {shown(repr(other[0]))}; "
        "paths are global to a server, so choose another path"
    )


def path_is_served(other: Owner) -> str:
    """As ``path_is_taken``, about a trigger on the server; adds what to do if the program moves the path."""
    return (
        f"{path_is_taken(other)}. If this program moves the path, add depends_on=[THAT_TRIGGER] to this trigger; if it "
        "renames the resource, give this one an alias of the old name"
    )


class DeclaredPaths:
    """The request paths of one program; safe to share between threads.

    A path can move between two triggers in one deployment only if Pulumi checks the one that gives it up first, and
    ``depends_on`` ensures that order. So previews and deployments come to the same result.
    """

    def __init__(self) -> None:
        self._owners: dict[str, Owner] = {}
        self._given_up: defaultdict[str, frozenset[Owner]] = defaultdict(frozenset)
        self._predecessors: dict[tuple[str, Owner], frozenset[Owner]] = {}
        self._guard = threading.Lock()

    def declare(self, path: str, owner: Owner) -> Owner | None:
        """Note that a trigger serves a path; return another trigger of the program that serves it, or None."""
        with self._guard:
            self._predecessors[path, owner] = self._given_up[path]
            other = self._owners.setdefault(path, owner)
        return None if other == owner else other

    def give_up(self, path: str, owner: Owner) -> None:
        """Note that a trigger of an earlier deployment gives its path up."""
        with self._guard:
            self._given_up[path] |= {owner}

    def predecessors(self, path: str, owner: Owner) -> frozenset[Owner]:
        """Triggers that had given the path up before this trigger declared it."""
        with self._guard:
            return self._predecessors.get((path, owner), frozenset())

    def too_late(self, path: str, owner: Owner) -> Owner | None:
        """A trigger that gives the path up and was checked after the one that takes it, or None."""
        return min(self._given_up[path] - self.predecessors(path, owner), default=None)


class ServedPaths:
    """The paths of a server's enabled triggers: read once in a process, then updated by this process's changes."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._answers = SharedAnswers()
        self._settled: set[Owner] = set()
        self._changed = threading.Condition()

    def other_owner(self, path: str, mine: Collection[Owner]) -> Owner | None:
        """Another trigger that serves a path, or None: one query for each database the first time.

        Args:
            path: The request path.
            mine: The trigger itself, and triggers that are gone before it starts.

        Raises:
            EngineApiError: The server could not be asked.
        """
        return min(self._owners_of(path).difference(mine), default=None)

    def wait_until_given_up(self, path: str, owners: Collection[Owner]) -> None:
        """Wait until other resources of this deployment have changed these triggers.

        Raises:
            EngineApiError: The server could not be asked.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._settled.issuperset(self._owners_of(path).intersection(owners)), _HANDOVER_SECONDS
            )

    def note(self, owner: Owner, path: str | None) -> None:
        """Note which path a trigger serves, after a creation, a change or a deletion, or after its failure."""
        with self._changed:
            self._settled.add(owner)
            now = set() if path is None else {(path, owner)}
            self._answers.amend("paths", lambda pairs: frozenset(pair for pair in pairs if pair[1] != owner) | now)
            self._changed.notify_all()

    def _owners_of(self, path: str) -> set[Owner]:
        return {owner for served, owner in self._answers.get("paths", self._read) if served == path}

    def _read(self) -> frozenset[tuple[str, Owner]]:
        served: set[tuple[str, Owner]] = set()
        for db in self._client.databases():
            for row in self._rows(db):
                path = None if row.disabled else _request_path(row.trigger_specification)
                if path is not None:
                    served.add((path, (db, row.trigger_name)))
        return frozenset(served)

    def _rows(self, db: str) -> list[TriggerRow]:
        try:
            return self._client.triggers(db)
        except NotFound:  # deleted since it was listed
            return []


def _request_path(catalog_specification: str) -> str | None:
    try:
        specification = parse_catalog(catalog_specification)
    except ValueError:  # a specification of a later release
        return None
    return specification.path if isinstance(specification, Request) else None
