"""Destroying a stack removes the provider's own files, and what the program does not retain."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from typing import TYPE_CHECKING

from breaking_proxy import BreakingProxy
from stack import Stack
from wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {answer!r}\n"


def program(db: str, answer: str, package: Path) -> str:
    files = {"__init__.py": REQUEST.format(answer=answer)}
    return f"""
        plugin = PluginDirectory("{db}", files={files!r}, delete_on_destroy=True)
        PluginFile("{db}.py", plugin_name="files/{db}.py", content="x = 1", delete_on_destroy=True)
        PackageSet("packages", packages=["{package}"], delete_on_destroy=True)
        Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
    """


def test_files_and_packages_are_removed_once_no_trigger_runs_them(
    stack: Stack, engine: RunningEngine, tmp_path: Path
) -> None:
    db = f"db_{uuid.uuid4().hex[:8]}"
    engine.client.create_database(db)
    package = wheel(tmp_path, f"ours_{db}", "1.0")
    written = set()
    for answer in ("one", "two", "three"):
        stack.program(program(db, answer, package))
        stack.up()
        assert engine.client.call_request_trigger(db).text == answer
        now = {path.name for path in engine.plugin_dir.glob(f"{db}_*")}
        written |= now
        # the directory that runs now, and the one that ran before this update
        assert len(now) <= 2
    assert len(written) == 3
    assert stack.refresh().changes() == ""
    assert stack.up().changes() == ""

    ran = stack.destroy()
    assert "stay" not in ran.output
    assert [path.name for path in engine.plugin_dir.iterdir() if path.name not in {".venv", "__pycache__"}] == []
    assert not list(engine.plugin_dir.glob(f".venv/lib/*/site-packages/ours_{db}*"))


def test_destroy_removes_the_providers_own_files_but_not_those_of_other_stacks(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine
) -> None:
    db = f"db_{uuid.uuid4().hex[:8]}"
    theirs = [".pulumi/candidates/theirs/candidate.py", ".pulumi/requirements_theirs.txt", ".pulumi/probe_older.py"]
    for path in theirs:
        engine.client.create_plugin_file(path, "# of a deployment that runs at the same time")
    wal = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
    proxy = BreakingProxy(engine.url, silence=0)
    stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": proxy.url})
    stack.program(
        f"""
        db = Database("{db}", retain=False)
        test = WalTest(input_lp="cpu v=1")
        for number in range(10):
            file = PluginFile(f"{db}_{{number}}.py", content={wal!r}, test=test)
        directory = PluginDirectory("{db}", files={{"__init__.py": {wal!r}}}, test=test)
        PluginDirectory("{db}_in_place", files={{"__init__.py": {wal!r}}}, test=test, in_place=True, trigger_name="t")
        PackageSet("packages", requirements="{wheel(tmp_path, f"theirs_{db}", "1.0")}")
        Trigger("t", db=db.db, plugin_filename=directory.plugin_filename, trigger_specification=ALL_TABLES)
        """
    )
    stack.up()
    names = {path.name.partition("_")[0] for path in (engine.plugin_dir / ".pulumi").iterdir()}
    assert {"probe", "shim", "requirements", "candidates"} <= names
    proxy.requests.clear()

    stack.destroy()

    requests = Counter(request.split("?")[0].removeprefix("/api/v3") for request in proxy.requests)
    left = {path for path in (engine.plugin_dir / ".pulumi").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {path.relative_to(engine.plugin_dir).as_posix() for path in left} == set(theirs)
    # Pulumi deletes in a few waves; after each wave the provider writes and runs the plugin that removes files
    assert requests["POST /api/v3/plugins/files"] <= 3, requests
    assert requests["POST /api/v3/plugin_test/schedule"] <= 7, requests
    proxy.close()
    for path in theirs:
        (engine.plugin_dir / path).unlink()
