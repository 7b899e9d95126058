"""Databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import pulumi

from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import EngineResource, ResourceArgs, arguments, given, makes_way

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
    """A database, so that a program can start on an empty server.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``DatabaseArgs``, instead of by keyword.
        db: The database's name; default: ``resource_name``.
        retain: Whether the database and its data stay on destroy; default: True. A database that exists already is
            then used as it is. With ``retain=False`` it is an error, since destroying would delete data that this
            program did not create.
        adopt: With ``retain=False``: take over a database that exists. Destroying then deletes it with its data.
        opts: Options of the resource.

    A database with ``retain=False`` and without ``db`` has ``delete_before_replace`` among its options, so that
    ``--replace`` can recreate it. A program does not know the value of an output: if ``retain`` is an output of False,
    recreating fails, and nothing is deleted, unless ``opts`` sets ``delete_before_replace=True``.
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
        } | given(adopt=args.adopt)
        # a database that may get another name is created before the old one goes, with its triggers
        recreated = args.retain is False and args.db is None
        super().__init__(DatabaseProvider(), resource_name, properties, makes_way(opts) if recreated else opts)

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
        """Whether a database that exists is taken over."""
        return self._output("adopt", default=False)
