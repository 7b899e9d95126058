"""Query strings, and bodies of the endpoints around the Processing engine (contract section 8).

Bodies of the twelve operations are ``influxdb3_engine_api.wire``'s.
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
    """Which trigger is enabled or disabled (contract 1.4)."""

    db: str
    trigger_name: str


class DeleteTrigger(_Parameters):
    """Which trigger is deleted, and whether although it is enabled (contract 1.3)."""

    db: str
    trigger_name: str
    force: bool = False


class Query(_Parameters):
    """A query: members of the body, or of the query string but for ``params`` (contract 7.1)."""

    db: str
    q: str
    format: FormatName | None = None
    params: dict[str, Scalar] | None = None


class QueryString(_Parameters):
    """A query in a query string, where ``params`` is JSON text."""

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
    """Parameters of ``/write``, InfluxDB 1's endpoint (contract 8.1)."""

    db: str | None = None
    rp: str | None = None
    precision: Literal["s", "ms", "u", "us", "n", "ns"] = "ns"


class WriteV2(_Parameters):
    """Parameters of ``/api/v2/write``, InfluxDB 2's endpoint; the organisation is ignored (contract 8.1)."""

    bucket: str | None = None
    precision: Literal["s", "ms", "us", "ns"] = "ns"


class ListDatabases(_Parameters):
    """How databases are listed (contract 8.2)."""

    format: FormatName
    show_deleted: bool = False


class DeleteDatabase(_Parameters):
    """Which database is deleted, and when its data goes (contract 8.2)."""

    db: str
    hard_delete_at: str | None = None


class NewField(_Parameters):
    """A field of a table that is created."""

    name: str
    type: FieldType


class CreateTable(_Parameters):
    """Body of ``POST configure/table`` (contract 8.2)."""

    db: str
    table: str
    tags: list[str]
    fields: list[NewField]


class DeleteTable(_Parameters):
    """Which table is deleted."""

    db: str
    table: str


class CreateNamedToken(_Parameters):
    """Body of ``POST token/named_admin``; ``expiry_secs`` counts from now (contract 8.3)."""

    token_name: str
    expiry_secs: Annotated[int, Field(ge=0)] | None = None


class DeleteToken(_Parameters):
    """Which token is deleted."""

    token_name: str


class CreatedToken(_Parameters):
    """Answer of the operations that make a token: the only time that its secret is told (contract 8.3)."""

    id: int
    name: str
    token: str
    hash: str
    created_at: str
    expiry: str | None
