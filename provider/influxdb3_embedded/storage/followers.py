"""Who follows the writes."""

from __future__ import annotations

from typing import NamedTuple


class Follower(NamedTuple):
    """Somebody who is to see every write to a database.

    Attributes:
        database_id: The database.
        name: Unique among its followers.
    """

    database_id: int
    name: str
