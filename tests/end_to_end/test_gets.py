"""``Trigger.get`` and ``Database.get``: read what others manage."""

from __future__ import annotations

import json

import pytest

REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {'args': args}\n"


@pytest.fixture
def theirs(tmp_path, cli, engine, db):
    """The database and the path of a trigger that another stack manages."""
    import os

    from stack import Stack

    stack = Stack(tmp_path / "theirs", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
    path = f"path_{db}"
    stack.program(
        f"""
        plugin = PluginFile("{db}.py", content={REQUEST!r})
        Trigger("hook", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{path}"),
                trigger_arguments={{"a": 1}})
        """
    )
    stack.up()
    yield db, path
    stack.destroy()


def test_a_trigger_of_another_stack_is_read_and_never_changed(stack, engine, theirs):
    db, path = theirs
    names = [
        "db", "trigger_name", "plugin_filename", "trigger_specification", "trigger_arguments", "trigger_settings",
        "disabled", "endpoint_url", "id", "node_spec", "adopt", "watch",
    ]  # fmt: skip
    stack.program(
        f"""
        hook = Trigger.get("mine", "{db}/hook")
        their_db = Database.get("their-db", hook.db)
        for name in {names}:
            pulumi.export(name, getattr(hook, name))
        pulumi.export("database", their_db.db)
        pulumi.export("answer", invoke_request(hook.endpoint_url).apply(lambda answer: answer.text))
        """
    )
    print(stack.preview().output)
    print(stack.up().output)
    print(json.dumps(stack.outputs(), indent=1))
    print(stack.up().output)
    print(stack.refresh().output)
    print(json.dumps(stack.resources(), indent=1))
    print(stack.destroy().output)
    assert 0
