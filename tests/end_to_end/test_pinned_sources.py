"""Assets and archives as sources, and code that is pinned by its hash."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from plugin_registry import PluginRegistry
from stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {answer!r}\n"
INIT = "from .words import WORD\n" + REQUEST.format(answer="").replace("''", "WORD")
FILES = {"__init__.py": INIT, "words.py": "WORD = 'archived'\n", ".hidden": "left out"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tar_gz(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def zipped(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[PluginRegistry]:
    """A web server of files. ``web.asked`` lists the paths of its requests."""
    registry = PluginRegistry(tmp_path / "web")
    with registry.served():
        yield registry


@pytest.fixture
def stack(tmp_path: Path, cli: PulumiCli, engine: RunningEngine) -> Iterator[Stack]:
    environment = os.environ | {"PULUMI_INFLUXDB3_CACHE": str(tmp_path / "cache")}
    stack = Stack(tmp_path / "stack", cli, environment, config={"influxdb3:hostUrl": engine.url})
    yield stack
    stack.destroy(expect=None)


def serving(db: str, plugin: str) -> str:
    return f"""
        plugin = {plugin}
        Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
        pulumi.export("code", plugin.content_sha256)
    """


@pytest.mark.parametrize(
    "source",
    [
        "pulumi.FileAsset('plugin.py')",
        "pulumi.StringAsset(open('plugin.py').read())",
        "pulumi.RemoteAsset('URL/plugin.py')",
    ],
)
def test_an_asset_is_a_plugin_file(
    stack: Stack, engine: RunningEngine, db: str, web: PluginRegistry, source: str
) -> None:
    code = REQUEST.format(answer="asset")
    (stack.directory / "plugin.py").write_text(code)
    (web.directory / "plugin.py").write_text(code)
    source = source.replace("URL", web.url.removesuffix("/index.json"))
    stack.program(serving(db, f"PluginFile('{db}.py', source={source}, sha256={sha256(code.encode())!r})"))
    stack.up()
    assert engine.client.call_request_trigger(db).text == "asset"


@pytest.mark.parametrize(
    "kind", ["FileArchive('code.zip')", "RemoteArchive('URL/code.zip')", "FileArchive('code.tgz')"]
)
def test_an_archive_is_a_plugin_directory(
    stack: Stack, engine: RunningEngine, web: PluginRegistry, kind: str, db: str
) -> None:
    name = "code.zip" if "zip" in kind else "code.tgz"
    data = (tar_gz if name.endswith("tgz") else zipped)(FILES)
    (stack.directory / name).write_bytes(data)
    (web.directory / name).write_bytes(data)
    source = "pulumi." + kind.replace("URL", web.url.removesuffix("/index.json"))
    stack.program(serving(db, f"PluginDirectory('{db}', source={source}, sha256={sha256(data)!r})"))
    stack.up()
    assert engine.client.call_request_trigger(db).text == "archived"
    assert "./.hidden" not in stack.resources()[db]["outputs"]["files"]


def test_an_archive_of_assets_and_directories_is_a_plugin_directory(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    (stack.directory / "lib").mkdir()
    (stack.directory / "lib" / "words.py").write_text("WORD = 'nested'\n")
    init = INIT.replace(".words", ".lib.words")
    assets = f"{{'__init__.py': pulumi.StringAsset({init!r}), 'lib': pulumi.FileArchive('lib')}}"
    stack.program(serving(db, f"PluginDirectory('{db}', source=pulumi.AssetArchive({assets}))"))
    stack.up()
    assert engine.client.call_request_trigger(db).text == "nested"


def test_a_pinned_remote_source_is_read_once(stack: Stack, db: str, web: PluginRegistry) -> None:
    code = REQUEST.format(answer="asset")
    (web.directory / "plugin.py").write_text(code)
    url = web.url.removesuffix("/index.json")
    asset = f"pulumi.RemoteAsset('{url}/plugin.py')"
    stack.program(serving(db, f"PluginFile('{db}.py', source={asset}, sha256={sha256(code.encode())!r})"))
    stack.up()
    (web.directory / "plugin.py").unlink()
    assert stack.up().changes() == ""
    assert web.asked == ["/plugin.py"]


def test_a_remote_source_that_is_not_pinned_is_a_warning_with_its_hash(
    stack: Stack, db: str, web: PluginRegistry
) -> None:
    code = REQUEST.format(answer="asset")
    (web.directory / "plugin.py").write_text(code)
    url = web.url.removesuffix("/index.json")
    stack.program(serving(db, f"PluginFile('{db}.py', source=pulumi.RemoteAsset('{url}/plugin.py'))"))
    assert f"pin it with sha256='{sha256(code.encode())}'" in stack.preview().output


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("PluginFile('p.py', source=pulumi.RemoteAsset('URL/p.py'), sha256='0' * 64)", "and " + "0" * 64),
        ("PluginFile('p.py', source=pulumi.RemoteAsset('URL/none.py'))", "answers 404"),
        ("PluginFile('p.py', source=pulumi.RemoteAsset('s3://bucket/p.py'))", "s3://bucket/p.py"),
        ("PluginFile('p.py', source=pulumi.FileAsset('none.py'))", "No such file"),
        ("PluginFile('p.py', source=pulumi.FileArchive('code.zip'))", "source is an archive: write PluginDirectory"),
        ("PluginDirectory('d', source=pulumi.FileAsset('p.py'))", "source is an asset: write PluginFile"),
        ("PluginDirectory('d', source=pulumi.FileArchive('p.py'))", "is not a tar archive"),
        ("PluginDirectory('d', source='.', sha256='0' * 64)", "write expected_sha256 instead"),
        ("PluginFile('p.py', content='', expected_sha256='abc')", "expected_sha256 is a SHA-256: 64"),
        (
            "PluginFile('p.py', content='', expected_sha256=pulumi.Output.from_input(None))",
            "is an output without a value",
        ),
    ],
)
def test_an_invalid_source_or_hash_is_an_error_without_a_traceback(
    stack: Stack, web: PluginRegistry, text: str, problem: str
) -> None:
    (web.directory / "p.py").write_text("x = 1\n")
    (stack.directory / "p.py").write_text("x = 1\n")
    stack.program(text.replace("URL", web.url.removesuffix("/index.json")))
    ran = stack.preview(expect=None)
    assert ran.status != 0
    assert problem in ran.output
    assert not ran.has_traceback()


def test_code_that_another_stack_does_not_run_is_refused_with_both_hashes(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(serving(db, f"PluginFile('{db}.py', content={REQUEST.format(answer='one')!r})"))
    stack.up()
    running = stack.outputs()["code"]
    other = Stack(stack.directory, stack.cli, stack.environment, name="prod", config={"influxdb3:hostUrl": engine.url})
    promoted = """
        expected = pulumi.StackReference("organization/test/dev").get_output("code")
        PluginFile("promoted.py", content={content!r}, expected_sha256=expected, retain=False)
    """
    other.program(promoted.format(content=REQUEST.format(answer="two")))
    refused = other.preview(expect=1).output
    assert running in refused
    assert sha256(REQUEST.format(answer="two").encode()) in refused
    other.program(promoted.format(content=REQUEST.format(answer="one")))
    other.up()
    other.destroy()
