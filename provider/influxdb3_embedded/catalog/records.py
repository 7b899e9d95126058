"""What the catalog stores besides triggers, which all parts of the engine share (``influxdb3_embedded.model``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Database:
    """A database.

    Attributes:
        id: Never reused; what storage knows it by.
        name: Unique, the deleted ones included.
        retention: How long rows are kept; ``None`` for ever.
        deleted: Whether it is soft-deleted: renamed, its data kept until ``hard_delete_at``.
        hard_delete_at: When the data of a deleted database goes; ``None`` never.
    """

    id: int
    name: str
    retention: timedelta | None = None
    deleted: bool = False
    hard_delete_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An admin token; the secret itself is shown once and never stored.

    Attributes:
        id: Never reused; 0 is the operator's.
        name: Unique.
        sha512: Hash of the secret, 128 hexadecimal digits.
        created: When it was made.
        expires: When it stops being valid; ``None`` never.
    """

    id: int
    name: str
    sha512: str
    created: datetime
    expires: datetime | None
