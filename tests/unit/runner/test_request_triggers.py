"""Request triggers: inputs, every kind of return value, errors, paths (contract 1.5, 2.5, 4.3 to 4.5)."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from runner_bench import Bench, wait_until

from influxdb3_embedded.runner import PluginFailed

if TYPE_CHECKING:
    from pathlib import Path

HTML, JSON, TEXT = "text/html", "application/json", "text/plain"
FLASK = """\
class Response:
    status_code = 418
    headers = {'X-Tea': 'green'}
    def __flask_response__(self): return True
    def get_data(self): return 'teapot'
"""
ITERATORS = """\
class Sequence:
    def __getitem__(self, i):
        if i > 2: raise IndexError
        return 'abc'[i]
def broken():
    yield 'x'
    raise OSError('pipe')
"""


def failure(bench: Bench, path: str = "r") -> str:
    with pytest.raises(PluginFailed) as caught:
        bench.call(path)
    return caught.value.text


def test_a_path_without_a_trigger_has_no_response(bench: Bench) -> None:
    assert bench.begin_call("nobody").result(5) is None


def test_the_plugin_gets_the_request(bench: Bench) -> None:
    bench.request_plugin("return [q, h, repr(b), args]", arguments={"k": "v"})
    response = bench.call(body=b"\x00\xff", a="1", b="x y")
    assert json.loads(response.body) == [{"a": "1", "b": "x y"}, {"x-a": "1"}, r"b'\x00\xff'", {"k": "v"}]


def test_missing_arguments_are_none_and_empty_arguments_are_empty(bench: Bench) -> None:
    bench.request_plugin("return repr(args)")
    assert bench.call().body == b"None"
    bench.request_plugin("return repr(args)", arguments={})
    assert bench.call().body == b"{}"


@pytest.mark.parametrize(
    ("expression", "status", "content_type", "body"),
    [
        ("'hello'", 200, HTML, "hello"),
        ("''", 200, HTML, ""),
        ("{'a': 1}", 200, JSON, '{"a": 1}'),
        ("[1, 'two', None]", 200, JSON, '[1, "two", null]'),
        ("{'v': float('nan')}", 200, JSON, '{"v": NaN}'),
        ("{'é': 'é'}", 200, JSON, '{"\\u00e9": "\\u00e9"}'),
        ("'é'", 200, HTML, "é"),
        ("b'raw'", 200, HTML, ""),
        ("()", 200, HTML, ""),
        ("('a', 'b', 'c', 'd')", 200, HTML, "abcd"),
        ("(str(i) for i in range(3))", 200, HTML, "012"),
        ("iter(['a', b'b', 3, None, b'\\xff'])", 200, HTML, "ab"),
        ("Sequence()", 200, HTML, "abc"),
        ("('made', 201)", 201, HTML, "made"),
        ("({'a': 1}, 202)", 202, JSON, '{"a": 1}'),
        ("('x',)", 200, HTML, "x"),
        ("(b'x', 200)", 200, TEXT, "b'x'"),
        ("(None,)", 200, TEXT, "None"),
        ("(1.5, 200)", 200, TEXT, "1.5"),
        ("('x', 'abc')", 200, HTML, "x"),
        ("('x', 99)", 500, HTML, "x"),
        ("('x', 1000)", 500, HTML, "x"),
        ("('x', 10**30)", 500, HTML, "x"),
        ("('x', -1)", 500, HTML, "x"),
        ("('x', True)", 500, HTML, "x"),
        ("('x', 999)", 999, HTML, "x"),
    ],
)
def test_return_values_become_responses(
    bench: Bench, expression: str, status: int, content_type: str, body: str
) -> None:
    bench.request_plugin(f"return {expression}", before=ITERATORS)
    response = bench.call()
    assert (response.status, response.headers, response.body.decode()) == (
        status,
        [("content-type", content_type)],
        body,
    )


@pytest.mark.parametrize(
    ("expression", "headers"),
    [
        ("('x', {'x-my': 'only'})", [("content-type", HTML), ("x-my", "only")]),
        ("('x', 200, {'Content-Type': 'text/css'})", [("content-type", "text/css")]),
        ("('x', 200, {'content-type': 'text/css'})", [("content-type", HTML), ("content-type", "text/css")]),
        ("('x', {'A': '1'}, {'B': '2'})", [("content-type", HTML), ("a", "1"), ("b", "2")]),
        ("('x', 'ignored', {'B': '2'})", [("content-type", HTML), ("b", "2")]),
        ("('x', 200, {'x-bad': 'a\\nb'})", [("content-type", HTML), ("x-bad", "")]),
        ("('x', 200, {'x-bad': 'é'})", [("content-type", HTML), ("x-bad", "")]),
    ],
)
def test_returned_headers_become_headers_of_the_response(
    bench: Bench, expression: str, headers: list[tuple[str, str]]
) -> None:
    bench.request_plugin(f"return {expression}")
    assert bench.call().headers == headers


@pytest.mark.parametrize("headers", ["{f'h{number}': '' for number in range(1_001)}", "{'h': 'x' * 65_536}"])
def test_too_many_or_too_long_headers_fail_the_run(bench: Bench, headers: str) -> None:
    bench.request_plugin(f"return 'x', 200, {headers}")
    assert failure(bench).endswith(("more than 1000 headers", "headers of more than 65536 characters"))


def test_an_object_that_says_it_is_a_flask_response_is_taken_as_it_is(bench: Bench) -> None:
    bench.request_plugin("return Response()", before=FLASK)
    response = bench.call()
    assert (response.status, response.headers, response.body) == (418, [("x-tea", "green")], b"teapot")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("return None", "Unsupported return type from Python function"),
        ("return 5", "Unsupported return type from Python function"),
        ("return 1.5", "Unsupported return type from Python function"),
        ("return True", "Unsupported return type from Python function"),
        ("return object()", "Unsupported return type from Python function"),
        ("return 'x', 200, 'no'", "expected a dictionary in header item"),
        ("return 'x', 200, {'a': 1}", "TypeError: 'int' object is not an instance of 'str'"),
        ("return 'x', {1: 'a'}", "TypeError: 'int' object is not an instance of 'str'"),
        ("return {'a': object()}", "TypeError: Object of type object is not JSON serializable"),
        ("return broken()", "OSError: pipe"),
        ("return 'x', 200, {'a b': 'c'}", "Processing engine error: request handler for trigger down"),
        ("raise ValueError('boom')", "Python function call failed: ValueError: boom"),
        ("raise KeyError('stop')", "Python function call failed: KeyError: 'stop'"),
        ("raise SystemExit(3)", "Python function call failed: SystemExit: 3"),
        ("raise KeyboardInterrupt", "Python function call failed: KeyboardInterrupt: "),
        ("import no_such_module", "Python function call failed: ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_failed_run_has_the_error_of_the_real_server(bench: Bench, body: str, text: str) -> None:
    bench.request_plugin(body, before=ITERATORS)
    assert failure(bench) == text


def test_an_error_that_utf8_cannot_express_is_reported(bench: Bench) -> None:
    bench.request_plugin("raise ValueError('\\ud800')")
    assert failure(bench) == "Python function call failed: ValueError: \ufffd"
    assert "ValueError: \ufffd" in bench.texts(level="ERROR")


def test_an_exception_that_cannot_be_printed_is_reported(bench: Bench) -> None:
    bench.request_plugin("raise Nasty", before="class Nasty(Exception):\n    def __str__(self): raise ValueError")
    assert failure(bench) == "Python function call failed: Nasty: <exception str() failed>"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def (:", "SyntaxError: invalid syntax (<string>, line 1)"),
        ("x = (", "SyntaxError: '(' was never closed (<string>, line 1)"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("from . import x", "KeyError: \"'__name__' not in globals\""),
        (
            "",
            "the process_request function is not present in the plugin. Should be defined as: process_request("
            "influxdb3_local, query_parameters, request_headers, request_body, args=None) -> Tuple[str, "
            "Optional[Dict[str, str]]]",
        ),
        (
            "def process_request(influxdb3_local, q, h, b): pass",
            "Python function call failed: TypeError: process_request() takes 4 positional arguments but 5 were given",
        ),
    ],
)
def test_a_source_that_cannot_be_loaded_fails_the_run(bench: Bench, source: str, text: str) -> None:
    bench.trigger("r", bench.plugin("r.py", source), "request:r")
    assert failure(bench) == text


def test_a_failed_run_logs_its_error_and_then_the_plugins_part_of_the_traceback(bench: Bench) -> None:
    bench.request_plugin("return inner()", before="def inner():\n    raise ValueError('boom')")
    failure(bench)
    assert bench.rows() == [
        ("INFO", "starting execution of request plugin."),
        ("ERROR", "error running request plugin: Python function call failed: ValueError: boom"),
        ("ERROR", "Traceback (most recent call last):"),
        ("ERROR", '  File "r.py", line 4, in process_request'),
        ("ERROR", "    return inner()"),
        ("ERROR", "           ^^^^^^^"),
        ("ERROR", '  File "r.py", line 2, in inner'),
        ("ERROR", "    raise ValueError('boom')"),
        ("ERROR", "ValueError: boom"),
    ]


def test_a_successful_run_logs_its_beginning_and_its_duration(bench: Bench) -> None:
    bench.request_plugin("return ''")
    bench.call()
    (_, start), (_, end) = bench.rows()
    assert start == "starting execution of request plugin."
    assert end.startswith("finished execution in ")
    assert end.endswith("ns")


def test_each_run_has_new_module_state(bench: Bench) -> None:
    bench.request_plugin("seen.append(1)\nreturn [len(seen), __name__, '__file__' in globals()]", before="seen = []")
    assert [json.loads(bench.call().body) for _ in range(2)] == [[1, "builtins", False]] * 2


def test_a_changed_file_is_used_by_the_next_run_and_a_deleted_one_stays_in_use(bench: Bench) -> None:
    source = "def process_request(influxdb3_local, q, h, b, args=None):\n    return '{}'"
    bench.trigger("r", bench.plugin("r.py", source.format("one")), "request:r")
    assert bench.call().body == b"one"
    bench.do(bench.directory.write_file("r.py", source.format("two")))  # same length, and likely the same tick
    assert bench.call().body == b"two"
    (bench.plugins / "r.py").unlink()
    assert bench.call().body == b"two"


def test_runs_of_a_trigger_are_ordered(bench: Bench) -> None:
    bench.request_plugin(
        "import time\ninfluxdb3_local.info('in', b)\ntime.sleep(0.02)\ninfluxdb3_local.info('out', b)\nreturn ''"
    )
    for call in [bench.begin_call(body=b"%d" % number) for number in range(5)]:
        call.result(5)
    assert bench.texts() == [f"{what} b'{number}'" for number in range(5) for what in ("in", "out")]


def test_runs_of_an_asynchronous_trigger_overlap(bench: Bench) -> None:
    bench.request_plugin(
        "import threading, time\ninfluxdb3_local.cache.put(b.decode(), 1)\n"
        "while not all(influxdb3_local.cache.get(str(n)) for n in range(4)): time.sleep(0.005)\n"
        "return str(threading.get_ident())",
        run_async=True,
    )
    calls = [bench.begin_call(body=b"%d" % number) for number in range(4)]
    assert len({call.result(10).body for call in calls}) == 4  # type: ignore[union-attr]


def test_a_cancelled_call_does_not_stop_the_run(bench: Bench) -> None:
    bench.request_plugin(
        "import time\ninfluxdb3_local.info('in')\ntime.sleep(0.2)\ninfluxdb3_local.info('out')\nreturn ''"
    )
    call = bench.begin_call()
    wait_until(bench.texts)
    call.cancel()
    wait_until(lambda: bench.texts() == ["in", "out"])


def test_the_trigger_started_last_owns_a_path_and_gives_it_back_when_it_stops(bench: Bench) -> None:
    def source(answer: str) -> str:
        return f"def process_request(influxdb3_local, q, h, b, args=None): return '{answer}'"

    bench.trigger("first", bench.plugin("first.py", source("first")), "request:p")
    second = bench.trigger("second", bench.plugin("second.py", source("second")), "request:p", database="other")
    assert bench.call("p").body == b"second"
    bench.do(bench.runner.stop_trigger(second))
    assert bench.call("p").body == b"first"


def test_paths_are_compared_byte_for_byte(bench: Bench) -> None:
    bench.trigger("r", bench.plugin("r.py", "def process_request(*_): return 'x'"), "request:a%20b/c")
    assert bench.call("a%20b/c").body == b"x"
    for path in ("a b/c", "a%20b/c/", "a%20b", "A%20b/c"):
        assert bench.begin_call(path).result(5) is None


def test_a_trigger_whose_plugin_is_missing_is_not_started_and_says_so(bench: Bench) -> None:
    bench.trigger("r", "missing.py", "request:r")
    assert bench.begin_call().result(5) is None
    expected = f"error starting trigger: reading plugin file: Plugin not found: {bench.plugins}/missing.py"
    assert bench.rows() == [("ERROR", expected)]


def test_a_body_of_many_megabytes_makes_the_round_trip(bench: Bench) -> None:
    bench.request_plugin("return b.decode() * 2")
    body = b"x" * 8_000_000
    assert bench.call(body=body).body == body * 2


def test_it_also_runs_on_the_event_loop_of_the_standard_library(tmp_path: Path, environment_location: Path) -> None:
    bench = Bench(tmp_path, environment_location, new_event_loop=asyncio.new_event_loop)
    try:
        bench.request_plugin("print('hello')\nreturn influxdb3_local.query('SELECT 1')")
        bench.backend.answers["SELECT 1"] = [{"a": 1}]
        assert json.loads(bench.call().body) == [{"a": 1}]
    finally:
        bench.close()
