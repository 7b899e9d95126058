"""What a program can call while it is deployed."""

from __future__ import annotations

import uuid

import pytest

BOTH = """
def process_request(influxdb3_local, query, headers, body, args=None):
    if "fail" in query:
        return "refused", 418
    return {"query": query, "body": body.decode()}

def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        influxdb3_local.write(LineBuilder("seen").int64_field("rows", len(batch["rows"])))
"""


@pytest.fixture
def db(engine):
    name = f"db_{uuid.uuid4().hex[:8]}"
    engine.client.create_database(name)
    return name


def program(db, more=""):
    return f"""
        plugin = PluginFile("{db}.py", content={BOTH!r})
        trigger = Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
        # the plugin's id, not its name, so that the call waits for the file
        name = pulumi.Output.all(plugin.id, plugin.plugin_filename).apply(lambda both: both[1])
        url = pulumi.Output.all(trigger.id, trigger.endpoint_url).apply(lambda both: both[1])
        {more}
    """


def test_calls_are_made_while_deploying_and_never_in_a_preview(stack, engine, db):
    stack.program(
        program(
            db,
            more="""
        answer = invoke_request(url, method="POST", params={"a": "b"}, body="hello")
        tried = test_wal_plugin(name, db="nowhere", input_lp="cpu v=1")
        pulumi.export("answer", answer.text)
        pulumi.export("status", answer.status)
        pulumi.export("writes", tried.database_writes)
            """,
        )
    )
    preview = stack.preview(expect=0)
    assert "starting execution" not in str(engine.client.trigger_logs(db, "t"))
    assert "answer: [unknown]" in preview.output or "answer: output" in preview.output
    stack.up()
    assert stack.outputs() == {
        "answer": '{"query": {"a": "b"}, "body": "hello"}',
        "status": 200,
        "writes": {"nowhere": ["seen rows=1i"]},
    }
    runs = len(engine.client.trigger_logs(db, "t"))
    stack.preview(expect=0)
    assert len(engine.client.trigger_logs(db, "t")) == runs


def test_a_call_that_fails_fails_the_deployment_with_the_plugins_words(stack, db):
    stack.program(program(db, more='pulumi.export("answer", invoke_request(url, params={"fail": "1"}).text)'))
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "answered 418: refused" in ran.output
