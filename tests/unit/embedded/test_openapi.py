"""The OpenAPI document is true: the engine answers generated requests as the document says."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from latency import watched_health
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from influxdb3_embedded.http.routing import ROUTES
from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case, Response
    from schemathesis.schemas import BaseSchema

    from influxdb3_embedded.http.route import Route

PATH = "/openapi.json"
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
EXAMPLES = 10
SEQUENCES = 20
STEPS = 8
KNOWN = {
    "db": "d",
    "database": "d",
    "bucket": "d",
    "filename": "echo.py",
    "plugin_filename": "echo.py",
    "plugin_name": "echo",
    "table": "cpu",
    "trigger_specification": "request:echo",
}
ECHO = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return query, 200, {}\n"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of an engine that needs tokens, with a named admin token."""
    # without the package manager: schemathesis generates names of packages
    with start_engine(
        tmp_path_factory.mktemp("described"),
        object_store="memory",
        without_auth=False,
        disable_authz="health",
        package_manager="disabled",
    ) as engine:
        operator = httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}").json()["token"]
        made = httpx.post(
            f"{engine.url}{paths.TOKEN_NAMED_ADMIN}",
            json={"token_name": "schemathesis"},
            headers={"authorization": f"Bearer {operator}"},
        )
        headers = {"authorization": f"Bearer {made.json()['token']}"}
        with httpx.Client(base_url=engine.url, headers=headers, timeout=30) as client:
            client.post(paths.DATABASE, json={"db": "d"})
            client.post(paths.PLUGIN_FILES, json={"plugin_name": "echo.py", "content": ECHO})
            client.post(paths.WRITE_LP, params={"db": "d"}, content=b"cpu,host=a v=1")
            # fails if /health has no answer during the tests
            with watched_health(engine.url):
                yield client


@pytest.fixture(scope="module")
def description(secured: httpx.Client) -> BaseSchema:
    schema = schemathesis.openapi.from_dict(secured.get(PATH).json())
    schema.config.update(base_url=str(secured.base_url))
    return schema


def described(route: Route[Any]) -> str:
    return route.path.replace("*", "{request_path}")


def with_known_names(case: Case[Any]) -> None:
    """Replace names in a request by names that exist."""
    for members in (case.query, case.body):
        if isinstance(members, dict):
            members.update({name: KNOWN[name] for name in members if name in KNOWN})


def check(case: Case[Any], answer: Response) -> None:
    """Check that the answer is in the document, and is no failure of the engine."""
    # the published API answers 500 if no trigger has the name in a plugin update
    published = b"Plugin not found: " in answer.content
    case.validate_response(answer, checks=CHECKS[1:] if published else CHECKS)


@pytest.mark.parametrize(
    ("mode", "known"),
    [(GenerationMode.POSITIVE, False), (GenerationMode.POSITIVE, True), (GenerationMode.NEGATIVE, False)],
    ids=["right", "known names", "wrong"],
)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_generated_requests_are_answered_as_described(
    route: Route[Any], mode: GenerationMode, known: bool, description: BaseSchema, secured: httpx.Client
) -> None:
    operation = description[described(route)][route.method]
    authorization = {"authorization": secured.headers["authorization"]}

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Case[Any]) -> None:
        if known:
            with_known_names(case)
        check(case, case.call(headers=authorization))

    with suppress(Unsatisfiable):  # an operation without content has no invalid content
        send()


def test_generated_sequences_of_requests_are_answered_as_described(
    description: BaseSchema, secured: httpx.Client
) -> None:
    class Sequences(description.as_state_machine()):  # type: ignore[misc] # made by schemathesis
        """Sequences of requests that use names of earlier requests and answers."""

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"headers": {"authorization": secured.headers["authorization"]}}

        def validate_response(self, response: Response, case: Case[Any], *_: Any, **__: Any) -> None:
            check(case, response)

    bounds = settings(
        max_examples=SEQUENCES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    Sequences.run(settings=bounds)


def test_every_operation_is_described(secured: httpx.Client) -> None:
    document = secured.get(PATH).json()
    operations = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert operations == {(route.method, described(route)) for route in ROUTES}
    assert document["openapi"] == "3.1.0"


def test_every_operation_has_its_own_id_and_a_summary(secured: httpx.Client) -> None:
    operations = [each for methods in secured.get(PATH).json()["paths"].values() for each in methods.values()]
    assert len({each["operationId"] for each in operations}) == len(ROUTES)
    assert all(each["summary"] for each in operations)


def test_every_parameter_and_every_member_is_explained(secured: httpx.Client) -> None:
    document = secured.get(PATH).json()
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    parameters = [each for operation in operations for each in operation.get("parameters", ()) if each["in"] == "query"]
    assert [each["name"] for each in parameters if not each["schema"].get("description")] == []
    for schema in document["components"]["schemas"].values():
        assert schema["description"]
        members = schema.get("properties", {})
        assert [name for name, member in members.items() if not member.get("description")] == []


def test_the_document_says_which_members_are_required(secured: httpx.Client) -> None:
    schemas = secured.get(PATH).json()["components"]["schemas"]
    assert schemas["CreateTrigger"]["required"] == [
        "db",
        "plugin_filename",
        "trigger_name",
        "trigger_settings",
        "trigger_specification",
        "disabled",
    ]


def test_the_document_needs_a_token_if_the_engine_needs_tokens(secured: httpx.Client) -> None:
    assert httpx.get(f"{secured.base_url}{PATH}").status_code == 401
    document = secured.get(PATH).json()
    assert document["security"] == [{"bearer": []}, {"basic": []}]
    assert document["paths"][paths.TOKEN_ADMIN]["post"]["security"] == []


def test_the_document_of_an_engine_without_tokens_has_no_security(http: httpx.Client) -> None:
    assert "security" not in http.get(PATH).json()
