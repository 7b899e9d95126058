"""The requests of a trigger's operations, and what is live when one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import UNKNOWN
from influxdb3_engine_resources.plugins.source import parse_file
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.resource import Difference
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

pytestmark = pytest.mark.usefixtures("two_plugins")

LOGIC = TriggerLogic()
EMBEDDED = ("InfluxDB 3 embedded", "3.10.0")
VALIDATION = ["create t__pulumi_candidate", "delete t__pulumi_candidate"]
SWAP = [*VALIDATION, "query logs", "disable t", "delete t", "create t"]


NODES = Configuration.model_validate(
    {"host_url": "http://a:1", "plugin_hosts": {"first": "http://a:1", "second": "http://b:1"}}
)


def trigger(program: Program | None = None, **properties: Any) -> TriggerInputs:
    given = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "every:1h"}
    return LOGIC.check(TriggerInputs.checked(given | properties), program or Program(Configuration()))


def refused(status: int = 500, text: str = "Plugin error: no") -> list[httpx.Response | Exception]:
    return [httpx.Response(status, text=text)]


def lost() -> list[httpx.Response | Exception]:
    return [httpx.ReadError("reset")]


def test_a_create_is_one_request_with_all_that_was_declared(server: FakeServer) -> None:
    created = LOGIC.create(
        trigger(trigger_arguments={"threshold": 80}, node_spec=["n1"], disabled=True), server.engine()
    )

    assert server.requests == ["create t"]
    assert created.id == "db/t"
    assert server.bodies[0] == {
        "db": "db",
        "plugin_filename": "p.py",
        "trigger_name": "t",
        "trigger_settings": {"run_async": False, "error_behavior": "log"},
        "trigger_specification": "every:1h",
        "trigger_arguments": {"threshold": "80"},
        "disabled": True,
        "node_spec": {"nodes": ["n1"]},
    }


def test_a_refused_create_leaves_nothing_and_says_why(server: FakeServer) -> None:
    server.failures["create t"] = refused(text="Plugin error: reading plugin file: Plugin not found: /p.py")

    with pytest.raises(ResourceError, match=r"trigger 't' in database 'db' was not created: .*Plugin not found"):
        LOGIC.create(trigger(), server.engine())
    assert server.triggers == {}


def test_a_create_that_was_carried_out_although_its_answer_was_lost_is_success(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.requests.clear()
    server.failures["create t"] = lost()

    LOGIC.create(trigger(), engine)

    assert server.requests == ["create t", "query triggers", "query arguments"]


def test_a_create_that_was_not_carried_out_and_whose_answer_was_lost_is_repeated(server: FakeServer) -> None:
    server.failures["create t"] = lost()

    LOGIC.create(trigger(), server.engine())

    assert server.requests == ["create t", "query triggers", "create t"]
    assert list(server.triggers) == ["t"]


def test_a_trigger_that_exists_is_an_error_that_names_adopt(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(trigger_specification="every:5h"), engine)

    with pytest.raises(ResourceError) as exists:
        LOGIC.create(trigger(), engine)

    assert "exists already and differs in trigger_specification: it runs p.py on 'every:5h'" in str(exists.value)
    assert "adopt=True" in str(exists.value)
    assert server.triggers["t"]["trigger_specification"] == "every:5h"


def test_adopting_the_same_trigger_changes_nothing(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(trigger_arguments={"a": "1"}), engine)
    server.requests.clear()

    LOGIC.create(trigger(trigger_arguments={"a": "1"}, trigger_specification="every:60m", adopt=True), engine)

    assert server.requests == ["query triggers", "query arguments"]


def test_adopting_a_trigger_that_differs_swaps_it(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(trigger_specification="every:5h"), engine)
    server.requests.clear()

    LOGIC.create(trigger(adopt=True), engine)

    assert server.requests == ["query triggers", "query arguments", "create t", *SWAP]
    assert server.triggers["t"]["trigger_specification"] == "every:1h"


@pytest.mark.parametrize(("disabled", "request_"), [(True, "disable t"), (False, "enable t")])
def test_a_change_of_disabled_alone_is_one_request_and_one_query_a_database(
    server: FakeServer, disabled: bool, request_: str
) -> None:
    server.product = EMBEDDED
    engine = server.engine()
    LOGIC.create(trigger(disabled=not disabled), engine)
    server.requests.clear()

    LOGIC.update(trigger(disabled=not disabled), trigger(disabled=disabled), engine)

    assert [each for each in server.requests if each != "ping"] == ["query triggers", request_]
    assert server.triggers["t"]["disabled"] is disabled


def test_enabling_a_trigger_that_was_deleted_by_hand_creates_it(server: FakeServer) -> None:
    LOGIC.update(trigger(disabled=True), trigger(), server.engine())

    assert server.requests == ["query triggers", "enable t", "create t"]
    assert server.triggers["t"]["disabled"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"plugin_filename": "q.py"},
        {"trigger_specification": "every:2h"},
        {"trigger_arguments": {"a": "1"}},
        {"trigger_settings": {"run_async": True}},
        {"node_spec": "all"},
        {"disabled": True, "plugin_filename": "q.py"},
    ],
)
def test_any_other_change_of_a_schedule_swaps_the_definition_in_five_requests_and_a_look_at_its_run(
    server: FakeServer, change: dict[str, Any]
) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.requests.clear()

    LOGIC.update(trigger(), trigger(**change), engine)

    assert server.requests == SWAP
    assert server.bodies[1]["disabled"] is True, "a candidate of a schedule never runs"
    assert server.triggers == {
        "t": trigger(**change).body().model_dump(mode="json", exclude={"node_spec"})
        | ({"node_spec": "all"} if "node_spec" in change else {})
    }


@pytest.mark.parametrize("change", [{}, {"adopt": True}, {"force_delete": True}])
def test_a_change_of_a_local_property_sends_nothing(server: FakeServer, change: dict[str, Any]) -> None:
    LOGIC.update(trigger(), trigger(**change), server.engine())

    assert server.requests == []


def test_a_definition_that_the_server_refuses_does_not_touch_the_live_one(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.requests.clear()
    server.failures["create t__pulumi_candidate"] = refused()

    with pytest.raises(ResourceError, match=r"the previous definition stays live: .*Plugin error: no"):
        LOGIC.update(trigger(), trigger(plugin_filename="q.py"), engine)

    assert server.requests == SWAP[:2]
    assert server.triggers == {"t": trigger().body().model_dump(mode="json", exclude={"node_spec"})}


def test_a_swap_whose_last_step_fails_puts_the_old_definition_back(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.failures["create t"] = refused(text="disk full")

    with pytest.raises(ResourceError, match=r"was not changed: .*disk full\. The previous definition is live again"):
        LOGIC.update(trigger(), trigger(plugin_filename="q.py"), engine)

    assert server.triggers == {"t": trigger().body().model_dump(mode="json", exclude={"node_spec"})}


def test_a_swap_that_cannot_put_the_old_definition_back_says_that_nothing_is_live(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.failures["create t"] = refused(text="disk full") + refused(text="still full")

    with pytest.raises(ResourceError, match=r"disk full.*Nothing is live.*still full.*pulumi up --refresh"):
        LOGIC.update(trigger(), trigger(plugin_filename="q.py"), engine)

    assert server.triggers == {}


def test_a_swap_of_a_disabled_trigger_says_what_is_live_only_after_a_look(server: FakeServer) -> None:
    engine = server.engine()
    state = trigger(disabled=True)
    LOGIC.create(state, engine)
    server.failures["delete t"] = [httpx.ReadError("reset")] * 4
    server.failures["disable t"] = [httpx.Response(200), *[httpx.ReadError("reset")] * 4]

    with pytest.raises(ResourceError, match=r"may be disabled or gone, since the server could .*--refresh"):
        LOGIC.update(state, trigger(disabled=True, plugin_filename="q.py"), engine)


def test_a_swap_that_cannot_delete_the_old_definition_starts_it_again(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.failures["delete t"] = refused(text="busy") * 4

    with pytest.raises(ResourceError, match=r"was not changed: .*busy\. The previous definition is live"):
        LOGIC.update(trigger(), trigger(plugin_filename="q.py"), engine)

    assert server.triggers["t"]["plugin_filename"] == "p.py"
    assert server.triggers["t"]["disabled"] is False


def test_a_swap_of_a_trigger_that_was_deleted_by_hand_creates_it(server: FakeServer) -> None:
    LOGIC.update(trigger(), trigger(plugin_filename="q.py"), server.engine())

    assert server.requests == [*SWAP[:4], "create t"]
    assert server.triggers["t"]["plugin_filename"] == "q.py"


def test_adopting_many_triggers_that_are_the_same_takes_two_queries(server: FakeServer) -> None:
    for number in range(20):
        LOGIC.create(trigger(trigger_name=f"t{number}"), server.engine())
    server.requests.clear()
    engine = server.engine()

    for number in range(20):
        LOGIC.create(trigger(trigger_name=f"t{number}", adopt=True), engine)

    assert [each for each in server.requests if each.startswith("query")] == ["query triggers", "query arguments"]


@pytest.mark.parametrize("hidden", [{"trigger_settings": {"run_async": True}}, {"node_spec": ["n1"]}])
def test_adopting_sets_properties_that_the_server_does_not_list(server: FakeServer, hidden: dict[str, Any]) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)

    LOGIC.create(trigger(adopt=True, **hidden), engine)

    assert server.requests[-len(SWAP) :] == SWAP
    body = trigger(**hidden).body().model_dump(mode="json")
    assert server.triggers["t"]["trigger_settings"] == body["trigger_settings"]
    assert server.triggers["t"].get("node_spec") == body["node_spec"]


def test_the_name_of_a_candidate_is_refused() -> None:
    with pytest.raises(InvalidInputs, match=r"^trigger_name: names that end with '__pulumi_candidate'"):
        trigger(trigger_name="t__pulumi_candidate")


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(InvalidInputs, match=r"^trigger_settings: unknown setting 'error_behaviour'"):
        trigger(trigger_settings={"error_behaviour": "disable"})
    of_a_later_release = {"trigger_settings": {"run_async": False, "error_behavior": "log", "later": 1}}
    given = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "every:1h"}
    assert TriggerInputs.stored(given | of_a_later_release) == TriggerInputs.stored(given)


def test_unreadable_triggers_of_other_databases_do_not_stop_a_request_trigger(server: FakeServer) -> None:
    server.databases = {"db", "gone"}
    server.failures["query triggers"] = [
        httpx.Response(
            200,
            json=[
                {
                    "trigger_name": "later",
                    "plugin_filename": "p.py",
                    "trigger_specification": '{"of_a_later_release": {}}',
                    "disabled": False,
                    "error_behavior": "of_a_later_release",
                }
            ],
        ),
        *refused(404, '{"error": "query error: database not found: gone"}'),
    ]

    LOGIC.create(trigger(trigger_specification="request:r"), server.engine())

    assert "t" in server.triggers


def test_a_trigger_that_another_resource_has_adopted_is_not_deleted(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)

    LOGIC.delete(trigger(), engine)

    assert "t" in server.triggers


def test_a_delete_is_two_requests_and_one_query_a_database(server: FakeServer) -> None:
    server.product = EMBEDDED
    LOGIC.create(trigger(), server.engine())
    server.requests.clear()

    LOGIC.delete(trigger(), server.engine())

    assert server.requests == ["ping", "query triggers", "disable t", "delete t"]
    assert server.triggers == {}


@pytest.mark.parametrize("disabled", [True, False])
def test_a_real_server_is_asked_for_the_run_that_would_block_it_before_a_trigger_is_stopped(
    server: FakeServer, disabled: bool
) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.requests.clear()

    if disabled:
        LOGIC.update(trigger(), trigger(disabled=True), engine)
    else:
        LOGIC.delete(trigger(), server.engine())

    assert server.requests.index("query logs") < server.requests.index("disable t")


def test_deleting_a_trigger_that_is_gone_is_a_success(server: FakeServer) -> None:
    server.product = EMBEDDED

    LOGIC.delete(trigger(), server.engine())

    assert server.requests == ["ping", "query triggers", "disable t"]


def test_a_trigger_that_goes_between_disable_and_delete_is_deleted(server: FakeServer) -> None:
    LOGIC.create(trigger(), server.engine())
    server.failures["delete t"] = refused(404, "the requested resource was not found: t")

    LOGIC.delete(trigger(), server.engine())


def test_a_delete_whose_answer_was_lost_is_repeated(server: FakeServer) -> None:
    LOGIC.create(trigger(), server.engine())
    server.failures["delete t"] = lost()

    LOGIC.delete(trigger(), server.engine())

    assert server.triggers == {}


def test_force_delete_forces_the_deletion(server: FakeServer) -> None:
    LOGIC.create(trigger(), server.engine())

    LOGIC.delete(trigger(force_delete=True), server.engine())

    assert server.bodies[-1]["force"] == "true"


def test_reading_any_number_of_triggers_of_a_database_takes_two_queries(server: FakeServer) -> None:
    engine = server.engine()
    for number in range(20):
        LOGIC.create(trigger(trigger_name=f"t{number}", trigger_arguments={"n": number}), engine)
    server.requests.clear()

    for number in range(20):
        state = trigger(trigger_name=f"t{number}", trigger_arguments={"n": number})
        live = LOGIC.read(state, {}, engine)
        assert live is not None
        assert live.inputs == state

    assert server.requests == ["query triggers", "query arguments"]


@pytest.mark.parametrize(
    "by_hand",
    [
        {"plugin_filename": "q.py"},
        {"trigger_specification": "table:cpu"},
        {"trigger_arguments": {"a": "2"}},
        {"trigger_arguments": None},
        {"trigger_settings": {"run_async": False, "error_behavior": "retry"}},
        {"disabled": True},
    ],
)
def test_a_change_by_hand_is_read(server: FakeServer, by_hand: dict[str, Any]) -> None:
    engine = server.engine()
    state = trigger(trigger_arguments={"a": "1"})
    LOGIC.create(state, engine)
    server.triggers["t"] |= by_hand

    live = LOGIC.read(state, {}, engine)

    assert live is not None
    assert state.changed(live.inputs) == set(by_hand)


def test_properties_that_the_server_does_not_list_are_kept(server: FakeServer) -> None:
    engine = server.engine()
    state = trigger(trigger_settings={"run_async": True}, node_spec=["n1"], trigger_specification="every:120m")
    LOGIC.create(state, engine)

    live = LOGIC.read(state, {"kept": 1}, engine)

    assert live is not None
    assert live.inputs == state
    assert live.outputs == {"kept": 1}


@pytest.mark.parametrize("gone", ["trigger", "database"])
def test_a_deleted_trigger_is_read_as_gone(server: FakeServer, gone: str) -> None:
    if gone == "database":
        server.databases.discard("db")

    assert LOGIC.read(trigger(), {}, server.engine()) is None


def test_a_server_that_cannot_be_asked_is_an_error_when_a_trigger_is_read(server: FakeServer) -> None:
    server.failures["query triggers"] = refused(401, '{"error": "the request was not authenticated"}')

    with pytest.raises(Exception, match="the request was not authenticated"):
        LOGIC.read(trigger(), {}, server.engine())


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({}, Difference(changes=False, delete_before_replace=True)),
        ({"disabled": True}, Difference(changes=True, delete_before_replace=True)),
        ({"trigger_specification": "every:2h"}, Difference(changes=True, delete_before_replace=True)),
        ({"db": "other"}, Difference(changes=True, replaces=("db",), delete_before_replace=True)),
        ({"trigger_name": "u"}, Difference(changes=True, replaces=("trigger_name",), delete_before_replace=True)),
        ({"plugin_filename": UNKNOWN}, Difference(changes=True, delete_before_replace=True)),
        ({"adopt": True}, Difference(changes=False, delete_before_replace=True)),
    ],
)
def test_only_a_new_name_or_database_replaces(change: dict[str, Any], difference: Difference) -> None:
    assert LOGIC.diff(trigger(), trigger(**change)) == difference


def test_check_translates_numeric_weekdays_and_computes_the_endpoint() -> None:
    assert trigger(trigger_specification="cron:0 0 6 * * 1-5").trigger_specification == "cron:0 0 6 * * MON-FRI"
    assert trigger(trigger_specification="request:report").endpoint_url == "http://127.0.0.1:8181/api/v3/engine/report"
    assert trigger().endpoint_url is None


@pytest.mark.parametrize(
    ("nodes", "url"),
    [
        (None, "http://a:1/api/v3/engine/report"),
        ("all", "http://a:1/api/v3/engine/report"),
        (["second", "first"], "http://b:1/api/v3/engine/report"),
        (["second", UNKNOWN], UNKNOWN),
        (UNKNOWN, UNKNOWN),
    ],
)
def test_the_endpoint_is_on_a_node_that_serves_it(nodes: Any, url: Any) -> None:
    assert trigger(Program(NODES), trigger_specification="request:report", node_spec=nodes).endpoint_url == url


def test_a_node_that_gets_no_plugins_is_refused() -> None:
    with pytest.raises(InvalidInputs, match=r"^node_spec: influxdb3:pluginHosts lacks x, .*first, second"):
        trigger(Program(NODES), node_spec=["first", "x"])


@pytest.mark.parametrize("specification", ["every:500ms", "request:/report", "request:with space", "request:a/.."])
def test_useless_specifications_are_refused(specification: str) -> None:
    with pytest.raises(InvalidInputs, match=r"^trigger_specification: "):
        trigger(trigger_specification=specification)


def test_a_plugin_that_the_trigger_cannot_call_is_refused_by_name() -> None:
    program = Program(Configuration())
    program.sources.declare("p.py", parse_file("p.py", "def process_writes(a, b, c): pass"))

    assert trigger(program, trigger_specification="table:cpu")
    assert trigger(plugin_filename="unknown.py")
    with pytest.raises(
        InvalidInputs, match=r"^plugin_filename: p\.py cannot run on 'every:1h': .*process_scheduled_call"
    ):
        trigger(program, trigger_name="u")


def test_two_triggers_of_one_name_are_refused_even_if_they_are_the_same() -> None:
    program = Program(Configuration())
    one = trigger(program)
    LOGIC.check_new(one, program)
    assert trigger(program) == one  # checked again without what it was: it is to be replaced

    with pytest.raises(InvalidInputs, match=r"^trigger_name: another Trigger of this program is the trigger 't' in"):
        LOGIC.check_new(one, program)
    with pytest.raises(InvalidInputs, match="with another definition"):
        trigger(program, trigger_specification="every:2h")


def test_a_recreated_trigger_does_not_take_the_path_of_another(server: FakeServer) -> None:
    engine = server.engine()
    state = trigger(trigger_specification="request:mine")
    LOGIC.create(state, server.engine())
    LOGIC.create(trigger(trigger_name="theirs", trigger_specification="request:theirs"), server.engine())

    with pytest.raises(ResourceError, match="the request path belongs to trigger 'theirs'"):
        LOGIC.make_way(state, trigger(trigger_specification="request:theirs"), engine)

    assert server.triggers["t"]["trigger_specification"] == "request:mine"


BY_HAND = {
    "cron:0 0 6 * * 1-5": "cron:0 0 6 * * SUN-THU",
    "cron:@daily": "cron:0 0 0 * * *",
    "cron:00 0/30 06-18/2 ? jan,DEC 7": "cron:0 0,30 6,8,10,12,14,16,18 * 1,12 SAT",
}
"""What a real server may store, to a declaration with the same times."""


def configured_by_hand(server: FakeServer, specification: str) -> None:
    LOGIC.create(trigger(), server.engine())
    server.triggers["t"]["trigger_specification"] = specification
    server.requests.clear()


@pytest.mark.parametrize("stored", BY_HAND)
def test_adopting_a_trigger_with_the_same_times_in_another_form_changes_nothing(
    server: FakeServer, stored: str
) -> None:
    configured_by_hand(server, stored)
    declared = trigger(trigger_specification=BY_HAND[stored], adopt=True)
    engine = server.engine()

    LOGIC.create(declared, engine)
    live = LOGIC.read(declared, {}, engine)

    assert live is not None
    assert live.inputs.trigger_specification == declared.trigger_specification
    assert set(server.requests) <= {"query triggers", "query arguments", "ping"}


def test_numbers_for_weekdays_mean_what_the_server_counts(server: FakeServer) -> None:
    configured_by_hand(server, "cron:0 0 6 * * 1-5")
    server.product = ("InfluxDB 3 Processing engine, embedded", "3.10.0")

    LOGIC.create(trigger(trigger_specification="cron:0 0 6 * * MON-FRI", adopt=True), server.engine())
    assert "create t" not in server.requests

    server.product = ("InfluxDB 3 Core", "3.10.0")
    LOGIC.create(trigger(trigger_specification="cron:0 0 6 * * MON-FRI", adopt=True), server.engine())
    assert server.triggers["t"]["trigger_specification"] == "cron:0 0 6 * * MON-FRI"


def test_another_form_of_the_same_times_is_no_drift_and_other_times_are(server: FakeServer) -> None:
    configured_by_hand(server, "cron:0 0 6 * * 2-6")
    declared = trigger(trigger_specification="cron:0 0 6 * * MON-FRI")

    same = LOGIC.read(declared, {}, server.engine())
    server.triggers["t"]["trigger_specification"] = "cron:0 0 6 * * 1-5"
    other = LOGIC.read(declared, {}, server.engine())

    assert same is not None
    assert same.inputs == declared
    assert other is not None
    assert other.inputs.trigger_specification == "cron:0 0 6 * * 1-5"


def test_the_product_is_asked_for_only_if_a_schedule_depends_on_it(server: FakeServer) -> None:
    configured_by_hand(server, "cron:0 0 6 * * MON-FRI")
    engine = server.engine()

    LOGIC.create(trigger(trigger_specification="cron:0 0 6 * * MON-FRI", adopt=True), engine)

    assert server.requests == ["query triggers", "query arguments"]
