"""Files that a program reads: links, patterns of what is left out, encodings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from influxdb3_engine_resources.properties import as_utf8
from pulumi_influxdb3_engine._sources import SourceError, read_directory, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n\x00"


def tree(root: Path, *files: str) -> Path:
    for name in files:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(PNG if name.endswith(".png") else b"x = 1\n")
    return root


def read(root: Path, *exclude: str) -> list[str]:
    return list(read_directory("a test", root, exclude))


def refused(root: Path, *exclude: str) -> str:
    with pytest.raises(SourceError) as told:
        read(root, *exclude)
    return str(told.value)


def test_links_to_files_and_directories_are_followed(tmp_path: Path) -> None:
    tree(tmp_path, "shared/util.py", "shared/deep/more.py", "pkg/__init__.py")
    (tmp_path / "pkg/code").symlink_to("../shared")
    (tmp_path / "pkg/again").symlink_to(tmp_path / "shared")  # twice the same directory is no loop
    (tmp_path / "pkg/one.py").symlink_to("../shared/util.py")
    (tmp_path / "pkg/chain").symlink_to("code/deep")
    (tmp_path / "link").symlink_to("pkg")

    expected = [
        "__init__.py",
        "again/deep/more.py",
        "again/util.py",
        "chain/more.py",
        "code/deep/more.py",
        "code/util.py",
        "one.py",
    ]
    assert read(tmp_path / "pkg") == expected
    assert read(tmp_path / "link") == expected


@pytest.mark.parametrize(
    ("links", "named"),
    [
        ({"pkg/self": "."}, "pkg/self"),
        ({"pkg/sub/up": ".."}, "pkg/sub/up"),
        ({"pkg/root": "/"}, "pkg/root"),
        ({"pkg/sub/other": "../../other", "other/back": "../pkg"}, "pkg/sub/other/back"),
        ({"pkg/outside": "../other", "other/loop": "."}, "pkg/outside/loop"),
    ],
)
def test_a_link_that_never_ends_is_named_and_can_be_excluded(tmp_path: Path, links: dict[str, str], named: str) -> None:
    tree(tmp_path, "pkg/__init__.py", "pkg/sub/a.py", "other/b.py")
    for link, target in links.items():
        (tmp_path / link).symlink_to(target)

    told = refused(tmp_path / "pkg")

    assert f"{tmp_path / named} is a link to " in told
    assert "which contains the link" in told
    pattern = f"/{named.removeprefix('pkg/')}"
    assert f"exclude=['{pattern}']" in told
    assert "__init__.py" in read(tmp_path / "pkg", pattern)


@pytest.mark.parametrize("target", ["nowhere.py", "dangling"])
def test_a_link_that_leads_to_no_file_is_named_and_can_be_excluded(tmp_path: Path, target: str) -> None:
    tree(tmp_path, "__init__.py")
    (tmp_path / "dangling").symlink_to(target)  # to itself, too

    assert f"{tmp_path}/dangling is a link to {target}, which does not exist" in refused(tmp_path)
    assert read(tmp_path, "dangling") == ["__init__.py"]


def test_what_no_plugin_consists_of_is_left_out(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "__init__.py",
        "env/kept.py",
        "sub/build.py",
        *(".git/config", ".venv/lib/a.py", ".mypy_cache/x.json", ".DS_Store", ".idea/a.xml", "sub/.tox/a.py"),
        *("__pycache__/a.pyc", "sub/__pycache__/a.py", "a.pyc", "venv/lib/bad.py", "sub/venv/a.py"),
        *("node_modules/a.js", "a.egg-info/PKG-INFO", "kept.py~", "Thumbs.db"),
        *("myenv/lib/a.py", "myenv/pyvenv.cfg"),
    )

    assert read(tmp_path) == ["__init__.py", "env/kept.py", "sub/build.py"]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        (["*.txt"], ["__init__.py", "data/rules.json"]),
        (["*.txt", "!keep.txt"], ["__init__.py", "data/keep.txt", "data/rules.json", "keep.txt"]),
        (["/keep.txt"], ["__init__.py", "data/keep.txt", "data/rules.json", "notes.txt"]),
        (["data/"], ["__init__.py", "keep.txt", "notes.txt"]),
        (["data/*.txt"], ["__init__.py", "data/rules.json", "keep.txt", "notes.txt"]),
        (["**/rules.json", "# a comment", ""], ["__init__.py", "data/keep.txt", "keep.txt", "notes.txt"]),
        (["data/", "!data/keep.txt"], ["__init__.py", "keep.txt", "notes.txt"]),  # as git: the directory is gone
        (
            ["!.env", "!venv/", "!myenv/", "*.txt", "data"],
            [".env", "__init__.py", "myenv/pyvenv.cfg", "venv/a.py"],
        ),
    ],
)
def test_patterns_are_those_of_gitignore(tmp_path: Path, exclude: Sequence[str], left: list[str]) -> None:
    tree(tmp_path, "__init__.py", "keep.txt", "notes.txt", "data/keep.txt", "data/rules.json")
    tree(tmp_path, ".env", "venv/a.py", "myenv/pyvenv.cfg")

    assert read(tmp_path, *exclude) == left


def test_files_that_are_not_text_are_answered_with_the_line_to_paste(tmp_path: Path) -> None:
    tree(tmp_path, "__init__.py", "logo.png", "img/[1].png", "notes.txt")
    told = refused(tmp_path, "*.txt")
    pasted = ["*.txt", "/img/\\[1\\].png", "/logo.png"]

    assert f"{tmp_path}/img/[1].png is not UTF-8 text; the API takes no other text" in told
    assert told.endswith(f"write exclude={pasted!r}")
    assert read(tmp_path, *pasted) == ["__init__.py"]


def test_a_pattern_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "exclude: Invalid git pattern" in refused(tree(tmp_path, "__init__.py"), "!")


ACCENT = "NAME = 'é'\n"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"\xef\xbb\xbf" + ACCENT.encode(), ACCENT),
        (b"\xef\xbb\xbf# coding: utf-8\n" + ACCENT.encode(), "# coding: utf-8\n" + ACCENT),
        (("# -*- coding: latin-1 -*-\n" + ACCENT).encode("latin-1"), "# -*- coding: utf-8 -*-\n" + ACCENT),
        (("#!/bin/python\n# vim: set fileencoding=cp1252 :\n" + ACCENT).encode("cp1252"),
         "#!/bin/python\n# vim: set fileencoding=utf-8 :\n" + ACCENT),
        (("\n# coding=iso-8859-15\n" + "E = '€'\n").encode("iso-8859-15"), "\n# coding=utf-8\nE = '€'\n"),
        (("x = 1\n# coding: latin-1\n" + ACCENT).encode(), "x = 1\n# coding: latin-1\n" + ACCENT),
        (b"x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
        (b"", ""),
    ],
)  # fmt: skip
def test_python_files_are_read_as_python_reads_them(tmp_path: Path, written: bytes, text: str) -> None:
    file = tmp_path / "p.py"
    file.write_bytes(written)

    assert read_file("a test", file) == text
    assert read_directory("a test", tmp_path) == {"p.py": text}
    # what is stored as UTF-8 means to Python what the file means
    names: list[dict[str, object]] = [{}, {}]
    exec(compile(written, "p.py", "exec"), names[0])
    exec(compile(text.encode(), "p.py", "exec"), names[1])
    assert names[0].get("NAME") == names[1].get("NAME")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"x = '\xe9'\n", "p.py is not"),
        (b"# coding: ascii\nx = '\xe9'\n", "p.py is not ASCII text; the file declares this encoding"),
        (b"# coding: no-such\n", "p.py is not text that Python reads: unknown encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "p.py is not text that Python reads"),
        (ACCENT.encode("utf-16"), "p.py is not"),
    ],
)
def test_a_python_file_that_python_cannot_read_is_refused(tmp_path: Path, written: bytes, told: str) -> None:
    (tmp_path / "p.py").write_bytes(written)

    assert told in refused(tmp_path)
    assert "exclude=['/p.py']" in refused(tmp_path)


def test_other_files_are_sent_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_bytes(b"\xef\xbb\xbf{}")
    (tmp_path / "notes.txt").write_bytes("# coding: latin-1\né".encode())

    assert read_directory("a test", tmp_path) == {"notes.txt": "# coding: latin-1\né", "rules.json": "\ufeff{}"}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("\ufeffx = 1", "x = 1"),
        ("# coding: latin-1\nx = 'é'", "# coding: utf-8\nx = 'é'"),
        ("# coding: no-such\nx = 1", "# coding: utf-8\nx = 1"),
        ("x = 1  # coding: latin-1", "x = 1  # coding: latin-1"),
        ("x = '\ufeff'", "x = '\ufeff'"),
    ],
)
def test_a_text_of_the_program_means_the_same_once_it_is_utf8(source: str, text: str) -> None:
    assert as_utf8(source) == text
