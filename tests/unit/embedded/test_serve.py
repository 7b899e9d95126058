"""Starting, stopping and talking to an engine from the command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_embedded.testing import EngineDidNotStart, start_engine
from influxdb3_engine_api import BadRequest, CreateTrigger, TriggerSettings, paths
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

LOOP = "def process_request(influxdb3_local, q, h, b, args=None):\n    while True: pass\n"
SPEAK = """
def process_request(influxdb3_local, q, h, b, args=None):
    influxdb3_local.info('spoken', q.get('n'))
    return 'ok'
"""


def command(engine: RunningEngine, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "influxdb3_embedded", *arguments],
        env={**os.environ, "INFLUXDB3_HOST_URL": engine.url, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def create_request_trigger(engine: RunningEngine, name: str, code: str) -> None:
    engine.client.create_plugin_file(f"{name}.py", code)
    engine.client.create_trigger(
        CreateTrigger(
            db="d",
            plugin_filename=f"{name}.py",
            trigger_name=name,
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification=f"request:{name}",
            disabled=False,
        )
    )


def test_flags_of_scripts_for_a_real_server_are_accepted(tmp_path: Path) -> None:
    with start_engine(tmp_path, wal_flush_interval="1s", package_manager="pip", node_id="node1") as engine:
        engine.client.health()


def test_a_started_engine_prints_its_url_and_directories(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        assert engine.url in engine.logs
        assert str(tmp_path / "data" / "node0") in engine.logs
        assert str(tmp_path / "plugins") in engine.logs
        assert "anyone who reaches the URL may do everything" in engine.logs


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_engine_within_seconds_while_a_plugin_loops(tmp_path: Path, number: signal.Signals) -> None:
    with start_engine(tmp_path, object_store="memory") as engine:
        engine.client.create_database("d")
        create_request_trigger(engine, "loop", LOOP)
        with ThreadPoolExecutor() as threads:
            call = threads.submit(httpx.get, f"{engine.url}{paths.engine('loop')}", timeout=10)
            while "starting execution" not in str(engine.client.trigger_logs("d", "loop")):
                time.sleep(0.01)
            begin = time.monotonic()
            engine.process.send_signal(number)
            assert engine.process.wait(10) == 0
            assert time.monotonic() - begin < 3
        assert call.result().status_code == 500
        assert "Traceback" not in engine.logs


def test_an_address_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(EngineDidNotStart, match=r"The engine cannot start: .*in use"),
            start_engine(tmp_path, object_store="memory", http_bind=address),
        ):
            pass


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("http_bind", "nowhere"),
        ("http_bind", "127.0.0.1:99999"),
        ("node_id", ".."),
        ("restrict_plugin_triggers_to", "nothing"),
        ("disable_authz", "write"),
        ("object_store", "s3"),
        ("max_http_request_size", "0"),
        ("exec_mem_pool_bytes", "lots"),
        ("exec_mem_pool_bytes", "101%"),
        ("query_timeout", "0"),
        ("query_timeout", "soon"),
    ],
)
def test_an_error_names_the_flag_with_an_invalid_value(tmp_path: Path, flag: str, value: str) -> None:
    settings: dict[str, Any] = {flag: value}
    with (
        pytest.raises(EngineDidNotStart, match=f"--{flag.replace('_', '-')}"),
        start_engine(tmp_path, **settings),
    ):
        pass


def test_environment_variables_set_flags(tmp_path: Path) -> None:
    environment = {"INFLUXDB3_MAX_HTTP_REQUEST_SIZE": "10", "INFLUXDB3_OBJECT_STORE": "memory"}
    with start_engine(tmp_path, environment=environment) as engine:
        answer = httpx.post(f"{engine.url}{paths.WRITE_LP}", params={"db": "d"}, content=b"#" * 11)
        assert answer.status_code == 413
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_a_flag_limits_the_memory_of_queries_and_the_engine_survives_them(tmp_path: Path, by: str) -> None:
    flags: dict[str, Any] = {"exec_mem_pool_bytes": "20mb"} if by == "flag" else {}
    environment = {"INFLUXDB3_EXEC_MEM_POOL_BYTES": "20"} if by == "environment" else {}
    with start_engine(tmp_path, object_store="memory", environment=environment, **flags) as engine:
        engine.client.write_lp("d", "\n".join(f"home temp={at} {at}" for at in range(3_000)), precision="ns")
        for sql, text in (
            ("SELECT a.temp, b.temp FROM home a CROSS JOIN home b", "the result would take more memory"),
            ("SELECT array_agg(a.temp || 'x') FROM home a, home b", r"pool_size: 20\.0 MB"),
            (
                "SELECT date_bin_gapfill(INTERVAL '1 nanosecond', time) AS t, avg(temp) FROM home "
                "WHERE time > now() - INTERVAL '1 year' AND time < now() GROUP BY 1",
                "bins of date_bin_gapfill would take more memory",
            ),
        ):
            with pytest.raises(BadRequest, match=text):
                engine.client.query_sql("d", sql)
            assert engine.client.query_sql("d", "SELECT count(*) AS n FROM home") == [{"n": 3_000}]
        assert engine.process.poll() is None


def test_the_command_shows_triggers_logs_and_rows(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory") as engine:
        assert command(engine, "triggers").stdout.strip() == "There are no triggers."
        engine.client.create_database("d")
        create_request_trigger(engine, "speak", SPEAK)
        for number in range(3):
            engine.client.call_request_trigger("speak", params={"n": str(number)})
        assert "request:speak" in command(engine, "triggers").stdout
        assert "spoken 2" in command(engine, "logs").stdout
        assert "spoken 1" not in command(engine, "logs", "speak", "--limit", "2").stdout
        assert "41" in command(engine, "query", "SELECT 40 + 1 AS n", "--database", "d").stdout
        assert command(engine, "query", "SELECT 1 WHERE false", "--database", "d").stdout.strip() == "No rows."


def test_followed_logs_show_new_rows(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory") as engine:
        engine.client.create_database("d")
        create_request_trigger(engine, "speak", SPEAK)
        following = subprocess.Popen(
            [sys.executable, "-u", "-m", "influxdb3_embedded", "logs", "--follow", "--host", engine.url],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert following.stdout is not None
            for number in range(2):
                engine.client.call_request_trigger("speak", params={"n": str(number)})
                line = ""
                while "spoken" not in line:
                    line = following.stdout.readline()
                assert f"spoken {number}" in line
        finally:
            following.terminate()
            following.wait()


def test_the_command_creates_tokens_and_needs_one(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory", without_auth=False) as engine:
        refused = command(engine, "triggers")
        assert (refused.returncode, "401" in refused.stderr) == (1, True)
        token = command(engine, "token").stdout.strip()
        assert token.startswith("apiv3_")
        assert command(engine, "triggers", "--token", token).returncode == 0
        again = command(engine, "token")
        assert (again.returncode, "token name already exists" in again.stderr) == (1, True)
        named = command(engine, "token", "--name", "ci", "--token", token).stdout.strip()
        assert command(engine, "token", "--delete", "ci", "--token", named).returncode == 0
        assert command(engine, "triggers", "--token", named).returncode == 1


def test_a_bad_query_or_an_unreachable_engine_ends_the_command_with_one_line(engine: RunningEngine) -> None:
    bad = command(engine, "query", "SELEC", "--database", "_internal")
    assert (bad.returncode, "ParserError" in bad.stderr, "Traceback" in bad.stderr) == (1, True, False)
    absent = command(engine, "triggers", "--host", "http://127.0.0.1:9")
    assert (absent.returncode, "no connection" in absent.stderr, "Traceback" in absent.stderr) == (1, True, False)


def test_the_command_escapes_texts_that_would_control_the_terminal(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory") as engine:
        engine.client.create_database("d")
        create_request_trigger(engine, "speak", SPEAK)
        engine.client.call_request_trigger("speak", params={"n": "red\x1b[31m\u202eback\r\n2099 ERROR forged"})
        shown = command(engine, "logs").stdout
        assert r"spoken red\x1b[31m\u202eback\r\n2099 ERROR forged" in shown
        for shown in (
            command(engine, "query", "SELECT 'a\x1b]0;title\x07b' AS \"c\x9b\"", "--database", "d").stdout,
            command(engine, "query", "SELECT \x1b[31m", "--database", "d").stderr,
        ):
            assert not {"\x1b", "\x07", "\x9b"} & set(shown)


def test_the_command_prints_brackets_unchanged(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory") as engine:
        engine.client.create_database("d")
        create_request_trigger(engine, "speak", SPEAK)
        engine.client.call_request_trigger("speak", params={"n": "[/red]"})
        assert "spoken [/red]" in command(engine, "logs").stdout
        shown = command(engine, "query", """SELECT '[red]' AS "[bold]", '[/b]' AS b""", "--database", "d")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert all(text in shown.stdout for text in ("[bold]", "[red]", "[/b]"))
        engine.client.create_trigger(
            CreateTrigger(
                db="d",
                plugin_filename="speak.py",
                trigger_name="[t]",
                trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
                trigger_specification="request:[/p]",
                disabled=True,
            )
        )
        listed = command(engine, "triggers").stdout
        assert "[t]" in listed
        assert "request:[/p]" in listed
