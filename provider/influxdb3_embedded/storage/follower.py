"""Names those who follow the writes to a database."""

from __future__ import annotations

from typing import NamedTuple


class Follower(NamedTuple):
    """Somebody who sees every write to a database.

    Attributes:
        database_id: The database.
        name: Unique among the followers of the database.
    """

    database_id: int
    name: str
