"""Calls that a program makes while it is deployed: a request trigger, and dry runs of plugins.

They use the stack's configuration, run during ``pulumi up`` and never during a preview, where their results are
unknown. A test of a plugin has the same calls, without Pulumi, in ``influxdb3_engine_api.EngineClient``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pulumi
import typing_extensions
from pulumi.output import UNKNOWN

from pulumi_influxdb3_engine._arguments import as_text, as_texts, source_text
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
    """What a request trigger's plugin answered.

    Attributes:
        status: HTTP status.
        headers: Headers, names in lower case.
        text: The body as text.
    """

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class DryRunAnswer:
    """What a plugin did in a dry run, which writes nothing.

    Attributes:
        log_lines: ``LEVEL: text`` in order, the engine's own lines included.
        database_writes: Database to the line protocol that the plugin would have written.
    """

    log_lines: list[str]
    database_writes: dict[str, list[str]]


class DryRunFailed(pulumi.RunError):
    """A plugin failed in a dry run; the text is what the server says of it."""


class RequestFailed(pulumi.RunError):
    """A request trigger answered an error; the text is its status and body."""


def invoke_request(
    endpoint_url: pulumi.Input[str | None],
    *,
    method: Literal["GET", "POST"] = "GET",
    params: Arguments | None = None,
    body: pulumi.Input[str] | None = None,
) -> pulumi.Output[RequestAnswer]:
    """Call a request trigger.

    Args:
        endpoint_url: ``Trigger.endpoint_url``; ``None``, as the other kinds of trigger have it, is an error.
        method: How to call it.
        params: Its ``query_parameters``, which are text: numbers and booleans are converted.
        body: Its ``request_body``, sent as UTF-8.

    Raises:
        RequestFailed: In the output: it answered with a status of 400 or above, or a login page answered in its place.
    """

    def call(engine: Engine, given: dict[str, Any]) -> RequestAnswer:
        from influxdb3_engine_api.foreign_text import shown  # noqa: PLC0415 - only while deploying
        from influxdb3_engine_api.strangers import IDENTITY, REMEDY, described  # noqa: PLC0415

        url = given["endpoint_url"]
        for host in engine.hosts:
            prefix = f"{host.url}/api/v3/engine/"
            if url is not None and url.startswith(prefix):
                break
        else:
            # not the URL itself: its path may be all that guards the plugin
            raise RequestFailed(
                f"endpoint_url is no endpoint of {engine.client.host_url}: pass the endpoint_url of a request trigger"
            )
        content = None if given["body"] is None else given["body"].encode()
        answer = host.client.call_request_trigger(
            url.removeprefix(prefix), method=method, params=given["params"], content=content
        )
        is_page = answer.is_redirect or answer.text.lstrip().startswith("<")
        if is_page and not answer.headers.get(IDENTITY):
            what = described(answer.headers, answer.text)
            raise RequestFailed(
                f"{method} endpoint_url answered {answer.status_code}, not by a plugin: {what}. {REMEDY}"
            )
        if answer.is_error:
            raise RequestFailed(f"{method} endpoint_url answered {answer.status_code}: {shown(answer.text)}")
        return RequestAnswer(answer.status_code, dict(answer.headers), answer.text)

    where = "invoke_request(...)"
    return _when_deploying(
        where,
        call,
        endpoint_url=endpoint_url,
        params=as_texts(where, "params", params),
        body=source_text(where, "body", body, python=False),
    )


def dry_run_wal(
    plugin_filename: pulumi.Input[str],
    *,
    db: pulumi.Input[str],
    input_lp: pulumi.Input[str],
    arguments: Arguments | None = None,
) -> pulumi.Output[DryRunAnswer]:
    """Run a WAL plugin that is on the server on line protocol, without writing anything.

    Args:
        plugin_filename: The plugin, as a trigger names it.
        db: The database that its queries see.
        input_lp: Line protocol with nanosecond timestamps.
        arguments: Its ``args``.

    Raises:
        DryRunFailed: In the output: the plugin failed, or would have written what the server refuses.
    """

    def call(engine: Engine, given: dict[str, Any]) -> DryRunAnswer:
        from influxdb3_engine_api.wire import TestWalPlugin  # noqa: PLC0415 - only while deploying

        return _dry_run(engine.client.test_wal_plugin(TestWalPlugin.model_validate(given)))

    where = "dry_run_wal(...)"
    return _when_deploying(
        where,
        call,
        filename=plugin_filename,
        database=db,
        input_lp=source_text(where, "input_lp", input_lp, python=False),
        input_arguments=as_texts(where, "arguments", arguments),
    )


def dry_run_schedule(
    plugin_filename: pulumi.Input[str],
    *,
    db: pulumi.Input[str],
    schedule: pulumi.Input[str] | None = None,
    arguments: Arguments | None = None,
) -> pulumi.Output[DryRunAnswer]:
    """Run a schedule plugin that is on the server once, without writing anything.

    Args:
        plugin_filename: The plugin, as a trigger names it.
        db: The database that its queries see; it has to exist.
        schedule: Cron expression with six fields or seven, without ``cron:``, whose next time is the plugin's
            ``call_time``; default: the next second.
        arguments: Its ``args``.

    Raises:
        DryRunFailed: In the output: the plugin failed, or would have written what the server refuses.
    """

    def call(engine: Engine, given: dict[str, Any]) -> DryRunAnswer:
        from influxdb3_engine_api.cron import CronError, parse_cron  # noqa: PLC0415 - only while deploying
        from influxdb3_engine_api.wire import TestSchedulePlugin  # noqa: PLC0415 - only while deploying

        try:
            cron = {} if given["schedule"] is None else {"schedule": parse_cron(given["schedule"]).portable}
        except CronError as error:
            raise DryRunFailed(f"schedule: {error}") from None
        return _dry_run(engine.client.test_schedule_plugin(TestSchedulePlugin.model_validate(given | cron)))

    where = "dry_run_schedule(...)"
    return _when_deploying(
        where,
        call,
        filename=plugin_filename,
        database=db,
        schedule=schedule,
        input_arguments=as_texts(where, "arguments", arguments),
    )


@typing_extensions.deprecated("call dry_run_wal", category=None)
def test_wal_plugin(
    plugin_filename: pulumi.Input[str],
    *,
    db: pulumi.Input[str],
    input_lp: pulumi.Input[str],
    arguments: Arguments | None = None,
) -> pulumi.Output[DryRunAnswer]:
    """The deprecated name of ``dry_run_wal``."""
    deprecated("test_wal_plugin(...)", "the name", "dry_run_wal(...)")
    return dry_run_wal(plugin_filename, db=db, input_lp=input_lp, arguments=arguments)


@typing_extensions.deprecated("call dry_run_schedule", category=None)
def test_schedule_plugin(
    plugin_filename: pulumi.Input[str],
    *,
    db: pulumi.Input[str],
    schedule: pulumi.Input[str] | None = None,
    arguments: Arguments | None = None,
) -> pulumi.Output[DryRunAnswer]:
    """The deprecated name of ``dry_run_schedule``."""
    deprecated("test_schedule_plugin(...)", "the name", "dry_run_schedule(...)")
    return dry_run_schedule(plugin_filename, db=db, schedule=schedule, arguments=arguments)


for _function in (test_wal_plugin, test_schedule_plugin):
    setattr(_function, "__test__", False)  # noqa: B010 - pytest takes them for no tests, mypy knows no such attribute


def _dry_run(result: Any) -> DryRunAnswer:
    if result.errors:
        from influxdb3_engine_api.foreign_text import shown  # noqa: PLC0415 - only while deploying

        raise DryRunFailed("\n".join(map(shown, ["\n".join(result.errors), "\n".join(result.log_lines)])))
    return DryRunAnswer(result.log_lines, result.database_writes)


def _when_deploying(
    where: str, call: Callable[[Engine, dict[str, Any]], Result], **given: Any
) -> pulumi.Output[Result]:
    def deployed(values: dict[str, Any]) -> Any:
        if pulumi.runtime.is_dry_run():
            return UNKNOWN
        from influxdb3_engine_api import EngineApiError  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_api.foreign_text import hide, message  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_api.sent_values import leaves  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_resources.configuration import configuration  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_resources.server.engine import engine  # noqa: PLC0415 - see _dynamic
        from influxdb3_engine_resources.server.remedies import with_remedy  # noqa: PLC0415 - see _dynamic

        for name in (*_MAPPINGS, "body"):
            for path, value in leaves(name, values.get(name)):
                hide(path, value)
        stack = configuration(lambda key: pulumi.Config("influxdb3").get(key.removeprefix("influxdb3:")))
        try:
            return call(engine(stack), values)
        except EngineApiError as error:
            raise pulumi.RunError(message(f"{where}: {with_remedy(error)}")) from None

    check_stack()
    texts = {
        name: value if name in _MAPPINGS else as_text(where, name, value, optional=True)
        for name, value in given.items()
    }
    # a plain apply would not run with values that a preview does not know, and so could not tell that it is one
    return pulumi.Output.all(**texts).apply(deployed, run_with_unknowns=True)
