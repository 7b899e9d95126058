"""Databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi.dynamic import Resource

from pulumi_influxdb3_engine._arguments import as_properties, given, makes_way
from pulumi_influxdb3_engine._dynamic import EngineProvider

if TYPE_CHECKING:
    import pulumi


class DatabaseProvider(EngineProvider):
    """Dynamic provider of databases."""

    logic = "database:DatabaseLogic"


class Database(Resource, module="influxdb3", name="Database"):
    """A database, so that a program can start on an empty server.

    Args:
        resource_name: The resource's name in the program.
        db: The database's name; default is ``resource_name``.
        retain: Keep the database and its data on destroy (default). One that exists already is then used as it is;
            with ``retain=False`` it is an error, since destroying would delete data that this program did not create.
        adopt: With ``retain=False``: take over a database that exists, which destroying then deletes with its data.
        opts: Options of the resource.
    """

    if TYPE_CHECKING:  # at run time the SDK would evaluate the annotations anew for every resource
        db: pulumi.Output[str]
        retain: pulumi.Output[bool]

    def __init__(
        self,
        resource_name: str,
        *,
        db: pulumi.Input[str] | None = None,
        retain: bool = True,
        adopt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {"db": resource_name if db is None else db, "retain": retain} | given(adopt=adopt or None)
        properties = as_properties("Database", resource_name, properties)
        # a database that may get another name is created before the old one goes, with its triggers
        recreated = retain is False and db is None
        super().__init__(DatabaseProvider(), resource_name, properties, makes_way(opts) if recreated else opts)
