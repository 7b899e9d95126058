"""Models of query strings, and of bodies that only the engine reads (contract section 8).

``influxdb3_engine_api.wire`` has the models of the bodies that the provider sends.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = bool | int | float | str | None
FormatName = Literal["parquet", "csv", "pretty", "json", "json_lines", "jsonl"]
Precision = Literal["auto", "s", "second", "millisecond", "ms", "microsecond", "u", "us", "n", "nanosecond", "ns"]
FieldType = Literal["utf8", "int64", "uint64", "float64", "bool"]


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class TriggerReference(_Parameters):
    """The trigger to enable or disable (contract 1.4)."""

    db: str
    trigger_name: str


class DeleteTrigger(_Parameters):
    """The trigger to delete; ``force`` deletes it even if it is enabled (contract 1.3)."""

    db: str
    trigger_name: str
    force: bool = False


class Query(_Parameters):
    """A query in a JSON body (contract 7.1)."""

    db: str
    q: str
    format: FormatName | None = None
    params: dict[str, Scalar] | None = None


class QueryString(_Parameters):
    """A query in a query string; ``params`` is a JSON object as text (contract 7.1)."""

    db: str
    q: str
    format: FormatName | None = None
    params: str | None = None


class WriteLp(_Parameters):
    """Parameters of ``write_lp`` (contract 8.1)."""

    db: str
    precision: Precision = "auto"
    accept_partial: bool = True
    no_sync: bool = False


class WriteV1(_Parameters):
    """Parameters of ``/write``, the write operation of InfluxDB 1 (contract 8.1)."""

    db: str | None = None
    rp: str | None = None
    precision: Literal["s", "ms", "u", "us", "n", "ns"] = "ns"


class WriteV2(_Parameters):
    """Parameters of ``/api/v2/write``, the write operation of InfluxDB 2; ``org`` is ignored (contract 8.1)."""

    bucket: str | None = None
    precision: Literal["s", "ms", "us", "ns"] = "ns"


class ListDatabases(_Parameters):
    """How to list databases (contract 8.2)."""

    format: FormatName
    show_deleted: bool = False


class DeleteDatabase(_Parameters):
    """The database to delete, and when its data is removed (contract 8.2)."""

    db: str
    hard_delete_at: str | None = None


class NewField(_Parameters):
    """A field of a new table."""

    name: str
    type: FieldType


class CreateTable(_Parameters):
    """Body of ``POST configure/table`` (contract 8.2)."""

    db: str
    table: str
    tags: list[str]
    fields: list[NewField]


class DeleteTable(_Parameters):
    """The table to delete."""

    db: str
    table: str


class CreateNamedToken(_Parameters):
    """Body of ``POST token/named_admin``; the token expires after ``expiry_secs`` (contract 8.3)."""

    token_name: str
    expiry_secs: Annotated[int, Field(ge=0)] | None = None


class DeleteToken(_Parameters):
    """The token to delete."""

    token_name: str


class CreatedToken(_Parameters):
    """A new token with its secret. No other answer has the secret (contract 8.3)."""

    id: int
    name: str
    token: str
    hash: str
    created_at: str
    expiry: str | None
