"""Functions that a program calls while it is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stack import Stack

    from influxdb3_embedded.testing import RunningEngine

BOTH = """
def process_request(influxdb3_local, query, headers, body, args=None):
    if "fail" in query:
        return "refused", 418
    return {"query": query, "body": body.decode()}

def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        influxdb3_local.write(LineBuilder("seen").int64_field("rows", len(batch["rows"])))
"""


def program(db: str, more: str = "") -> str:
    return f"""
        plugin = PluginFile("{db}.py", content={BOTH!r})
        trigger = Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
        {more}
    """


def test_functions_send_requests_during_up_and_never_during_a_preview(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(
        program(
            db,
            more="""
        answer = invoke_request(trigger.endpoint_url, method="POST", params={"a": "b"}, body="hello")
        tried = test_wal_plugin(plugin.plugin_filename, db="nowhere", input_lp="cpu v=1")
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


def test_a_dry_run_accepts_weekdays_of_the_api_and_refuses_an_invalid_schedule(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    source = "def process_scheduled_call(influxdb3_local, time, args=None): influxdb3_local.info(f'{time:%A} {args}')"
    program = f"""
        plugin = PluginFile("{db}_s.py", content={source!r})
        ran = test_schedule_plugin(plugin.plugin_filename, db="{db}", schedule="SCHEDULE", arguments={{"limit": 80}})
        pulumi.export("logged", ran.log_lines)
    """
    stack.program(program.replace("SCHEDULE", "0 0 6 * * 1"))
    stack.up()
    assert "INFO: Monday {'limit': '80'}" in stack.outputs()["logged"]
    stack.program(program.replace("SCHEDULE", "cron:0 0 6 * * 1"))
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "schedule: " in ran.output


def test_a_failed_call_fails_the_deployment_with_the_plugins_text(stack: Stack, db: str) -> None:
    stack.program(
        program(db, more='pulumi.export("answer", invoke_request(trigger.endpoint_url, params={"fail": "1"}).text)')
    )
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "answered 418: refused" in ran.output
