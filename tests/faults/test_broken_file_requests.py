"""Every request of every operation on plugins, databases and tables, broken in every way, against the running engine.

After each broken request, a file has its old text or its new text, and a directory is whole or has no ``__init__.py``.
The next ``up`` deploys what is declared.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

import pytest
from breaking_proxy import BreakingProxy, Fault
from servers import delete_databases, start_server

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.database import DatabaseInputs, DatabaseLogic
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs, PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.resource import InputsT, ResourceLogic
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.table import TableInputs, TableLogic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from influxdb3_embedded.testing import RunningEngine

TIMEOUT = 1.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with start_server(tmp_path_factory.mktemp("engine")) as engine:
        # uploads the probe, so that the operations do not upload it
        PluginFileLogic().create(_file("first", 1), Engine(Configuration(host_url=engine.url)))
        yield engine


@pytest.fixture(scope="module")
def proxy(server: RunningEngine) -> Iterator[BreakingProxy]:
    proxy = BreakingProxy(server.url, silence=TIMEOUT + 0.3)
    yield proxy
    proxy.close()


def _checked(logic: ResourceLogic[InputsT], **properties: object) -> InputsT:
    return logic.check(logic.inputs_type.checked(properties), Program(Configuration()))


def _file(name: str, version: int) -> PluginFileInputs:
    return _checked(PluginFileLogic(), plugin_name=f"{name}.py", content=f"VERSION = {version}\n")


def _directory(name: str, version: int) -> PluginDirectoryInputs:
    files = {"./__init__.py": "from .a import VERSION\n", "./a.py": f"VERSION = {version}\n"}
    return _checked(PluginDirectoryLogic(), plugin_name=name, files=files)


def _database(name: str, _version: int) -> DatabaseInputs:
    return _checked(DatabaseLogic(), db=name, retain=False)


def _file_is_whole(server: RunningEngine, inputs: PluginFileInputs, allowed: Sequence[PluginFileInputs | None]) -> bool:
    path = server.plugin_dir / inputs.plugin_name
    found = path.read_text() if path.exists() else None
    return found in [each and each.content for each in allowed]


def _directory_is_whole(
    server: RunningEngine, inputs: PluginDirectoryInputs, allowed: Sequence[PluginDirectoryInputs | None]
) -> bool:
    del allowed
    assert inputs.plugin_filename is not None
    directory = server.plugin_dir / inputs.plugin_filename
    complete = {path: (directory / path).read_text() for path in inputs.contents if (directory / path).exists()}
    return "__init__.py" not in complete or complete == inputs.contents


def _database_is_whole(server: RunningEngine, inputs: DatabaseInputs, allowed: Sequence[DatabaseInputs | None]) -> bool:
    return (inputs.db in server.client.databases()) in [each is not None for each in allowed]


def _table(name: str, version: int) -> TableInputs:
    fields = {"v": "int64"} | ({"w": "float64"} if version == 1 else {})  # the API cannot add columns
    return _checked(TableLogic(), db="tables", table_name=name, tags=["t"], fields=fields, retain=False)


def _table_is_whole(server: RunningEngine, inputs: TableInputs, allowed: Sequence[TableInputs | None]) -> bool:
    there = {row.column_name for row in server.client.columns("tables", inputs.table_name)}
    return any({*each.tags, *each.fields} <= there if each else not there for each in allowed)


@dataclass(frozen=True)
class Kind(Generic[InputsT]):
    """One kind of resource.

    Attributes:
        logic: What the provider does with it.
        make: Its inputs by name and version.
        is_whole: Whether the server has one of the versions that are allowed; None stands for no resource.
    """

    logic: ResourceLogic[InputsT]
    make: Callable[[str, int], InputsT]
    is_whole: Callable[[RunningEngine, InputsT, Sequence[InputsT | None]], bool]


KINDS: dict[str, Kind[Any]] = {
    "file": Kind(PluginFileLogic(), _file, _file_is_whole),
    "directory": Kind(PluginDirectoryLogic(), _directory, _directory_is_whole),
    "database": Kind(DatabaseLogic(), _database, _database_is_whole),
    "table": Kind(TableLogic(), _table, _table_is_whole),
}
OPERATIONS = [
    ("file", "create"), ("file", "update"), ("file", "read"),
    ("directory", "create"), ("directory", "update"), ("directory", "read"),
    ("database", "create"), ("database", "delete"), ("database", "read"),
    ("table", "create"), ("table", "update"), ("table", "delete"), ("table", "read"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_after_any_broken_request_files_and_databases_are_whole(
    server: RunningEngine, proxy: BreakingProxy, name: str, operation: str
) -> None:
    kind = KINDS[name]
    outcomes = [
        _break(server, proxy, kind, operation, number, fault)
        for fault in Fault
        for number in range(1, _requests(server, proxy, kind, operation) + 1)
    ]
    failed = sum(message is not None for message in outcomes)
    print(f"{name} {operation}: {len(outcomes)} broken requests, {failed} of them failed the operation with a message")


def _engine(url: str) -> Engine:
    """The engine of a new deployment, which has read nothing yet."""
    return Engine(Configuration(host_url=url, timeout=TIMEOUT))


def _definitions(kind: Kind[InputsT], operation: str) -> tuple[InputsT | None, InputsT | None]:
    name = f"n_{uuid.uuid4().hex[:8]}"
    before = None if operation == "create" else kind.make(name, 1)
    after = {"create": kind.make(name, 2), "update": kind.make(name, 2), "read": before, "delete": None}[operation]
    return before, after


def _carry_out(
    logic: ResourceLogic[InputsT], before: InputsT | None, after: InputsT | None, engine: Engine
) -> tuple[InputsT | None, str | None]:
    try:
        if before is None and after is not None:
            logic.create(after, engine)
        elif before is not None and after is None:
            logic.delete(before, engine)
        elif before is after and before is not None:
            found = logic.read(before, {}, engine)
            assert found is not None
            assert not logic.diff(before, found.inputs).changes
        elif before is not None and after is not None and logic.diff(before, after).changes:
            logic.update(before, after, engine)
    except (ResourceError, EngineApiError) as error:
        return before, str(error)
    return after, None


def _requests(server: RunningEngine, proxy: BreakingProxy, kind: Kind[InputsT], operation: str) -> int:
    """Number of requests of the operation if nothing breaks."""
    proxy.stop_breaking()
    before, after = _definitions(kind, operation)
    server.client.create_database("tables")
    if before is not None:
        kind.logic.create(before, _engine(server.url))
    proxy.requests.clear()
    assert _carry_out(kind.logic, before, after, _engine(proxy.url))[1] is None
    delete_databases(server.client)
    return len(proxy.requests)


def _break(  # noqa: PLR0917 - a request of an operation, and how it breaks
    server: RunningEngine, proxy: BreakingProxy, kind: Kind[InputsT], operation: str, number: int, fault: Fault
) -> str | None:
    """Carry out the operation with one request broken, check what is left, and return the message it failed with."""
    before, after = _definitions(kind, operation)
    declared = after or before
    assert declared is not None
    server.client.create_database("tables")
    if before is not None:
        kind.logic.create(before, _engine(server.url))
    proxy.break_request(number, fault)
    state, message = _carry_out(kind.logic, before, after, _engine(proxy.url))
    proxy.stop_breaking()
    case = f"request {number} of {proxy.requests}: {fault.value}: {message}"
    assert proxy.triggered, case
    assert kind.is_whole(server, declared, (before, after)), case
    _, again = _carry_out(kind.logic, state, after, _engine(server.url))  # the next "up"
    assert again is None, case
    assert kind.is_whole(server, declared, (after,)), case
    delete_databases(server.client)
    return message
