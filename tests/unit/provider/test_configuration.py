"""Where the engine is: stack configuration, then the environment, then defaults."""

from __future__ import annotations

import pytest

from influxdb3_engine_resources.configuration import Configuration, configuration
from influxdb3_engine_resources.errors import InvalidInputs
from influxdb3_engine_resources.server.engine import Engine, engine
from influxdb3_engine_resources.stack_keys import KEYS, unknown

TOKEN = "apiv3_never-shown"
VARIABLES = (
    "INFLUXDB3_HOST_URL",
    "INFLUXDB3_AUTH_TOKEN",
    "INFLUXDB3_DATABASE_NAME",
    "INFLUXDB3_TLS_CA",
    "INFLUXDB3_TLS_NO_VERIFY",
)


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def of_stack(**keys: str) -> Configuration:
    return configuration({f"influxdb3:{key}": value for key, value in keys.items()}.get)


def failures(**keys: str) -> dict[str, str]:
    with pytest.raises(InvalidInputs) as invalid:
        of_stack(**keys)
    return {failure.property: failure.reason for failure in invalid.value.failures}


def test_the_default_server_is_on_this_machine() -> None:
    assert of_stack() == Configuration(host_url="http://127.0.0.1:8181", timeout=30, package_timeout=600)


def test_the_environment_is_read() -> None:
    with pytest.MonkeyPatch.context() as environment:
        for variable, value in zip(VARIABLES, ("https://e:1/", TOKEN, "metrics", "/ca.pem", "true"), strict=True):
            environment.setenv(variable, value)
        read = of_stack()

    assert read.auth_token is not None
    assert read.auth_token.get_secret_value() == TOKEN
    assert (read.host_url, read.database, read.tls_ca, read.tls_no_verify) == (
        "https://e:1",
        "metrics",
        "/ca.pem",
        True,
    )


@pytest.mark.parametrize(
    "given", ["http://b:1, http://c:1/", '["http://b:1", "http://c:1"]', "http://b:1,http://a:1,http://c:1,http://b:1"]
)
def test_further_hosts_of_plugins_are_a_list_or_text_with_commas(given: str) -> None:
    hosts = Engine(of_stack(hostUrl="http://a:1", pluginHosts=given)).hosts

    assert [host.url for host in hosts] == ["http://a:1", "http://b:1", "http://c:1"]


@pytest.mark.parametrize("given", ["b:1", '["http://b:1"', "[1]", '{"node": "b:1"}', '{"node": 1}', "{"])
def test_a_further_host_that_is_no_url_is_refused(given: str) -> None:
    assert list(failures(pluginHosts=given)) == ["influxdb3:pluginHosts"]


def test_further_hosts_may_be_named_by_node() -> None:
    read = of_stack(hostUrl="http://a:1", pluginHosts='{"first": "http://a:1", "second": "http://b:1/"}')

    assert [host.url for host in Engine(read).hosts] == ["http://a:1", "http://b:1"]
    assert read.url_of(["second", "first"]) == "http://b:1"
    with pytest.raises(ValueError, match=r"lacks third, .*first, second.*pluginHosts\.third URL"):
        read.url_of(["first", "third"])


def test_without_names_every_node_is_behind_the_one_url() -> None:
    assert of_stack(hostUrl="http://a:1", pluginHosts="http://b:1").url_of(["any"]) == "http://a:1"


def test_the_stack_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUXDB3_HOST_URL", "http://environment:1")
    monkeypatch.setenv("INFLUXDB3_DATABASE_NAME", "environment")

    read = of_stack(hostUrl="http://stack:1")

    assert (read.host_url, read.database) == ("http://stack:1", "environment")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUXDB3_HOST_URL", "")

    assert of_stack().host_url == "http://127.0.0.1:8181"


def test_times_are_written_as_text_in_a_stack() -> None:
    read = of_stack(timeout="2.5", packageTimeout="1200", tlsNoVerify="false")

    assert (read.timeout, read.package_timeout, read.tls_no_verify) == (2.5, 1200, False)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hostUrl", "127.0.0.1:8181"),
        ("hostUrl", "http://host:port"),
        ("hostUrl", "http://user:hunter2@host"),
        ("timeout", "soon"),
        ("timeout", "0"),
        ("timeout", "-1"),
        ("timeout", "inf"),
        ("packageTimeout", "nan"),
        ("tlsNoVerify", "perhaps"),
        ("authToken", "two words"),
    ],
)
def test_an_invalid_value_is_named_by_its_key(key: str, value: str) -> None:
    reasons = failures(**{key: value})

    assert set(reasons) == {f"influxdb3:{key}"}
    assert "hunter2" not in str(reasons)
    assert "Value error" not in str(reasons)


@pytest.mark.parametrize(
    ("key", "value", "reason", "command"),
    [
        ("hostUrl", "localhost", "does not start with http:// or https://", "influxdb3:hostUrl http://localhost"),
        ("hostUrl", "localhost:8181/", "does not start with http", "influxdb3:hostUrl http://localhost:8181/"),
        ("hostUrl", "ftp://localhost", "does not start with http", "influxdb3:hostUrl http://HOST:PORT"),
        ("hostUrl", "http:localhost", "does not start with http", "influxdb3:hostUrl http://HOST:PORT"),
        ("hostUrl", "http://", "has no host", "influxdb3:hostUrl http://HOST:PORT"),
        ("hostUrl", "http://h:0", "the port 0", "influxdb3:hostUrl http://HOST:PORT"),
        ("hostUrl", "http://h:1?db=x", "a user, a query or a fragment", "influxdb3:hostUrl http://HOST:PORT"),
        ("hostUrl", "http://h:1/api/v3", "a path of the API", "influxdb3:hostUrl http://HOST:PORT"),
        ("hostUrl", "", "does not start with http", "influxdb3:hostUrl http://HOST:PORT"),
        ("pluginHosts", '["h:1"]', "does not start with http", "influxdb3:pluginHosts http://h:1"),
        ("pluginHosts", '{"node": 1}', "a URL is needed", "influxdb3:pluginHosts http://HOST:PORT,http://HOST:PORT"),
        ("pluginHosts", "[", "invalid JSON", "influxdb3:pluginHosts http://HOST:PORT,http://HOST:PORT"),
        ("authToken", "two words", "contains a space", "--secret influxdb3:authToken TOKEN"),
        ("authToken", "two\nlines", "a line break", "--secret influxdb3:authToken TOKEN"),
        ("authToken", " ", "is empty", "--secret influxdb3:authToken TOKEN"),
        ("database", "my db", "starts with an ASCII letter or digit", "influxdb3:database NAME"),
        ("database", "d" * 512, "at most 511 characters", "influxdb3:database NAME"),
        ("tlsCa", "", "the path of a PEM file is needed", "influxdb3:tlsCa FILE"),
        ("tlsNoVerify", "perhaps", "true or false is needed", "influxdb3:tlsNoVerify true"),
        ("onlineChecks", "2", "true or false is needed", "influxdb3:onlineChecks true"),
        ("timeout", "30s", "a number of seconds above 0 is needed, without a unit", "influxdb3:timeout 30"),
        ("timeout", "", "a number of seconds above 0 is needed", "influxdb3:timeout 30"),
        ("packageTimeout", "-1", "a number of seconds above 0 is needed", "influxdb3:packageTimeout 600"),
    ],
)
def test_a_mistake_is_named_with_the_command_that_corrects_it(key: str, value: str, reason: str, command: str) -> None:
    (told,) = failures(**{key: value}).values()

    assert reason in told
    assert told.endswith(f": pulumi config set {command}")
    assert "Input should" not in told


def test_a_mistake_in_the_environment_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUXDB3_HOST_URL", "127.0.0.1:8181")
    monkeypatch.setenv("INFLUXDB3_TLS_NO_VERIFY", "perhaps")

    assert failures() == {
        "INFLUXDB3_HOST_URL": (
            "the server's URL does not start with http:// or https://: export INFLUXDB3_HOST_URL=http://127.0.0.1:8181"
        ),
        "INFLUXDB3_TLS_NO_VERIFY": "true or false is needed: export INFLUXDB3_TLS_NO_VERIFY=true",
    }
    assert failures(hostUrl="also-wrong")["influxdb3:hostUrl"].endswith("http://also-wrong")


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("hosturl", "hostUrl"),
        ("hostURL", "hostUrl"),
        ("host_url", "hostUrl"),
        ("url", "hostUrl"),
        ("token", "authToken"),
        ("authtoken", "authToken"),
        ("databse", "database"),
        ("package-timeout", "packageTimeout"),
        ("onlinecheck", "onlineChecks"),
    ],
)
def test_an_unknown_key_is_named_with_the_most_similar_one(key: str, near: str) -> None:
    (slip,) = unknown([f"influxdb3:{key}", "influxdb3:timeout", "other:hosturl", "project:token"])

    assert slip.source == f"influxdb3:{key}"
    assert f"influxdb3:{near} is meant: pulumi config rm influxdb3:{key} && pulumi config set" in slip.reason
    assert f"influxdb3:{near} " in slip.reason.partition("&&")[2]
    assert ("--secret" in slip.reason) == (near == "authToken")


def test_an_unknown_key_without_a_similar_one_is_answered_with_all_keys() -> None:
    (slip,) = unknown(["influxdb3:zzz"])

    assert all(key in slip.reason for key in KEYS)


def test_every_attribute_of_the_configuration_has_a_key() -> None:
    assert {key.attribute for key in KEYS.values()} | {"engine"} == set(Configuration.model_fields)


def test_a_line_break_after_the_token_is_ignored() -> None:
    read = of_stack(authToken=f"{TOKEN}\n")

    assert read.auth_token is not None
    assert read.auth_token.get_secret_value() == TOKEN


def test_the_token_is_never_shown() -> None:
    read = of_stack(authToken=TOKEN)
    reached = Engine(read)

    for shown in (str(read), repr(read), repr(read.model_dump()), repr(vars(reached)), read.model_dump_json()):
        assert TOKEN not in shown
    assert TOKEN not in str(failures(authToken=f"{TOKEN} x", timeout="soon"))


def test_resources_of_one_configuration_share_a_client() -> None:
    assert engine(of_stack(authToken=TOKEN)) is engine(of_stack(authToken=TOKEN))
    assert engine(of_stack()) is not engine(of_stack(timeout="5"))
