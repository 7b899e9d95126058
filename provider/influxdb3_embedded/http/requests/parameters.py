"""Models of query strings, and of bodies that only the engine reads (contract section 8).

``influxdb3_engine_api.wire`` has the models of the bodies that the provider sends.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = bool | int | float | str | None
FormatName = Literal["parquet", "csv", "pretty", "json", "json_lines", "jsonl"]
Unit = Literal["s", "second", "millisecond", "ms", "microsecond", "u", "us", "n", "nanosecond", "ns"]
Precision = Literal["auto", "s", "second", "millisecond", "ms", "microsecond", "u", "us", "n", "nanosecond", "ns"]


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class TriggerReference(_Parameters):
    """The trigger to enable or disable (contract 1.4).

    Attributes:
        db: The database of the trigger.
        trigger_name: Name of the trigger.
    """

    db: str
    trigger_name: str


class DeleteTrigger(_Parameters):
    """The trigger to delete (contract 1.3).

    Attributes:
        db: The database of the trigger.
        trigger_name: Name of the trigger.
        force: Whether to delete the trigger even if it is enabled.
    """

    db: str
    trigger_name: str
    force: bool = False


class Query(_Parameters):
    """An SQL query (contract 7.1).

    Attributes:
        db: The database.
        q: The query, with ``$name`` placeholders.
        format: Format of the rows; by default, the content type in the ``Accept`` header.
        params: Values of the placeholders.
    """

    db: str
    q: str
    format: FormatName | None = None
    params: dict[str, Scalar] | None = None


class QueryString(_Parameters):
    """An SQL query in a query string (contract 7.1).

    Attributes:
        db: The database.
        q: The query, with ``$name`` placeholders.
        format: Format of the rows; by default, the content type in the ``Accept`` header.
        params: Values of the placeholders, as the text of a JSON object.
    """

    db: str
    q: str
    format: FormatName | None = None
    params: str | None = None


class WriteLp(_Parameters):
    """Parameters of ``write_lp`` (contract 8.1).

    Attributes:
        db: The database; created if it does not exist.
        precision: Unit of the timestamps.
        accept_partial: Whether to write the valid lines if others are invalid.
        no_sync: Whether to answer before the lines are on disk.
    """

    db: str
    precision: Precision = "auto"
    accept_partial: bool = True
    no_sync: bool = False


class WriteV1(_Parameters):
    """Parameters of ``/write``, the write operation of InfluxDB 1 (contract 8.1).

    Attributes:
        db: The database; created if it does not exist.
        rp: Retention policy. The database is ``db/rp``, or ``db`` for ``autogen`` and ``default``.
        precision: Unit of the timestamps.
    """

    db: str
    rp: str | None = None
    precision: Unit = "ns"


class WriteV2(_Parameters):
    """Parameters of ``/api/v2/write``, the write operation of InfluxDB 2; ``org`` is ignored (contract 8.1).

    Attributes:
        bucket: The database; created if it does not exist.
        precision: Unit of the timestamps.
    """

    bucket: str | None = None
    precision: Unit = "ns"


class ListDatabases(_Parameters):
    """How to list databases (contract 8.2).

    Attributes:
        format: Format of the rows.
        show_deleted: Whether to list deleted databases as well.
    """

    format: FormatName
    show_deleted: bool = False


class DeleteDatabase(_Parameters):
    """The database to delete (contract 8.2).

    Attributes:
        db: The database.
        hard_delete_at: When to remove the data: ``now``, ``never``, ``default`` (in 72 hours) or a time in RFC 3339.
    """

    db: str
    hard_delete_at: str | None = None


class DeleteTable(_Parameters):
    """The table to delete.

    Attributes:
        db: The database of the table.
        table: Name of the table.
    """

    db: str
    table: str


class CreateNamedToken(_Parameters):
    """A new named admin token (contract 8.3).

    Attributes:
        token_name: Name of the token; unique.
        expiry_secs: Seconds until the token expires; null: never.
    """

    token_name: str
    expiry_secs: Annotated[int, Field(ge=0)] | None = None


class DeleteToken(_Parameters):
    """The token to delete.

    Attributes:
        token_name: Name of the token.
    """

    token_name: str


class CreatedToken(_Parameters):
    """A new token (contract 8.3).

    Attributes:
        id: Number of the token.
        name: Name of the token.
        token: The secret of the token. No other answer has it.
        hash: SHA-512 of the secret.
        created_at: Time of creation, RFC 3339.
        expiry: Time when the token expires, RFC 3339; null: never.
    """

    id: int
    name: str
    token: str
    hash: str
    created_at: str
    expiry: str | None
