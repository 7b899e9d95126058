"""Releases of the server that a plugin's manifest names: checked before a file is written, and in online previews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs, PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

CODE = "def process_writes(influxdb3_local, table_batches, args=None): ...\n"
RESOURCES: list[tuple[Any, Any, dict[str, Any]]] = [
    (PluginFileLogic(), PluginFileInputs, {"plugin_name": "p.py", "content": CODE}),
    (PluginDirectoryLogic(), PluginDirectoryInputs, {"plugin_name": "p", "files": {"./__init__.py": CODE}}),
]
each_resource = pytest.mark.parametrize(("logic", "inputs", "given"), RESOURCES, ids=["file", "directory"])


@each_resource
def test_a_server_of_another_release_gets_no_file(
    server: FakeServer, logic: Any, inputs: Any, given: dict[str, Any]
) -> None:
    engine = server.engine()
    checked = logic.check(inputs.checked({**given, "manifest": {"database_version": ">=99"}}), engine.program)

    with pytest.raises(ResourceError, match=r"was not written: the plugin runs on InfluxDB >=99, and .* runs .* 3\.11"):
        logic.create(checked, engine)

    assert [each for each in server.requests if each.startswith("write")] == []


@each_resource
@pytest.mark.parametrize("manifest", [{"database_version": ">=3.8.2"}, {"triggers": ["process_writes"]}, {}])
def test_a_server_of_a_named_release_gets_the_file(
    server: FakeServer, logic: Any, inputs: Any, given: dict[str, Any], manifest: dict[str, Any]
) -> None:
    engine = server.engine()
    logic.create(logic.check(inputs.checked({**given, "manifest": manifest}), engine.program), engine)

    assert [each for each in server.requests if each.startswith("write p")]


@each_resource
def test_an_online_preview_refuses_another_release(
    server: FakeServer, logic: Any, inputs: Any, given: dict[str, Any]
) -> None:
    engine = server.engine(online_checks=True)
    checked = logic.check(inputs.checked({**given, "manifest": {"database_version": "<3.0.0"}}), engine.program)

    with pytest.raises(InvalidInputs, match=r"^manifest: the plugin runs on InfluxDB <3\.0\.0"):
        logic.check_online(checked, None, engine)


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ({"database_version": "new"}, "manifest.database_version: 'new' is not a range of versions"),
        ({"triggers": ["process_all"]}, "manifest.triggers"),
        ({"version": "1"}, "manifest.version: there is no such property"),
    ],
)
def test_an_invalid_manifest_is_refused_by_its_member(manifest: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputs) as refused:
        PluginFileInputs.checked({"plugin_name": "p.py", "content": CODE, "manifest": manifest})

    assert problem in str(refused.value)


@each_resource
def test_code_with_another_hash_than_expected_is_refused(
    server: FakeServer, logic: Any, inputs: Any, given: dict[str, Any]
) -> None:
    program = server.engine().program
    digest = logic.check(inputs.checked(given), program).content_sha256

    assert logic.check(inputs.checked({**given, "expected_sha256": digest}), program).content_sha256 == digest
    with pytest.raises(InvalidInputs, match=f"^expected_sha256: the code has the SHA-256 {digest}, and {'0' * 64} is"):
        logic.check(inputs.checked({**given, "expected_sha256": "0" * 64}), program)
