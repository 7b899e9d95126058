"""Functions that call a request trigger or dry-run a plugin while ``pulumi up`` runs a program.

They use the stack's configuration. During a preview they send nothing, and their results are unknown. Outside a Pulumi
program, ``influxdb3_engine_api.EngineClient`` has the same calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pulumi
import typing_extensions
from pulumi.output import UNKNOWN

from pulumi_influxdb3_engine._arguments import as_text, as_text_mapping, source_text
from pulumi_influxdb3_engine._deprecated import deprecated
from pulumi_influxdb3_engine._stack import check_stack
from pulumi_influxdb3_engine.dry_runs import Arguments  # noqa: TC001 - annotations of public functions can be evaluated

if TYPE_CHECKING:
    from collections.abc import Callable

    from influxdb3_engine_resources.server.engine import Engine

Result = TypeVar("Result")
_MAPPINGS = ("params", "input_arguments")


@dataclass(frozen=True)
class RequestAnswer:
    """The answer of a request trigger.

    Attributes:
        status: HTTP status.
        headers: Header values by name in lower case.
        text: The body as text.
    """

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class DryRunAnswer:
    """What a plugin did in a dry run.

    Attributes:
        log_lines: The plugin's log in order, each line as ``LEVEL: text``; includes the server's own lines.
        database_writes: The line protocol that the plugin would have written, by database.
    """

    log_lines: list[str]
    database_writes: dict[str, list[str]]


class DryRunFailed(pulumi.RunError):
    """A plugin failed in a dry run; the text is the server's error and the plugin's log."""


class RequestFailed(pulumi.RunError):
    """A request trigger answered with an error; the text holds the status and the body."""


def invoke_request(
    endpoint_url: pulumi.Input[str | None],
    *,
    method: Literal["GET", "POST"] = "GET",
    params: Arguments | None = None,
    body: pulumi.Input[str] | None = None,
    engine: pulumi.Input[str] | None = None,
) -> pulumi.Output[RequestAnswer]:
    """Call a request trigger and return its answer.

    Args:
        endpoint_url: ``Trigger.endpoint_url`` of a request trigger.
        method: HTTP method, ``"GET"`` or ``"POST"``; default: ``"GET"``.
        params: The plugin's ``query_parameters``, which are text: numbers and booleans are converted. Default: none.
        body: The plugin's ``request_body``, sent as UTF-8; default: empty.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server.

    Raises:
        RequestFailed: The trigger answered with a status of 400 or above, a gateway or a login page answered in its
            place, or ``endpoint_url`` is not on a server of the stack. Raised by the output.
    """

    def call(server: Engine, values: dict[str, Any]) -> RequestAnswer:
        from influxdb3_engine_api.foreign_answers import IDENTITY, REMEDY, describe_answer  # noqa: PLC0415
        from influxdb3_engine_api.foreign_text import shown  # noqa: PLC0415 - only while deploying

        url = values["endpoint_url"]
        for host in server.hosts:
            prefix = f"{host.url}/api/v3/engine/"
            if url is not None and url.startswith(prefix):
                break
        else:
            # without the URL: its path may be the only secret that guards the plugin
            raise RequestFailed(
                f"endpoint_url is not a request trigger's URL on {server.client.host_url}: pass the endpoint_url of a "
                "request trigger there, or the trigger's engine as engine"
            )
        content = None if values["body"] is None else values["body"].encode()
        answer = host.client.call_request_trigger(
            url.removeprefix(prefix), method=method, params=values["params"], content=content
        )
        is_page = answer.is_redirect or answer.text.lstrip().startswith("<")
        if is_page and not answer.headers.get(IDENTITY):
            what = describe_answer(answer.headers, answer.text)
            raise RequestFailed(
                f"{method} endpoint_url answered {answer.status_code}, but not by a plugin: {what}. {REMEDY}"
            )
        if answer.is_error:
            raise RequestFailed(f"{method} endpoint_url answered {answer.status_code}: {shown(answer.text)}")
        return RequestAnswer(answer.status_code, dict(answer.headers), answer.text)

    where = "invoke_request(...)"
    return _when_deploying(
        where,
        engine,
        call,
        endpoint_url=endpoint_url,
        params=as_text_mapping(where, "params", params),
        body=source_text(where, "body", body, python=False),
    )


def dry_run_wal(
    plugin_filename: pulumi.Input[str],
    *,
    db: pulumi.Input[str],
    input_lp: pulumi.Input[str],
    arguments: Arguments | None = None,
    engine: pulumi.Input[str] | None = None,
) -> pulumi.Output[DryRunAnswer]:
    """Dry-run a WAL plugin that is on the server: call it once and write nothing.

    Args:
        plugin_filename: The plugin, as a trigger names it.
        db: The database that the plugin queries.
        input_lp: The rows that the plugin gets, as line protocol with timestamps in nanoseconds.
        arguments: The plugin's ``args``, which are text: numbers and booleans are converted. Default: none.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server.

    Raises:
        DryRunFailed: The plugin failed, or wrote what the server would refuse. Raised by the output.
    """

    def call(server: Engine, values: dict[str, Any]) -> DryRunAnswer:
        from influxdb3_engine_api.wire import TestWalPlugin  # noqa: PLC0415 - only while deploying

        return _dry_run_answer(server.client.test_wal_plugin(TestWalPlugin.model_validate(values)))

    where = "dry_run_wal(...)"
    return _when_deploying(
        where,
        engine,
        call,
        filename=plugin_filename,
        database=db,
        input_lp=source_text(where, "input_lp", input_lp, python=False),
        input_arguments=as_text_mapping(where, "arguments", arguments),
    )


def dry_run_schedule(
    plugin_filename: pulumi.Input[str],
    *,
    db: pulumi.Input[str],
    schedule: pulumi.Input[str] | None = None,
    arguments: Arguments | None = None,
    engine: pulumi.Input[str] | None = None,
) -> pulumi.Output[DryRunAnswer]:
    """Dry-run a schedule plugin that is on the server: call it once and write nothing.

    Args:
        plugin_filename: The plugin, as a trigger names it.
        db: The database that the plugin queries; it has to exist.
        schedule: A cron expression with six or seven fields, without ``cron:``. Its next time is the plugin's
            ``call_time``. Default: every second.
        arguments: The plugin's ``args``, which are text: numbers and booleans are converted. Default: none.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server.

    Raises:
        DryRunFailed: The plugin failed, or wrote what the server would refuse. Raised by the output.
    """

    def call(server: Engine, values: dict[str, Any]) -> DryRunAnswer:
        from influxdb3_engine_api.cron import parse_cron  # noqa: PLC0415 - only while deploying
        from influxdb3_engine_api.cron_grammar import CronError  # noqa: PLC0415
        from influxdb3_engine_api.wire import TestSchedulePlugin  # noqa: PLC0415 - only while deploying

        try:
            cron = {} if values["schedule"] is None else {"schedule": parse_cron(values["schedule"]).portable}
        except CronError as error:
            raise DryRunFailed(f"schedule: {error}") from None
        return _dry_run_answer(server.client.test_schedule_plugin(TestSchedulePlugin.model_validate(values | cron)))

    where = "dry_run_schedule(...)"
    return _when_deploying(
        where,
        engine,
        call,
        filename=plugin_filename,
        database=db,
        schedule=schedule,
        input_arguments=as_text_mapping(where, "arguments", arguments),
    )


@typing_extensions.deprecated("call dry_run_wal", category=None)
def test_wal_plugin(
    plugin_filename: pulumi.Input[str],
    *,
    db: pulumi.Input[str],
    input_lp: pulumi.Input[str],
    arguments: Arguments | None = None,
    engine: pulumi.Input[str] | None = None,
) -> pulumi.Output[DryRunAnswer]:
    """The deprecated name of ``dry_run_wal``."""
    deprecated("test_wal_plugin(...)", "the name", "dry_run_wal(...)")
    return dry_run_wal(plugin_filename, db=db, input_lp=input_lp, arguments=arguments, engine=engine)


@typing_extensions.deprecated("call dry_run_schedule", category=None)
def test_schedule_plugin(
    plugin_filename: pulumi.Input[str],
    *,
    db: pulumi.Input[str],
    schedule: pulumi.Input[str] | None = None,
    arguments: Arguments | None = None,
    engine: pulumi.Input[str] | None = None,
) -> pulumi.Output[DryRunAnswer]:
    """The deprecated name of ``dry_run_schedule``."""
    deprecated("test_schedule_plugin(...)", "the name", "dry_run_schedule(...)")
    return dry_run_schedule(plugin_filename, db=db, schedule=schedule, arguments=arguments, engine=engine)


for _function in (test_wal_plugin, test_schedule_plugin):
    setattr(_function, "__test__", False)  # noqa: B010 - keeps pytest from collecting them; mypy knows no such attribute


def _dry_run_answer(result: Any) -> DryRunAnswer:
    if result.errors:
        from influxdb3_engine_api.foreign_text import shown  # noqa: PLC0415 - only while deploying

        raise DryRunFailed("\n".join(map(shown, ["\n".join(result.errors), "\n".join(result.log_lines)])))
    return DryRunAnswer(result.log_lines, result.database_writes)


def _when_deploying(
    where: str, engine: Any, call: Callable[[Engine, dict[str, Any]], Result], **arguments: Any
) -> pulumi.Output[Result]:
    """An output of ``call``, made once the arguments are known; unknown during a preview."""

    def deployed(values: dict[str, Any]) -> Any:
        if pulumi.runtime.is_dry_run():
            return UNKNOWN
        from influxdb3_engine_api import EngineApiError  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_api.foreign_text import hide, message  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_api.sent_values import leaves  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_resources.configuration import servers  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_resources.errors import InvalidInputs  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_resources.server.engine import engine as server_of  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_resources.server.remedies import with_remedy  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_resources.stack_keys import about_engine  # noqa: PLC0415 - see _dynamic

        for name in (*_MAPPINGS, "body"):
            for path, value in leaves(name, values.get(name)):
                hide(path, value)
        name = values.pop("engine")
        try:
            stack = servers(lambda key: pulumi.Config("influxdb3").get(key.removeprefix("influxdb3:")))
            return call(server_of(stack.of(name)), values)
        except (EngineApiError, InvalidInputs) as error:
            raise pulumi.RunError(message(about_engine(f"{where}: {with_remedy(error)}", name))) from None

    check_stack()
    converted = {
        name: value if name in _MAPPINGS else as_text(where, name, value, optional=True)
        for name, value in {**arguments, "engine": engine}.items()
    }
    # `deployed` has to run in a preview too, to return an unknown instead of sending a request. In a deployment a value
    # is unknown if it comes from a resource that failed.
    return pulumi.Output.all(**converted).apply(deployed, run_with_unknowns=pulumi.runtime.is_dry_run())
