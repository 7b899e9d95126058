"""Notices in the CLI's output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servers import PROGRAM

from influxdb3_engine_api import CreateTrigger, ErrorBehavior, TriggerSettings

if TYPE_CHECKING:
    from stack import Ran, Stack

    from influxdb3_embedded.testing import RunningEngine

SCHEDULED = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"
REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    pass\n"


def notices(ran: Ran) -> list[str]:
    """The lines below ``Diagnostics:``, as Pulumi indents them."""
    diagnostics = ran.output.partition("Diagnostics:\n")[2].partition("\nResources:")[0]
    return [line.removeprefix("    ") for line in diagnostics.splitlines()[1:] if line.strip()]


def test_each_notice_of_a_destroy_is_a_separate_line(stack: Stack) -> None:
    stack.program('for number in range(12):\n    PluginFile(f"notices_{number}.py", content="x = 1")')
    stack.up()

    stays = "stays on the server, since its API cannot delete it; retain=False deletes it on destroy"
    assert sorted(notices(stack.destroy())) == sorted(
        f"influxdb3: plugin file 'notices_{number}.py' {stays}" for number in range(12)
    )


def test_a_preview_of_adoption_shows_old_and_new_values_but_no_secrets(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    engine.client.create_plugin_file("old.py", SCHEDULED + REQUEST)
    engine.client.create_plugin_file("new.py", SCHEDULED + REQUEST)

    def theirs(name: str, specification: str, arguments: dict[str, str] | None = None) -> None:
        engine.client.create_trigger(
            CreateTrigger(
                db=db,
                plugin_filename="old.py",
                trigger_name=name,
                trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
                trigger_specification=specification,
                trigger_arguments=arguments,
                disabled=False,
            )
        )

    theirs("weekdays", "cron:0 0 6 * * 2-5")
    theirs("same", "cron:0 0 6 * * 1-5")
    theirs("all", "every:1h", {"kept": "1", "changed": "hunter1", "dropped": "hunter2"})
    theirs("hook", f"request:hunter3-{db}")
    stack.program(
        f"""
        defaults = dict(db="{db}", adopt=True, plugin_filename="old.py")
        Trigger("weekdays", trigger_specification="cron:0 0 6 * * 1-5", **defaults)
        Trigger("same", trigger_specification="cron:0 0 6 * * 1-5", **defaults)
        Trigger("hook", trigger_specification=request("hunter4-{db}"), **defaults)
        Trigger("all", trigger_specification=every("2h"), disabled=True, trigger_settings={{"error_behavior": "retry"}},
                trigger_arguments={{"kept": 1, "changed": "hunter5", "added": "hunter6"}},
                **defaults | dict(plugin_filename="new.py"))
        """
    )

    ran = stack.preview()

    shown = notices(ran)

    def changes_of(name: str, changes: str = "it changes") -> list[str]:
        first = shown.index(f"influxdb3: trigger {name!r} in database {db!r} exists and is adopted: {changes}")
        further = shown[first + 1 :]
        return [line.strip() for line in further[: next((i for i, each in enumerate(further) if each[0] != " "), None)]]

    assert changes_of("weekdays") == [
        "trigger_specification: 'cron:0 0 6 * * 2-5' -> 'cron:0 0 6 * * MON-FRI' (InfluxDB counts weekdays from "
        "Sunday = 1, so its 1-5 is SUN-THU)"
    ]
    if PROGRAM is None:
        assert changes_of("same", "nothing changes") == [
            "trigger_specification: 'cron:0 0 6 * * 1-5' -> 'cron:0 0 6 * * MON-FRI' is not sent: both mean the same "
            "on this server, which counts weekdays from Sunday = 0 (InfluxDB counts weekdays from Sunday = 1, so its "
            "1-5 is SUN-THU)"
        ]
    assert changes_of("hook") == ["trigger_specification: a request path -> a request path"]
    assert changes_of("all") == [
        "disabled: False -> True",
        "plugin_filename: 'old.py' -> 'new.py'",
        "trigger_arguments: changes changed, gets added, loses dropped",
        "error_behavior: 'log' -> 'retry'",
        "trigger_specification: 'every:1h' -> 'every:2h'",
    ]
    assert "hunter" not in ran.output
