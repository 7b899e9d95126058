"""The fake server of the provider's unit tests answers as a real InfluxDB 3 server was recorded to.

Requests that the provider never sends are left out: bodies that the API refuses to parse, SQL of users, writes, calls
of request plugins. Of a success the status and the members of the body count, of an error also the text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import player
import pytest
from fake_server import CLUSTER_UUID, FakeServer
from pydantic import BaseModel, ValidationError

from influxdb3_engine_api import paths, wire

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.json"))

BODIES: dict[tuple[str, str], type[BaseModel]] = {
    ("POST", paths.TRIGGER): wire.CreateTrigger,
    ("POST", paths.PLUGIN_FILES): wire.CreatePluginFile,
    ("PUT", paths.PLUGIN_FILES): wire.UpdatePluginFile,
    ("PUT", paths.PLUGIN_DIRECTORY): wire.UpdatePluginDirectory,
    ("POST", paths.PLUGIN_TEST_WAL): wire.TestWalPlugin,
    ("POST", paths.PLUGIN_TEST_SCHEDULE): wire.TestSchedulePlugin,
    ("POST", paths.DATABASE): wire.CreateDatabase,
}
PARAMETERS = {
    ("DELETE", paths.TRIGGER): {"db", "trigger_name"},
    ("POST", paths.TRIGGER_DISABLE): {"db", "trigger_name"},
    ("POST", paths.TRIGGER_ENABLE): {"db", "trigger_name"},
    ("DELETE", paths.DATABASE): {"db"},
    ("GET", paths.DATABASE): {"format"},
    ("GET", paths.PING): set(),
}
SYSTEM_TABLES = ("processing_engine_triggers", "processing_engine_trigger_arguments", "plugin_files")
NOT_SERVED = {
    "settings as string log": "the provider sends an object",
    "same trigger name in other db": "the fake server has triggers of one database only",
    "put ambiguous name": "the fake server has triggers of one database only",
    "delete db": "the database was made by a write",
}
WAL = "a plugin of the fake server gets lines, not table batches"
SCHEDULE = "the fake server does not parse the schedule of a dry run"
SPECIFICATION = "the fake server accepts the specifications that the provider accepts"
DIFFERENT = {
    "wal": WAL,
    "wal unknown db": WAL,
    "wal with cache": WAL,
    **dict.fromkeys(
        ["schedule bad cron", "schedule interval", "schedule cron prefix", "schedule bare interval"], SCHEDULE
    ),
    "gh plugin, no network": "the fake server has no plugins of the public repository",
    **dict.fromkeys(
        ["spec 'cron:0 0 6 * * 0'", "spec 'cron:0 0 6 * * 7'", "spec 'cron:@daily'", "spec 'every:0s'"], SPECIFICATION
    ),
}
"""Steps whose answers differ, with the reason."""


def is_served(step: player.Step) -> bool:
    """Whether the provider sends such a request, and the fake server answers it."""
    if step["id"] in NOT_SERVED:
        return False
    operation = (step["method"], step["path"])
    if operation in PARAMETERS:
        return PARAMETERS[operation] <= step.get("query", {}).keys() and "json" not in step
    if operation == ("POST", paths.QUERY_SQL):
        return any(f"FROM system.{table}" in step["json"]["q"] for table in SYSTEM_TABLES)
    if operation not in BODIES or "json" not in step:
        return False
    try:
        BODIES[operation].model_validate(step["json"])
    except ValidationError:
        return False
    return True


def difference(step: player.Step, answer: player.Answer) -> str | None:
    """How an answer differs from the recorded one; None if it does not."""
    recorded = step["response"]
    wanted = player.masked(recorded["body"], {})
    if answer.status != recorded["status"]:
        return f"status {answer.status} instead of {recorded['status']}: {answer.body}"
    if answer.headers.get("content-type") != recorded["content_type"]:
        return f"content type {answer.headers.get('content-type')} instead of {recorded['content_type']}"
    if answer.headers.get("cluster-uuid") != CLUSTER_UUID:
        return "no cluster-uuid"
    same = resembles(json.loads(answer.body), json.loads(wanted)) if answer.status < 400 and wanted else None
    if same is None:
        same = answer.body == wanted
    return None if same else f"{answer.body!r} instead of {wanted!r}"


def resembles(given: Any, wanted: Any) -> bool:
    """Whether JSON has the members and types of other JSON, and is empty where that is; it may have more members."""
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(
            name in given and resembles(given[name], each) for name, each in wanted.items()
        )
    if isinstance(wanted, list):
        return bool(given) == bool(wanted) and all(resembles(each, wanted[0]) for each in given)
    return type(given) is type(wanted)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.stem)
def test_the_fake_server_answers_as_the_real_server_did(recording: Path, tmp_path: Path) -> None:
    server = FakeServer(tmp_path / "plugins", databases={"_internal"})
    server.plugin_directory.mkdir()
    steps = [step for step in player.load(recording) if is_served(step)]
    with httpx.Client(base_url="http://server", transport=httpx.MockTransport(server.answer)) as client:
        found = {step["id"]: difference(step, answer) for step, answer in player.play(client, steps)}

    assert {name: each for name, each in found.items() if each and name not in DIFFERENT} == {}
    assert [name for name in found.keys() & DIFFERENT.keys() if found[name] is None] == []


def test_each_operation_of_the_provider_is_compared() -> None:
    steps = [step for recording in RECORDINGS for step in player.load(recording) if is_served(step)]

    assert {(step["method"], step["path"]) for step in steps} == {*BODIES, *PARAMETERS, ("POST", paths.QUERY_SQL)}
