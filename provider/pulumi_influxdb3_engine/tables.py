"""The resource ``Table``.

The module is not named ``table``: the package has a function of that name. Old releases of dill, such as 0.3.6, do not
find a class in a module that this function hides, so that state files would hold the whole class instead of its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

import pulumi

from pulumi_influxdb3_engine._arguments import as_list, as_text_mapping
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import EngineResource, ResourceArgs, arguments, deleting_first, without_none

if TYPE_CHECKING:
    from influxdb3_engine_resources.table import TableLogic

FieldType = Literal["utf8", "int64", "uint64", "float64", "bool"]


class TableProvider(EngineProvider):
    """Dynamic provider of tables."""

    inputs_of_stack: ClassVar[Mapping[str, str]] = {"db": "database"}

    def _logic(self) -> TableLogic:
        """What a table does."""
        from influxdb3_engine_resources.table import TableLogic  # noqa: PLC0415 - see _dynamic

        return TableLogic()


@dataclass(kw_only=True)
class TableArgs(ResourceArgs):
    """The arguments of a ``Table`` as one value; ``Table`` describes them."""

    db: pulumi.Input[str] | None = None
    table_name: pulumi.Input[str] | None = None
    tags: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    fields: pulumi.Input[Mapping[str, pulumi.Input[FieldType]]] | None = None
    retain: pulumi.Input[bool] | None = None


class Table(EngineResource, module="influxdb3", name="Table"):
    """A table of a database. A real server may stop a trigger on a table that does not exist.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``TableArgs``, instead of by keyword.
        db: The table's database; default: the stack's ``influxdb3:database``.
        table_name: The table's name on the server; default: ``resource_name``.
        tags: Names of tags; default: none. The order of the tags matters only when the table is created.
        fields: Names and types of fields; default: none. Types: ``"utf8"``, ``"int64"``, ``"uint64"``, ``"float64"``,
            ``"bool"``.
        retain: Whether the table and its data stay on destroy; default: True. With False, the table is deleted with
            its data, also by a new ``db`` or ``table_name``; an existing table is an error then.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server. Another name replaces
            the resource: it is created on the new server, then deleted on the old one.
        opts: Options of the resource.

    Raises:
        TypeError: An argument is unknown, or passed both in ``args`` and by keyword.
        SourceError: An argument or the stack's configuration is invalid.

    An existing table is used if it has the declared columns; it may have more. Otherwise an error lists what differs.
    The API cannot change the columns of a table: writes add columns, and a column never changes its type. So a change
    of ``tags`` or ``fields`` only verifies that the table has the columns. It fails if not, and never replaces the
    table. A new ``db`` or ``table_name`` makes a new table; the old one stays unless ``retain`` is False.

    A trigger that uses ``table(TABLE.table_name)`` is created after the table.
    """

    @overload
    def __init__(self, resource_name: str, args: TableArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        db: pulumi.Input[str] | None = None,
        table_name: pulumi.Input[str] | None = None,
        tags: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        fields: pulumi.Input[Mapping[str, pulumi.Input[FieldType]]] | None = None,
        retain: pulumi.Input[bool] | None = None,
        engine: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: TableArgs | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **by_keyword: Any,
    ) -> None:
        args = arguments(TableArgs, resource_name, args, by_keyword)
        where = f"Table {resource_name!r}"
        properties = {
            "table_name": resource_name if args.table_name is None else args.table_name,
            "retain": True if args.retain is None else args.retain,
        } | without_none(
            engine=args.engine,
            db=args.db,
            tags=as_list(where, "tags", args.tags),
            fields=as_text_mapping(where, "fields", args.fields),
        )
        super().__init__(
            TableProvider(), resource_name, properties, deleting_first(opts) if args.retain is False else opts
        )

    @property
    def db(self) -> pulumi.Output[str]:
        """The table's database."""
        return self._output("db")

    @property
    def table_name(self) -> pulumi.Output[str]:
        """The table's name on the server."""
        return self._output("table_name")

    @property
    def tags(self) -> pulumi.Output[list[str]]:
        """Names of the declared tags."""
        return self._output("tags", default=[])

    @property
    def fields(self) -> pulumi.Output[dict[str, str]]:
        """Types of the declared fields by name."""
        return self._output("fields", default={})

    @property
    def retain(self) -> pulumi.Output[bool]:
        """Whether the table and its data stay on destroy."""
        return self._output("retain")

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002 - as every `get` of Pulumi
        opts: pulumi.ResourceOptions | None = None,
        *,
        engine: pulumi.Input[str] | None = None,
    ) -> Table:
        """Read a table that others manage. The stack never changes or deletes it.

        Args:
            resource_name: The resource's name in the program.
            id: The table's database and name: ``"DATABASE/TABLE_NAME"``.
            opts: Options of the resource.
            engine: Name of the server in ``influxdb3:engines``; default: the stack's default server.

        ``tags`` and ``fields`` have all columns that the table has during the deployment. Previews and deployments fail
        if the table does not exist.
        """
        return cls._got(TableProvider(), resource_name, id, engine, opts)
