"""Plugin files and directories through the real CLI."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stack import Stack

    from influxdb3_embedded.testing import RunningEngine

REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {answer!r}\n"


def trigger(db: str, plugin: str) -> str:
    return f"""
        Trigger("t", db="{db}", plugin_filename={plugin}.plugin_filename, trigger_specification=request("{db}"))
    """


def file_program(db: str, answer: str) -> str:
    return f"""
        plugin = PluginFile("{db}.py", content={REQUEST.format(answer=answer)!r})
    """ + trigger(db, "plugin")


def directory_program(db: str, answer: str, more: str = "") -> str:
    files = {
        "__init__.py": "from .words import WORD\n" + REQUEST.format(answer="").replace("''", "WORD"),
        "words.py": f"WORD = {answer!r}\n",
    }
    return f"""
        plugin = PluginDirectory("{db}", files={files!r}, {more})
    """ + trigger(db, "plugin")


def answer(engine: RunningEngine, db: str) -> str:
    return engine.client.call_request_trigger(db).text


def test_changed_code_of_a_file_shows_in_the_preview_and_runs_at_the_next_call(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(file_program(db, "one"))
    stack.up()
    assert answer(engine, db) == "one"
    stack.program(file_program(db, "two"))
    shown = stack.preview("--diff").output
    assert "-     return 'one'" in shown or "'one'" in shown
    assert "Trigger: (" not in shown
    assert stack.up().changes() == "~ 1 updated"
    assert answer(engine, db) == "two"


def test_changed_code_of_a_directory_swaps_its_trigger_to_a_new_directory(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(directory_program(db, "one"))
    stack.up()
    assert answer(engine, db) == "one"
    before = stack.resources()["t"]["outputs"]["plugin_filename"]
    stack.program(directory_program(db, "two"))
    preview = stack.preview("--diff")
    assert preview.changes() == "~ 2 to update"
    assert "WORD" in preview.output
    stack.up()
    after = stack.resources()["t"]["outputs"]["plugin_filename"]
    assert f'"{before}" => "{after}"' in preview.output
    assert answer(engine, db) == "two"
    stack.program(directory_program(db, "one"))
    stack.up()
    assert answer(engine, db) == "one"


def test_an_in_place_directory_is_replaced_through_its_trigger(stack: Stack, engine: RunningEngine, db: str) -> None:
    in_place = 'in_place=True, trigger_name="t"'
    stack.program(directory_program(db, "one", in_place))
    stack.up()
    stack.program(directory_program(db, "two", in_place))
    assert stack.up().changes() == "~ 1 updated"
    assert answer(engine, db) == "two"


def test_code_changed_by_hand_shows_in_refresh_and_is_corrected_by_the_next_up(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(file_program(db, "declared"))
    stack.up()
    engine.client.create_plugin_file(f"{db}.py", REQUEST.format(answer="by hand"))
    assert stack.refresh().changes() == "~ 1 updated"
    assert "by hand" in stack.preview("--diff").output
    stack.up()
    assert answer(engine, db) == "declared"


@pytest.mark.parametrize("in_place", ["", 'in_place=True, trigger_name="t"'])
def test_code_added_by_hand_to_a_directory_shows_in_refresh_and_is_removed_by_the_next_up(
    stack: Stack, engine: RunningEngine, db: str, in_place: str
) -> None:
    stack.program(directory_program(db, "declared", in_place))
    stack.up()
    (directory,) = engine.plugin_dir.glob(f"{db}*")
    (directory / "words.py").write_text("from .more import WORD\n")
    (directory / "more.py").write_text("WORD = 'by hand'\n")
    (directory / "state.json").write_text("{}")  # the plugin itself may have written it
    assert stack.refresh().changes() == "~ 1 updated"
    shown = stack.preview("--diff").output
    assert "by hand" in shown
    assert "state.json" not in shown
    stack.up()
    assert answer(engine, db) == "declared"
    assert not (directory / "more.py").exists()
    assert stack.up("--refresh").changes() == ""


def test_an_existing_file_is_an_error_unless_it_is_adopted(stack: Stack, engine: RunningEngine, db: str) -> None:
    engine.client.create_plugin_file(f"{db}.py", REQUEST.format(answer="theirs"))
    program = file_program(db, "ours")
    stack.program(program)
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert f"plugin file '{db}.py' exists already and differs" in ran.output
    assert (engine.plugin_dir / f"{db}.py").read_text() == REQUEST.format(answer="theirs")

    stack.program(program.replace("content=", "adopt=True, content="))
    shown = stack.preview().output
    assert "will be adopted: 1 of its 2 lines are removed, 1 lines are added" in shown
    assert "theirs" not in shown  # the existing content may be secret
    stack.up()
    assert answer(engine, db) == "ours"


def test_destroy_shows_one_notice_for_each_file_that_stays(stack: Stack, db: str) -> None:
    stack.program(file_program(db, "one"))
    stack.up()
    _, _, diagnostics = stack.destroy().output.partition("Diagnostics:")
    assert diagnostics.count("stays on the server") == 1


def test_a_directory_with_links_images_and_a_byte_order_mark_is_deployed(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    package = stack.directory / "pkg"
    for name, content in {
        "pkg/__init__.py": "\ufefffrom .code.words import WORD\n" + REQUEST.format(answer="").replace("''", "WORD"),
        "shared/words.py": "# coding: latin-1\nWORD = 'déployé'\n",
        "pkg/venv/lib/bad.py": "def (",
    }.items():
        file = stack.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "latin-1" if "latin" in content else "utf-8")
    (package / "code").symlink_to("../shared")
    (package / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    program = f'plugin = PluginDirectory("{db}", source="pkg")\n' + dedent(trigger(db, "plugin"))
    stack.program(program)
    refused = stack.preview(expect=None)
    assert refused.status != 0
    assert "write exclude=['/logo.png']" in refused.output
    assert "Traceback" not in refused.output
    stack.program(program.replace('source="pkg"', "source='pkg', exclude=['/logo.png']"))
    stack.up()
    assert answer(engine, db) == "déployé"
    assert sorted(stack.resources()[db]["inputs"]["files"]) == ["./__init__.py", "./code/words.py"]
    assert stack.up("--refresh").changes() == ""


def test_content_with_a_byte_order_mark_runs(stack: Stack, engine: RunningEngine, db: str) -> None:
    (stack.directory / "one.py").write_text("\ufeff" + REQUEST.format(answer="file"), "utf-8")
    stack.program(f'plugin = PluginFile("{db}.py", source="one.py")\n' + dedent(trigger(db, "plugin")))
    stack.up()
    assert answer(engine, db) == "file"
    text = "\ufeff# coding: latin-1\n" + REQUEST.format(answer="é")
    stack.program(f'plugin = PluginFile("{db}.py", content={text!r})\n' + dedent(trigger(db, "plugin")))
    stack.up()
    assert answer(engine, db) == "é"


@pytest.mark.parametrize("exclude", ["'*.png'", "[5]", "['*.png']"])
def test_exclude_without_source_or_of_the_wrong_type_is_an_error(unreachable_stack: Stack, exclude: str) -> None:
    unreachable_stack.program(f'PluginDirectory("d", files={{"__init__.py": ""}}, exclude={exclude})')
    ran = unreachable_stack.preview(expect=None)
    assert ran.status != 0
    assert "PluginDirectory 'd': exclude is a list" in ran.output
    assert "Traceback" not in ran.output
