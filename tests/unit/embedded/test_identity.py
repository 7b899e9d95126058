"""Every answer has the identity of the server in the header ``cluster-uuid`` (contract 1.1)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import CreateTrigger, EngineClient, NotFound, TriggerSettings, paths
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

PLUGIN = """
def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    if "raise" in query_parameters:
        raise ValueError("no")
    return "", 200, {"cluster-uuid": "another", "Cluster-UUID": "another"}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with tokens, and with a plugin that sets the header itself."""
    with start_engine(tmp_path_factory.mktemp("identity"), without_auth=False) as engine:
        token = httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}").json()["token"]
        engine.client = EngineClient(engine.url, token)
        engine.client.create_database("d")
        engine.client.create_plugin_file("plugin.py", PLUGIN)
        engine.client.create_trigger(
            CreateTrigger(
                db="d",
                plugin_filename="plugin.py",
                trigger_name="t",
                trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
                trigger_specification="request:who",
                disabled=False,
            )
        )
        yield engine


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", paths.PING, 401),
        ("OPTIONS", paths.PING, 204),
        ("OPTIONS", "/nowhere", 204),
        ("HEAD", paths.HEALTH, 401),
        ("POST", paths.TOKEN_ADMIN, 409),
    ],
)
def test_answers_without_a_token_have_the_identity(served: RunningEngine, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, f"{served.url}{path}")

    served.client.health()
    assert (answer.status_code, answer.headers.get_list("cluster-uuid")) == (status, [served.client.cluster_uuid])


def test_the_client_reads_the_identity_from_successes_and_errors(served: RunningEngine) -> None:
    client = served.client
    client.health()
    identity = client.cluster_uuid
    assert identity is not None
    assert str(uuid.UUID(identity)) == identity

    with pytest.raises(NotFound):
        client.delete_database("nobody")
    assert client.cluster_uuid == identity


def test_a_plugin_cannot_change_the_identity(served: RunningEngine) -> None:
    served.client.health()
    identity = served.client.cluster_uuid

    answer = served.client.call_request_trigger("who")
    assert answer.headers.get_list("cluster-uuid") == [identity]
    failed = served.client.call_request_trigger("who", params={"raise": ""})
    assert (failed.status_code, failed.headers.get_list("cluster-uuid")) == (500, [identity])


def test_the_identity_survives_a_kill_and_differs_between_data_directories(tmp_path: Path) -> None:
    identities = []
    for directory in ("here", "here", "there"):
        with start_engine(tmp_path / directory) as engine:
            engine.client.health()
            identities.append(engine.client.cluster_uuid)
            engine.kill()

    first, restarted, elsewhere = identities
    assert first == restarted
    assert first != elsewhere
