"""Databases and tokens, as the catalog stores them. Triggers are in ``influxdb3_embedded.model``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Database:
    """A database.

    Attributes:
        id: Its number in the storage. Never reused.
        name: Unique among all databases, also the deleted ones.
        retention: How long rows stay. None: for ever.
        deleted: Whether it is soft-deleted: it has another name, and its data stays until ``hard_delete_at``.
        hard_delete_at: When the data of a deleted database is removed. None: never.
    """

    id: int
    name: str
    retention: timedelta | None = None
    deleted: bool = False
    hard_delete_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An admin token. The engine shows the secret once and never stores it.

    Attributes:
        id: Never reused. The operator's token has 0.
        name: Unique.
        sha512: Hash of the secret, 128 hexadecimal digits.
        created: When it was created.
        expires: When it expires. None: never.
    """

    id: int
    name: str
    sha512: str
    created: datetime
    expires: datetime | None
