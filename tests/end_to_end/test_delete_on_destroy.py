"""What ``delete_on_destroy`` leaves of a stack on the server: nothing but this package's own plugins."""

from __future__ import annotations

import uuid

from wheels import wheel

REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {answer!r}\n"


def program(db, answer, package):
    files = {"__init__.py": REQUEST.format(answer=answer)}
    return f"""
        plugin = PluginDirectory("{db}", files={files!r}, delete_on_destroy=True)
        PluginFile("{db}.py", plugin_name="files/{db}.py", content="x = 1", delete_on_destroy=True)
        PackageSet("packages", packages=["{package}"], delete_on_destroy=True)
        Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
    """


def test_what_a_stack_wrote_is_removed_once_nothing_runs_it(stack, engine, tmp_path):
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
        # what runs now, and what ran until this update swapped the trigger
        assert len(now) <= 2
    assert len(written) == 3
    assert stack.refresh().changes() == ""
    assert stack.up().changes() == ""

    ran = stack.destroy()
    assert "stay" not in ran.output
    assert [path.name for path in engine.plugin_dir.glob("*") if not path.name.startswith((".", "__"))] == []
    assert not list(engine.plugin_dir.glob(f".venv/lib/*/site-packages/ours_{db}*"))
