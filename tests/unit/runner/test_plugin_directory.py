"""The plugin directory: what names lead to, and what changes leave behind (contract 1.7 and 4.1)."""

from __future__ import annotations

import asyncio
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.runner import PluginDirectory, PluginFileError
from influxdb3_embedded.runner.plugins.repository import PluginRepository

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path
    from typing import Any


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A plugin directory with a file and a package, and files beside the directory."""
    root = tmp_path / "plugins"
    (root / "package").mkdir(parents=True)
    (root / "package" / "__init__.py").write_text("old = 1")
    (root / "empty").mkdir()
    (root / "p.py").write_text("p = 1")
    (tmp_path / "secret.py").write_text("secret")
    (root / "link.py").symlink_to(tmp_path / "secret.py")
    (root / "out").symlink_to(tmp_path)
    (root / "latin.py").write_bytes(b"\xe9")
    os.mkfifo(root / "pipe")
    return root


def failure(action: Coroutine[Any, Any, object]) -> str:
    with pytest.raises(PluginFileError) as caught:
        asyncio.run(action)
    return caught.value.text


def traversal(name: str) -> str:
    return f"Path traversal detected: plugin filename '{name}' attempts to access files outside the plugin directory"


@pytest.fixture
def with_environments(root: Path) -> PluginDirectory:
    """A plugin directory with a virtual environment at the usual place, and another one at a configured place."""
    for place in (".venv/lib/x", "envs/Py/lib/x"):
        (root / place).mkdir(parents=True)
        (root / place / "__init__.py").write_text("secret")
        (root / place / "m.py").write_text("secret")
    (root / "link").symlink_to(root / ".venv" / "lib")
    (root / "other").symlink_to(root / "envs" / "Py")
    return PluginDirectory(root, environment=root / "envs" / "Py")


@pytest.mark.parametrize(
    "name",
    [
        *(".venv", "./.venv", ".//.venv", ".VENV/lib/x/m.py", ".Venv/new.py", ".venv/lib/x/m.py", ".venv/lib/x"),
        *("link/x/m.py", "link/new.py", "envs/Py", "envs/Py/lib/x/m.py", "envs/./Py/new.py", "other/lib/x", "other/n"),
    ],
)
def test_no_name_leads_into_the_virtual_environment(root: Path, with_environments: PluginDirectory, name: str) -> None:
    before = {path: path.is_file() and path.read_bytes() for path in root.rglob("*") if path.name != "pipe"}
    for change in (
        with_environments.load(name),
        with_environments.write_file(name, "x"),
        with_environments.replace_file(name, "x"),
        with_environments.replace_directory(name, [("__init__.py", "x")]),
    ):
        assert failure(change) == (
            f"plugin filename '{name}' leads into the plugins' virtual environment, which only pip changes"
        )
    assert with_environments.files(name) == []
    assert {path: path.is_file() and path.read_bytes() for path in root.rglob("*") if path.name != "pipe"} == before


def test_a_directory_with_the_virtual_environment_in_it_is_not_replaced(
    root: Path, with_environments: PluginDirectory
) -> None:
    (root / "envs" / "__init__.py").write_text("")
    assert "virtual environment" in failure(with_environments.replace_directory("envs", [("__init__.py", "x")]))
    assert (root / "envs" / "Py" / "lib" / "x" / "m.py").read_text() == "secret"
    assert [file.file_name for file in with_environments.files("envs")] == ["__init__.py"]
    asyncio.run(with_environments.write_file("envs/Python.py", "x"))


TRAVERSALS = ["../secret.py", "a/../p.py", "/etc/passwd", "link.py", "out/secret.py", "out/new.py", "..", "out"]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_no_name_leads_out_of_the_directory(root: Path, name: str) -> None:
    directory = PluginDirectory(root)
    before = sorted(root.parent.iterdir())
    assert failure(directory.load(name)) == traversal(name)
    assert failure(directory.write_file(name, "x")) == traversal(name)
    assert failure(directory.replace_file(name, "x")) == traversal(name)
    assert failure(directory.replace_directory(name, [("__init__.py", "x")])) == traversal(name)
    assert directory.files(name) == []
    assert sorted(root.parent.iterdir()) == before
    assert (root.parent / "secret.py").read_text() == "secret"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no.py", "Plugin not found: {root}/no.py"),
        ("p.py/deeper", "Plugin not found: {root}/p.py/deeper"),
        ("empty", "Multi-file plugin directory must contain __init__.py: {root}/empty"),
        ("", "Multi-file plugin directory must contain __init__.py: {root}"),
        ("latin.py", "stream did not contain valid UTF-8"),
        ("pipe", "not a regular file"),
        ("a\x00b", "file name contained an unexpected NUL byte"),
        ("\ud800", "stream did not contain valid UTF-8"),
        ("x" * 300, "File name too long (os error 36)"),
    ],
)
def test_names_of_missing_plugins_are_refused(root: Path, name: str, text: str) -> None:
    assert failure(PluginDirectory(root).load(name)) == "reading plugin file: " + text.format(root=root)


@pytest.mark.parametrize("name", ["p.py", "./p.py", "p.py/", "package", "package/"])
def test_names_that_lead_to_a_plugin(root: Path, name: str) -> None:
    code = asyncio.run(PluginDirectory(root).load(name)).current()
    assert (code.text, code.package) == ((None, str(root / "package")) if "package" in name else ("p = 1", None))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "Is a directory (os error 21)"),
        ("package", "Is a directory (os error 21)"),
        ("new/", "Is a directory (os error 21)"),
        ("p.py/x.py", "File exists (os error 17)"),
        ("a\x00b", "file name contained an unexpected NUL byte"),
        ("\ud800", "stream did not contain valid UTF-8"),
        ("x" * 300, "File name too long (os error 36)"),
    ],
)
def test_names_that_cannot_be_written(root: Path, name: str, text: str) -> None:
    before = sorted(root.rglob("*"))
    assert failure(PluginDirectory(root).write_file(name, "x")) == f"reading plugin file: {text}"
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("name", ["p.py", "new.py", "a/b/c.txt", "é b", ".hidden", "no_extension"])
def test_files_are_written_with_their_directories_and_overwritten(root: Path, name: str) -> None:
    asyncio.run(PluginDirectory(root).write_file(name, "é"))
    assert (root / name).read_text() == "é"
    assert not list(root.rglob(".write-*"))


def test_the_file_of_a_package_is_its_init(root: Path) -> None:
    asyncio.run(PluginDirectory(root).replace_file("package/", "new = 1"))
    assert (root / "package" / "__init__.py").read_text() == "new = 1"


def test_a_deleted_file_can_be_written_again(root: Path) -> None:
    (root / "p.py").unlink()
    asyncio.run(PluginDirectory(root).replace_file("p.py", "p = 2"))
    assert (root / "p.py").read_text() == "p = 2"


def test_a_directory_is_replaced_as_a_whole(root: Path) -> None:
    (root / "package" / "gone.py").write_text("")
    contents = [("__init__.py", "new = 1"), ("a/b.py", "b = 1")]
    asyncio.run(PluginDirectory(root).replace_directory("package", contents))
    files = [path.relative_to(root / "package") for path in (root / "package").rglob("*") if path.is_file()]
    assert sorted(map(str, files)) == ["__init__.py", "a/b.py"]
    assert not any(path.name.startswith(".") for path in root.iterdir())


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ([("__init__.py", ""), ("../evil.py", "x")], traversal("../evil.py")),
        ([("__init__.py", ""), ("/evil.py", "x")], traversal("/evil.py")),
        ([], "Multi-file plugin directory must contain __init__.py: {root}/package"),
        ([("other.py", "")], "Multi-file plugin directory must contain __init__.py: {root}/package"),
        ([("__init__.py", ""), ("", "")], "reading plugin file: Is a directory (os error 21)"),
        ([("__init__.py", ""), ("__init__.py/x", "")], "reading plugin file: File exists (os error 17)"),
        ([("__init__.py", ""), ("a\x00", "")], "reading plugin file: file name contained an unexpected NUL byte"),
        ([("__init__.py", "\ud800")], "reading plugin file: stream did not contain valid UTF-8"),
    ],
)
def test_a_failed_replacement_changes_nothing(root: Path, contents: list[tuple[str, str]], text: str) -> None:
    before = sorted(root.rglob("*"))
    assert failure(PluginDirectory(root).replace_directory("package", contents)) == text.format(root=root)
    assert sorted(root.rglob("*")) == before
    assert (root / "package" / "__init__.py").read_text() == "old = 1"


def test_a_single_file_is_not_replaced_by_a_directory(root: Path) -> None:
    text = failure(PluginDirectory(root).replace_directory("p.py", [("__init__.py", "")]))
    assert text == "Plugin 'p.py' is a single file, not a directory; update it with PUT /api/v3/plugins/files"
    assert (root / "p.py").read_text() == "p = 1"


def test_the_plugin_directory_itself_is_not_replaced(root: Path) -> None:
    (root / "__init__.py").write_text("")
    for name in ("", "."):
        assert failure(PluginDirectory(root).replace_directory(name, [("__init__.py", "")])) == traversal(name)


@pytest.mark.parametrize("name", ["n" * 255, "p" * 252 + ".py"])
def test_the_longest_names_can_be_used(root: Path, name: str) -> None:
    directory = PluginDirectory(root)
    asyncio.run(directory.write_file(name, "x = 1"))
    assert asyncio.run(directory.load(name)).current().text == "x = 1"


def test_a_replacement_that_was_interrupted_is_undone(root: Path) -> None:
    (root / "package").rename(root / ".package.old")
    (root / ".package.new").mkdir()
    assert asyncio.run(PluginDirectory(root).load("package")).current().package == str(root / "package")
    assert (root / "package" / "__init__.py").read_text() == "old = 1"


def test_files_of_plugins_are_listed(root: Path) -> None:
    directory = PluginDirectory(root)
    (root / "package" / "sub" / "__pycache__").mkdir(parents=True)
    (root / "package" / "sub" / "m.py").write_text("12345")
    (root / "package" / "sub" / "__pycache__" / "m.py").write_text("")
    (root / "package" / "notes.txt").write_text("")
    assert [(file.file_name, file.size_bytes) for file in directory.files("package/")] == [
        ("__init__.py", 7),
        ("sub/m.py", 5),
    ]
    (file,) = directory.files("p.py")
    status = (root / "p.py").stat()
    assert file == ("p.py", str(root / "p.py"), 5, status.st_mtime_ns // 1_000_000)
    assert directory.files("missing.py") == directory.files("gh:a.py") == []


def test_each_operation_has_its_own_error_on_a_server_without_a_directory() -> None:
    directory = PluginDirectory(None)
    assert failure(directory.load("p.py")) == "Node not configured with plugin directory"
    assert failure(directory.write_file("p.py", "")) == "No plugin directory configured"
    assert failure(directory.replace_file("p.py", "")) == "Plugin not found: p.py"
    assert failure(directory.replace_directory("p", [])) == "No plugin directory configured"


def test_a_read_only_directory_can_be_read(root: Path) -> None:
    directory = PluginDirectory(root, read_only=True)
    text = "plugin installation is disabled; plugins must already exist in the configured plugin directory"
    assert asyncio.run(directory.load("p.py")).current().text == "p = 1"
    assert failure(directory.load("gh:p.py")) == text
    assert failure(directory.write_file("p.py", "")) == text
    assert failure(directory.replace_file("p.py", "")) == text
    assert failure(directory.replace_directory("package", [])) == text


@pytest.fixture
def repository() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"/main/a/p.py": b"fetched = 1", "/main/latin.py": b"\xe9"}
            self.send_response(200 if self.path in known else 404)
            self.end_headers()
            self.wfile.write(known.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/main"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("slash", ["", "/"])
def test_plugins_of_a_repository_are_fetched(repository: str, slash: str) -> None:
    directory = PluginDirectory(None, repository=PluginRepository(repository + slash))
    code = asyncio.run(directory.load("gh:a/p.py")).current()
    assert (code.name, code.text) == ("gh:a/p.py", "fetched = 1")


def test_plugins_that_cannot_be_fetched(repository: str) -> None:
    directory = PluginDirectory(None, repository=PluginRepository(repository))
    missing = f"error fetching plugin from repository: 404 Not Found {repository}/no.py"
    assert failure(directory.load("gh:no.py")) == missing
    assert failure(directory.load("gh:latin.py")) == "error reading plugin from repository"
    for name in ("gh:../secret", "gh:a/%2e%2e/%2E./secret"):
        assert failure(directory.load(name)) == traversal(name)
    nowhere = PluginDirectory(None, repository=PluginRepository("http://127.0.0.1:1/"))
    assert failure(nowhere.load("gh:a.py")) == "error getting plugin from repository"
    assert failure(nowhere.load("gh:a\x00.py")) == "error getting plugin from repository"
