"""What a preview can tell from a plugin's source, without running it."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influxdb3_engine_api import PluginType
from influxdb3_engine_resources.plugins.source import (
    ENTRY_POINTS,
    KnownSources,
    PluginSourceError,
    parse_directory,
    parse_file,
)

SCHEDULE = "def process_scheduled_call(influxdb3_local, call_time, args=None)"
ENTRY = "def process_scheduled_call(a, b, c=None): pass\n"


def problem(source: str, plugin_type: PluginType = PluginType.SCHEDULE) -> str | None:
    return parse_file("p.py", dedent(source)).problem(plugin_type)


@pytest.mark.parametrize("plugin_type", PluginType)
def test_a_plugin_with_the_function_of_its_kind_can_be_called(plugin_type: PluginType) -> None:
    name, parameters = ENTRY_POINTS[plugin_type]

    assert problem(f"def {name}({', '.join(parameters)}):\n    pass\n", plugin_type) is None


@pytest.mark.parametrize(
    "source",
    [
        "def process_scheduled_call(a, b, c): pass",
        "def process_scheduled_call(a, b, c, d=1): pass",
        "def process_scheduled_call(a, b, /, c): pass",
        "def process_scheduled_call(*args): pass",
        "def process_scheduled_call(a, *args): pass",
        "def process_scheduled_call(a, b, c=None, *, verbose=False): pass",
        "def process_scheduled_call(a, b, c=None, **options): pass",
        "import other as process_scheduled_call",
        "from other import process_scheduled_call",
        "from other import run as process_scheduled_call",
        "from other import *",
        "process_scheduled_call = lambda a, b, c: None",
        "process_scheduled_call: object = print",
        "first = process_scheduled_call = print",
        "process_scheduled_call, other = print, print",
        "if (process_scheduled_call := print): pass",
        "with open('x') as process_scheduled_call: pass",
        "for process_scheduled_call in [print]: pass",
        "match print:\n    case process_scheduled_call: pass",
        "class process_scheduled_call: pass",
        "globals()['process_scheduled_call'] = print",
        "exec('def process_scheduled_call(a, b, c): pass')",
        "def define():\n    global process_scheduled_call\n    process_scheduled_call = print\ndefine()",
        "def define():\n    globals()['process_scheduled_call'] = print\ndefine()",
    ],
)
def test_a_name_that_is_bound_in_any_way_counts(source: str) -> None:
    assert problem(source) is None


@pytest.mark.parametrize(
    "source",
    [
        """
        try:
            from fast import process_scheduled_call
        except ImportError:
            def process_scheduled_call(a, b, c): pass
        """,
        """
        import sys
        if sys.platform == "win32":
            pass
        elif sys.version_info > (3,):
            def process_scheduled_call(a, b, c): pass
        """,
        """
        try:
            pass
        finally:
            def process_scheduled_call(a, b, c): pass
        """,
    ],
)
def test_a_function_may_be_defined_below_a_condition(source: str) -> None:
    assert problem(source) is None


@pytest.mark.parametrize(
    "source",
    [
        "",
        "process_scheduled_call",
        "def other(a, b, c): pass",
        "def other():\n    def process_scheduled_call(a, b, c): pass",
        "class Plugin:\n    def process_scheduled_call(self, a, b, c): pass",
        "def other():\n    process_scheduled_call = 1",
        "# def process_scheduled_call(a, b, c): pass",
    ],
)
def test_a_plugin_that_does_not_bind_the_name_is_refused_with_what_to_write(source: str) -> None:
    assert problem(source) == (
        f"the plugin does not define process_scheduled_call, which this trigger calls: write '{SCHEDULE}'"
    )


def test_a_plugin_of_another_kind_is_refused() -> None:
    assert problem("def process_writes(a, b, c): pass") == (
        "the plugin does not define process_scheduled_call, which this trigger calls; it defines process_writes: "
        f"write '{SCHEDULE}'"
    )


@pytest.mark.parametrize(
    "parameters", ["", "a", "a, b", "a, b, c, d", "a, b, c, *, d", "a, b, *, c=None", "*, a, b, c", "**options"]
)
def test_a_function_that_does_not_take_three_positional_arguments_is_refused(parameters: str) -> None:
    assert problem(f"def process_scheduled_call({parameters}): pass") == (
        f"process_scheduled_call does not take the 3 arguments that the server passes: write '{SCHEDULE}'"
    )


def test_a_request_plugin_is_called_with_five_arguments() -> None:
    assert problem("def process_request(a, b, c, d, e=None): pass", PluginType.REQUEST) is None
    assert "does not take the 5 arguments" in str(problem("def process_request(a, b, c): pass", PluginType.REQUEST))


def test_an_async_function_is_refused() -> None:
    assert problem("async def process_scheduled_call(a, b, c): pass") == (
        f"process_scheduled_call is 'async def', and the server does not await it: write '{SCHEDULE}'"
    )


@pytest.mark.parametrize(
    "source",
    [
        "import tools\n@tools.retried\ndef process_scheduled_call(): pass",
        "import tools\n@tools.synchronous\nasync def process_scheduled_call(a, b, c): pass",
    ],
)
def test_a_decorated_function_may_take_other_arguments_than_it_is_written_with(source: str) -> None:
    assert problem(source) is None


BAD = "def process_scheduled_call(only): pass"
GOOD = "def process_scheduled_call(a, b, c): pass"


@pytest.mark.parametrize(
    "branches",
    [
        "if print:\n    {}\nelse:\n    {}",
        "if print:\n    {}\nelif len:\n    {}",
        "try:\n    {}\nexcept Exception:\n    {}",
        "try:\n    {}\nexcept* ValueError:\n    {}",
        "try:\n    import other\nexcept ImportError:\n    {}\nelse:\n    {}",
        "match 1:\n    case 1:\n        {}\n    case _:\n        {}",
        "for each in []:\n    {}\nelse:\n    {}",
        "while print:\n    {}\n    break\nelse:\n    {}",
        "with open('x'):\n    {}\n    {}",
        "if print:\n    if len:\n        {}\n    else:\n        {}",
        "{1}\nif print:\n    {0}",
        "{1}\nfrom other import *\nfor each in []:\n    {0}",
    ],
)
def test_a_function_that_several_branches_define_is_not_judged(branches: str) -> None:
    assert problem(branches.format(GOOD, BAD)) is None
    assert problem(branches.format(BAD, GOOD)) is None
    assert problem(branches.format(f"async {GOOD}", BAD)) is None


def test_an_unconditional_definition_after_the_branches_is_judged() -> None:
    assert problem(f"if print:\n    {GOOD}\n{BAD}") is not None
    assert problem(f"if print:\n    {BAD}\n{GOOD}") is None


@pytest.mark.parametrize(
    "after",
    ["from other import *", "try: pass\nexcept E as process_scheduled_call: pass", "process_scheduled_call = wrapped"],
)
def test_a_definition_that_may_be_replaced_later_is_not_judged(after: str) -> None:
    assert problem(f"{BAD}\n{after}") is None


def test_the_definition_that_stands_last_counts() -> None:
    good, bad = "def process_scheduled_call(a, b, c): pass\n", "def process_scheduled_call(): pass\n"

    assert problem(bad + good) is None
    assert problem(good + bad) is not None
    assert problem(f"{bad}from other import process_scheduled_call") is None
    assert problem(f"{bad}process_scheduled_call = print") is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ndef f(:\n    pass", r"^p\.py, line 2: invalid syntax"),
        ("def f():\npass", r"^p\.py, line 2: expected an indented block"),
        ("f(", r"^p\.py, line 1: '\(' was never closed"),
        ("x = '", r"^p\.py, line 1: unterminated string literal"),
        ("x\x00", r"^p\.py.*: source code string cannot contain null bytes"),
        ("(" * 1000 + ")" * 1000, r"^p\.py, line 1: too many nested parentheses"),
        ("-" * 100_000 + "1", r"^p\.py.*nested"),
    ],
)
def test_a_syntax_error_is_named_with_file_and_line(source: str, message: str) -> None:
    with pytest.raises(PluginSourceError, match=message):
        parse_file("p.py", source)


NEWER = [
    "type X = int",
    "type X[T] = list[T]",
    "def f[T](x: T) -> T: pass",
    "async def f[T: int](x): pass",
    "def f[T: (int, list[dict[str, int]]), *Ts, **P](x): pass",
    "def f[T = int](x): pass",
    "class A[T]: pass",
    "class A:\n    def f[T](self): pass\n    type Y = int\n",
    'f"{d["k"]}"',
    "f'{d['k']}'",
    'f"{d["a:b"]:>5}"',
    'x = f"{a["k"]!r:>5} {{}}" "b"',
    """f"{'\\n'.join(x)}\"""",
    'f"{x # why\n}"',
    'f"{\n x\n}"',
    'f"{f"{f"{1}"}"}"',
    'rf"{re.sub("a", "\\b", x)}"',
    'f"""{"\\n".join(x)}"""',
]


@pytest.mark.parametrize("source", NEWER)
def test_syntax_of_a_newer_python_is_answered_with_the_python_to_use(
    monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    told = []
    for version in [(3, 11, 7), (3, 13, 0), (3, 14, 0)]:
        with monkeypatch.context() as python:
            python.setattr("sys.version_info", version)
            try:
                parse_file("p.py", source)
            except PluginSourceError as error:  # of the Python that runs the tests
                told.append("InfluxDB has Python 3.13" in str(error))

    assert told in ([True, False, False], [])


@pytest.mark.parametrize(
    "source",
    [
        "f(",
        "x =",
        "x = 'a",
        'print "x"',
        "def f(:",
        "def f[](x): pass",
        "def f[T + 1](x): pass",
        "type X = ",
        "type X = int\nf(",
        'f"{"',
        'f"{}"',
        'f"{x!}"',
        'f"{a b}"',
        'f"{lambda x: 1}"',
        'f"{d["k]}"',
        'f"abc\nx"',
        'x = f"{a["k"]}" + f"{"',
        "x = '\ufeff' \ufeff",
        "x\u00a0= 1",
        "x\x00",
    ],
)
def test_invalid_syntax_is_not_taken_for_newer_syntax(source: str) -> None:
    with pytest.raises(PluginSourceError) as caught:
        parse_file("p.py", source)
    assert "newer syntax" not in str(caught.value)


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse_file("p.py", "\ufeff" + ENTRY).problem(PluginType.SCHEDULE) is None


def test_a_syntax_error_in_any_file_of_a_directory_is_named() -> None:
    with pytest.raises(PluginSourceError, match=r"^sub/b\.py, line 3: "):
        parse_directory({"__init__.py": ENTRY, "sub/b.py": "\n\nx ="})


def test_only_python_files_are_parsed() -> None:
    assert (
        parse_directory({"__init__.py": ENTRY, "rules.json": "{]", "README": "x ="}).problem(PluginType.SCHEDULE)
        is None
    )


@pytest.mark.parametrize("files", [{}, {"plugin.py": ENTRY}, {"sub/__init__.py": ENTRY}])
def test_a_directory_without_init_is_refused(files: dict[str, str]) -> None:
    with pytest.raises(PluginSourceError, match=r"there is no __init__\.py"):
        parse_directory(files)


def test_the_entry_point_of_a_directory_is_in_its_init() -> None:
    elsewhere = parse_directory({"__init__.py": "", "plugin.py": ENTRY})
    reexported = parse_directory({"__init__.py": "from .plugin import process_scheduled_call", "plugin.py": ENTRY})

    assert "does not define process_scheduled_call" in str(elsewhere.problem(PluginType.SCHEDULE))
    assert reexported.problem(PluginType.SCHEDULE) is None


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("__init__.py", "from .mod import f"),
        ("__init__.py", "from .sub.deep import f"),
        ("__init__.py", "from .sub import deep"),
        ("__init__.py", "from . import mod, sub"),
        ("__init__.py", "from . import mod as m"),
        ("__init__.py", "from .mod import *"),
        ("__init__.py", "from . import __name__"),
        ("mod.py", "from . import sub"),
        ("mod.py", "from . import VERSION"),
        ("mod.py", "from . import bound_by_import"),
        ("sub/deep.py", "from .. import mod"),
        ("sub/deep.py", "from ..mod import f"),
        ("sub/deep.py", "from .other import f"),
        ("sub/deep.py", "from . import other"),
        ("sub/__init__.py", "from .deep import f"),
        ("sub/__init__.py", "from ..mod import f"),
        ("sub/deep.py", "def f():\n    from ..mod import f"),
        ("mod.py", "try:\n    from .speedups import f\nexcept ImportError:\n    f = None"),
        ("mod.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .types import T"),
        ("mod.py", "import typing\nif typing.TYPE_CHECKING:\n    from .types import T"),
        ("mod.py", "import no_such_package"),
    ],
)
def test_imports_that_may_resolve_are_accepted(name: str, statement: str) -> None:
    files = {
        "__init__.py": "VERSION = 1\nimport json as bound_by_import\n",
        "mod.py": "",
        "sub/__init__.py": "",
        "sub/deep.py": "",
        "sub/other.py": "",
    }

    parse_directory(files | {name: files[name] + statement})


@pytest.mark.parametrize(
    ("name", "statement", "message"),
    [
        ("__init__.py", "from .no import f", "__init__.py, line 2: there is no module '.no'"),
        ("__init__.py", "from .sub.no import f", "there is no module '.sub.no'"),
        ("__init__.py", "from . import no", "there is no module '.no' in the plugin directory, and its package"),
        ("mod.py", "from . import mod, no", "mod.py, line 2: there is no module '.no'"),
        ("sub/deep.py", "from .mod import f", "sub/deep.py, line 2: there is no module '.mod'"),
        ("sub/deep.py", "from .. import no", "there is no module '..no'"),
        ("sub/deep.py", "from ...mod import f", "the relative import leaves the plugin directory"),
        ("mod.py", "from .. import mod", "the relative import leaves the plugin directory"),
        ("mod.py", "def f():\n    from .no import f", "mod.py, line 3: there is no module '.no'"),
        ("mod.py", "try:\n    pass\nexcept ImportError:\n    from .no import f", "there is no module '.no'"),
        ("mod.py", "try:\n    from .no import f\nfinally:\n    pass", "there is no module '.no'"),
        ("bare/mod.py", "from . import no", "there is no module '.no'"),
    ],
)
def test_a_relative_import_of_a_missing_module_is_refused(name: str, statement: str, message: str) -> None:
    files = {"__init__.py": "", "mod.py": "", "sub/__init__.py": "", "sub/deep.py": "", "bare/mod.py": ""}

    with pytest.raises(PluginSourceError) as told:
        parse_directory(files | {name: f"\n{statement}"})
    assert message in str(told.value)


@settings(deadline=None)  # an example that takes long on a busy machine is no failure
@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        source = parse_file("p.py", text)
    except PluginSourceError:
        return
    for plugin_type in PluginType:
        source.problem(plugin_type)


def test_what_a_program_declares_is_found_by_the_name_that_triggers_use() -> None:
    known = KnownSources()
    source = parse_file("p.py", ENTRY)
    known.declare("alerts", source)

    assert known.find("alerts") is known.find("alerts/") is source
    assert known.find("other") is None
