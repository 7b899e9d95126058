"""The resource ``Database``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import pulumi

from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import EngineResource, ResourceArgs, arguments, deleting_first, without_none

if TYPE_CHECKING:
    from influxdb3_engine_resources.database import DatabaseLogic


class DatabaseProvider(EngineProvider):
    """Dynamic provider of databases."""

    def _logic(self) -> DatabaseLogic:
        """What a database does."""
        from influxdb3_engine_resources.database import DatabaseLogic  # noqa: PLC0415 - see _dynamic

        return DatabaseLogic()


@dataclass(kw_only=True)
class DatabaseArgs(ResourceArgs):
    """The arguments of a ``Database`` as one value; ``Database`` describes them."""

    db: pulumi.Input[str] | None = None
    retain: pulumi.Input[bool] | None = None
    adopt: pulumi.Input[bool] | None = None


class Database(EngineResource, module="influxdb3", name="Database"):
    """A database on the server.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``DatabaseArgs``, instead of by keyword.
        db: The database's name; default: ``resource_name``.
        retain: Whether the database and its data stay on destroy; default: True. With True, an existing database is
            used as it is. With False, an existing database is an error unless ``adopt`` is True.
        adopt: Take over an existing database, for ``retain=False``; default: False. ``influxdb3:adopt`` sets it for all
            resources. Destroy then deletes the database with its data.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server. Another name replaces
            the resource: it is created on the new server, then deleted on the old one.
        opts: Options of the resource.

    Raises:
        TypeError: An argument is unknown, or passed both in ``args`` and by keyword.
        SourceError: An argument or the stack's configuration is invalid.

    To recreate a database with ``retain=False`` (``--replace``), the old one has to be deleted first. Pulumi does that
    if ``db`` is not set and ``retain`` is not an output. Otherwise pass ``delete_before_replace=True`` in ``opts``.
    """

    @overload
    def __init__(self, resource_name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        db: pulumi.Input[str] | None = None,
        retain: pulumi.Input[bool] | None = None,
        adopt: pulumi.Input[bool] | None = None,
        engine: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: DatabaseArgs | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **by_keyword: Any,
    ) -> None:
        args = arguments(DatabaseArgs, resource_name, args, by_keyword)
        properties = {
            "db": resource_name if args.db is None else args.db,
            "retain": True if args.retain is None else args.retain,
        } | without_none(engine=args.engine, adopt=args.adopt)
        # a new name makes a second database: Pulumi creates it before it deletes the old one with its triggers
        keeps_its_name = args.db is None
        is_deleted_first = args.retain is False and keeps_its_name
        super().__init__(
            DatabaseProvider(), resource_name, properties, deleting_first(opts) if is_deleted_first else opts
        )

    @property
    def db(self) -> pulumi.Output[str]:
        """The database's name."""
        return self._output("db")

    @property
    def retain(self) -> pulumi.Output[bool]:
        """Whether the database and its data stay on destroy."""
        return self._output("retain")

    @property
    def adopt(self) -> pulumi.Output[bool]:
        """Whether an existing database is taken over."""
        return self._output("adopt", default=False)
