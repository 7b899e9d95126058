"""What exists already: every kind of resource offers the same ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.database import DatabaseLogic
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.plugins.directory import PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.properties import files_property
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

TRIGGER = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "request:hook-k9"}
IN_PLACE = {"plugin_name": "d", "in_place": True, "trigger_name": "t"}
EXISTING: dict[str, tuple[Any, dict[str, Any], dict[str, Any], str]] = {
    "a trigger": (
        TriggerLogic(),
        TRIGGER,
        TRIGGER | {"plugin_filename": "q.py"},
        "or delete it: influxdb3 delete trigger --database db t --force",
    ),
    "a plugin file": (
        PluginFileLogic(),
        {"plugin_name": "f.py", "content": "x = 1"},
        {"plugin_name": "f.py", "content": "x = 2"},
        "or choose another plugin_name",
    ),
    "a plugin directory in place": (
        PluginDirectoryLogic(),
        IN_PLACE | {"files": files_property({"__init__.py": "x = 1"})},
        IN_PLACE | {"files": files_property({"__init__.py": "x = 2"})},
        "or choose another plugin_name",
    ),
    "a database that would be deleted": (
        DatabaseLogic(),
        {"db": "new"},
        {"db": "new", "retain": False},
        "leave retain out to use the database, or set opts=pulumi.ResourceOptions(delete_before_replace=True)",
    ),
}


@pytest.mark.usefixtures("two_plugins")
@pytest.mark.parametrize("case", EXISTING)
def test_a_conflict_names_every_solution(server: FakeServer, case: str) -> None:
    logic, theirs, ours, way_out = EXISTING[case]
    inputs = [logic.check(logic.inputs_type.checked(given), Program(Configuration())) for given in (theirs, ours)]
    logic.create(inputs[0], server.engine())

    with pytest.raises(ResourceError, match="exists already") as conflict:
        logic.create(inputs[1], server.engine())

    for text in (
        "adopt=True",
        "pulumi config set influxdb3:adopt true",
        "A deployment that was killed may have left it",
        "under another resource name, give this resource an alias of that name",
        way_out,
    ):
        assert text in str(conflict.value)
    assert "hook-k9" not in str(conflict.value)  # a request path may be a secret
