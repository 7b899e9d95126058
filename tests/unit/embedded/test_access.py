"""Tokens, and the paths that need none (contract 1.1 and 8.3)."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MALFORMED = "Authorization header was malformed"


class Secured:
    """An engine that needs tokens, and its operator token."""

    def __init__(self, http: httpx.Client, directory: Path) -> None:
        self.http = http
        self.directory = directory
        self.token: str = self.send("POST", paths.TOKEN_ADMIN).json()["token"]

    def send(self, method: str, path: str, authorization: str | None = None, **content: Any) -> httpx.Response:
        headers = {"authorization": authorization} if authorization is not None else {}
        return self.http.request(method, path, headers=headers, **content)

    def send_as_operator(self, method: str, path: str, **content: Any) -> httpx.Response:
        return self.send(method, path, f"Bearer {self.token}", **content)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    directory = tmp_path_factory.mktemp("secured")
    with (
        start_engine(directory, without_auth=False, disable_authz="health") as engine,
        httpx.Client(base_url=engine.url) as http,
    ):
        yield Secured(http, directory)


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("path", ["/ping", "/api/v3/nope", paths.TRIGGER, paths.engine("x")])
def test_without_a_token_a_known_and_an_unknown_path_get_the_same_answer(secured: Secured, path: str) -> None:
    answer = secured.send("GET", path)
    assert (answer.status_code, answer.json()) == (401, {"error": "the request was not authenticated"})


def test_an_unknown_token_is_refused(secured: Secured) -> None:
    assert secured.send("GET", "/ping", "Bearer apiv3_wrong").status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "Token"])
def test_a_token_is_accepted_as_bearer_and_as_token(secured: Secured, scheme: str) -> None:
    assert secured.send("GET", "/ping", f"{scheme} {secured.token}").status_code == 200


def test_a_token_is_accepted_as_basic_password(secured: Secured) -> None:
    assert secured.send("GET", "/ping", basic(f"anybody:{secured.token}")).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["bearer x", "Bearer", "Bearer a b", "Digest x", "Basic !!", basic("no-colon"), ""],
)
def test_a_malformed_authorization_header_is_an_error(secured: Secured, authorization: str) -> None:
    answer = secured.send("GET", "/ping", authorization)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(MALFORMED)


def test_an_authorization_header_that_is_not_ascii_is_an_error(secured: Secured) -> None:
    answer = secured.http.get("/ping", headers=[(b"authorization", b"Bearer \xff")])
    assert answer.status_code == 400


def test_a_malformed_authorization_header_is_an_error_also_without_tokens(http: httpx.Client) -> None:
    answer = http.get("/health", headers={"authorization": "bearer x"})
    assert (answer.status_code, answer.json()["error"][: len(MALFORMED)]) == (400, MALFORMED)


def test_paths_in_disable_authz_need_no_token(secured: Secured) -> None:
    assert secured.send("GET", "/health").text == "OK"
    assert secured.send("GET", "/api/v1/health").text == "OK"


def test_a_write_as_in_influxdb_1_may_have_the_token_in_its_query_string(secured: Secured) -> None:
    parameters = {"db": "d", "p": secured.token}
    assert secured.send("POST", paths.WRITE_V1, params=parameters, content=b"cpu v=1").status_code == 204
    assert secured.send("POST", paths.WRITE_LP, params=parameters, content=b"cpu v=1").status_code == 401


def test_the_operator_token_is_created_once(secured: Secured) -> None:
    answer = secured.send("POST", paths.TOKEN_ADMIN)
    assert (answer.status_code, answer.json()["error"]) == (409, "token name already exists, _admin")


def test_the_operator_token_cannot_be_deleted(secured: Secured) -> None:
    answer = secured.send_as_operator("DELETE", paths.TOKEN, params={"token_name": "_admin"})
    assert (answer.status_code, answer.json()["error"]) == (405, "cannot delete operator token")


def test_a_named_token_works_until_it_is_deleted(secured: Secured) -> None:
    made = secured.send_as_operator("POST", paths.TOKEN_NAMED_ADMIN, json={"token_name": "ci"})
    assert made.status_code == 201
    assert made.json()["expiry"] is None
    authorization = f"Bearer {made.json()['token']}"
    assert secured.send("GET", "/ping", authorization).status_code == 200
    again = secured.send_as_operator("POST", paths.TOKEN_NAMED_ADMIN, json={"token_name": "ci"})
    assert (again.status_code, again.json()["error"]) == (409, "token name already exists, ci")
    assert secured.send_as_operator("DELETE", paths.TOKEN, params={"token_name": "ci"}).status_code == 200
    assert secured.send("GET", "/ping", authorization).status_code == 401
    gone = secured.send_as_operator("DELETE", paths.TOKEN, params={"token_name": "ci"})
    assert (gone.status_code, gone.json()["error"]) == (404, "the requested resource was not found: ci")


def test_a_token_expires(secured: Secured) -> None:
    made = secured.send_as_operator("POST", paths.TOKEN_NAMED_ADMIN, json={"token_name": "brief", "expiry_secs": 1})
    authorization = f"Bearer {made.json()['token']}"
    assert secured.send("GET", "/ping", authorization).status_code == 200
    time.sleep(1.1)
    assert secured.send("GET", "/ping", authorization).status_code == 401


def test_a_system_table_lists_tokens_without_their_secrets(secured: Secured) -> None:
    body = {"token_name": "listed", "expiry_secs": 3600}
    assert secured.send_as_operator("POST", paths.TOKEN_NAMED_ADMIN, json=body).status_code == 201
    query = {"db": "_internal", "q": "SELECT * FROM system.tokens"}
    answer = secured.send_as_operator("GET", paths.QUERY_SQL, params=query)
    operator, *_, listed = answer.json()
    assert (operator["token_id"], operator["name"], operator["permissions"]) == (0, "_admin", "*:*:*")
    assert operator["hash"] == hashlib.sha512(secured.token.encode()).hexdigest()[:9]
    assert "expiry" not in operator
    lifetime = datetime.fromisoformat(listed["expiry"]) - datetime.fromisoformat(listed["created_at"])
    assert (listed["name"], round(lifetime.total_seconds())) == ("listed", 3600)
    assert abs(datetime.fromisoformat(listed["created_at"]).replace(tzinfo=UTC) - datetime.now(UTC)).seconds < 60


@pytest.mark.parametrize("seconds", [-1, 10**30, "1", 1.5])
def test_an_invalid_expiry_is_refused(secured: Secured, seconds: object) -> None:
    body = {"token_name": "bad", "expiry_secs": seconds}
    assert secured.send_as_operator("POST", paths.TOKEN_NAMED_ADMIN, json=body).status_code == 400


def test_only_the_hash_of_a_token_is_stored(secured: Secured) -> None:
    stored = b"".join(path.read_bytes() for path in secured.directory.rglob("*") if path.is_file())
    assert secured.token.encode() not in stored
    with sqlite3.connect(secured.directory / "data" / "node0" / "catalog.sqlite") as catalog:
        assert catalog.execute("SELECT length(sha512) FROM tokens WHERE name = '_admin'").fetchone() == (128,)


def test_regenerate_replaces_the_secret_of_the_operator_token(tmp_path: Path) -> None:
    with (
        start_engine(tmp_path, without_auth=False, object_store="memory") as engine,
        httpx.Client(base_url=engine.url) as http,
    ):
        own = Secured(http, tmp_path)
        assert own.send("POST", paths.TOKEN_ADMIN_REGENERATE).status_code == 401
        made = own.send_as_operator("POST", paths.TOKEN_ADMIN_REGENERATE)
        assert (made.status_code, made.json()["id"]) == (201, 0)
        assert own.send_as_operator("GET", "/ping").status_code == 401
        assert own.send("GET", "/ping", f"Bearer {made.json()['token']}").status_code == 200


@pytest.mark.parametrize("path", [paths.TOKEN_ADMIN, paths.TOKEN_NAMED_ADMIN, paths.TOKEN, paths.TOKEN + "/x"])
def test_an_engine_without_tokens_creates_no_token(http: httpx.Client, path: str) -> None:
    answer = http.post(path)
    assert (answer.status_code, answer.json()) == (405, {"error": "endpoint disabled, started without auth"})
