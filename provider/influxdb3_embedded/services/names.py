"""Rules for the names of databases (contract 8.1)."""

from __future__ import annotations

import re

from influxdb3_embedded.errors import ApiError

_MAX_BYTES = 511
_ALLOWED = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class DatabaseNameError(ApiError):
    """The name of a database is invalid."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, reason)


def check_database_name(name: str, *, retention_policy: bool = False) -> None:
    """Check the name of a database.

    Args:
        name: The name.
        retention_policy: Whether ``DB/POLICY`` is valid as well, as in writes.

    Raises:
        DatabaseNameError: The name is invalid.
    """
    if not name:
        raise DatabaseNameError("db name cannot be empty")
    if len(name.encode(errors="replace")) > _MAX_BYTES:
        raise DatabaseNameError(f"db name too long: max {_MAX_BYTES}")
    if name[0].isascii() and not name[0].isalnum():
        raise DatabaseNameError("db name did not start with a number or letter")
    database, slash, policy = name.partition("/") if retention_policy else (name, "", "")
    if "/" in policy or (slash and not policy):
        raise DatabaseNameError(
            "db name with invalid retention policy, if providing a retention policy name, "
            "must be of form '<db_name>/<rp_name>'"
        )
    if not (_ALLOWED.fullmatch(database) and _ALLOWED.fullmatch(policy)):
        raise DatabaseNameError(
            "invalid character in database or rp name: must be ASCII, "
            "containing only letters, numbers, underscores, or hyphens"
        )
