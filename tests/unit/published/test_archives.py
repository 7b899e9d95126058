"""Archives of published plugins: what is read, and every trick that is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from influxdb3_engine_resources.published import archive
from influxdb3_engine_resources.published.archive import unpack, verify
from influxdb3_engine_resources.published.errors import PublishedError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = "rollup-1.0.0"
SETTINGS: dict[str, dict[str, Any]] = {
    "link": {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
    "hard link": {"type": tarfile.LNKTYPE, "linkname": f"{ROOT}/plugin.py"},
    "character device": {"type": tarfile.CHRTYPE},
    "block device": {"type": tarfile.BLKTYPE},
    "pipe": {"type": tarfile.FIFOTYPE},
    "sparse file": {"type": tarfile.GNUTYPE_SPARSE},
    "unknown kind": {"type": b"Z"},
}


def tar(*members: tuple[str, bytes] | tarfile.TarInfo, form: int = tarfile.USTAR_FORMAT) -> bytes:
    """A gzipped archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=form) as opened:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                opened.addfile(member)
                continue
            name, content = member
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def special(kind: str, name: str = f"{ROOT}/extra.py") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for attribute, value in SETTINGS[kind].items():
        setattr(info, attribute, value)
    return info


PLUGIN = (f"{ROOT}/plugin.py", b"def process_writes(a, b, c=None): ...\n")


def test_the_files_of_an_archive_are_read_by_path() -> None:
    directory = tarfile.TarInfo(f"{ROOT}/lib")
    directory.type = tarfile.DIRTYPE
    data = tar(PLUGIN, directory, (f"{ROOT}/lib/a.txt", "ä".encode()), (f"{ROOT}/logo.png", b"\x89PNG\xff"))

    assert unpack(data, "the archive", root=ROOT) == {
        "plugin.py": PLUGIN[1],
        "lib/a.txt": "ä".encode(),
        "logo.png": b"\x89PNG\xff",
    }


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_paths_of_every_format_are_read(form: int) -> None:
    path = "a" * 80 + "/" + "b" * 80 + ".py"

    assert unpack(tar((f"{ROOT}/{path}", b""), form=form), "the archive", root=ROOT) == {path: b""}


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "plugin.py",
        "../plugin.py",
        f"{ROOT}/../plugin.py",
        f"{ROOT}/lib/../../plugin.py",
        f"{ROOT}/./plugin.py",
        f"{ROOT}//plugin.py",
        f"./{ROOT}/plugin.py",
        "rollup-1.0.1/plugin.py",
        f"{ROOT}x/plugin.py",
        f"{ROOT}\\plugin.py",
        f"{ROOT}/C:plugin.py",
        f"{ROOT}/plug\nin.py",
        f"{ROOT}/\x1b[31m.py",
        f"{ROOT}/\u202eyp.py",
        ROOT,
        f"{ROOT}/" + "a" * 300,
    ],
)
def test_a_path_outside_the_directory_is_refused(name: str) -> None:
    with pytest.raises(PublishedError, match="the archive") as refused:
        unpack(tar(PLUGIN, (name, b"x"), form=tarfile.PAX_FORMAT), "the archive", root=ROOT)

    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("kind", SETTINGS)
def test_what_is_no_regular_file_is_refused(kind: str) -> None:
    with pytest.raises(PublishedError, match=r"regular file|is not a tar"):
        unpack(tar(PLUGIN, special(kind)), "the archive", root=ROOT)


@pytest.mark.parametrize("name", [f"{ROOT}/plugin.py", f"{ROOT}/PLUGIN.py"])
def test_a_file_that_is_there_twice_is_refused(name: str) -> None:
    with pytest.raises(PublishedError, match="twice"):
        unpack(tar(PLUGIN, (name, b"")), "the archive", root=ROOT)


def test_a_file_below_a_file_is_refused() -> None:
    with pytest.raises(PublishedError, match="below a file"):
        unpack(tar(PLUGIN, (f"{ROOT}/plugin.py/a.py", b"")), "the archive", root=ROOT)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    data = gzip.compress(bytes(archive.LARGEST_CONTENT + 1), 9)

    with pytest.raises(PublishedError, match="unpacks to more than"):
        unpack(data, "the archive", root=ROOT)


def test_too_many_members_are_refused() -> None:
    with pytest.raises(PublishedError, match="more than"):
        unpack(
            tar(*((f"{ROOT}/{number}.py", b"") for number in range(archive.MOST_FILES + 1))), "the archive", root=ROOT
        )


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: data[:-9],
        lambda data: data + b"more",
        lambda data: data + data,
        lambda data: b"not gzip" + data,
        lambda data: gzip.compress(b"not a tar archive" * 100),
        lambda data: gzip.compress(gzip.decompress(data)[:700]),
        lambda _data: b"",
    ],
)
def test_what_is_no_archive_is_refused(broken: Callable[[bytes], bytes]) -> None:
    with pytest.raises(PublishedError, match="the archive"):
        unpack(broken(tar(PLUGIN)), "the archive", root=ROOT)


def test_a_wrong_hash_is_refused_and_both_are_shown() -> None:
    expected = hashlib.sha256(b"other").hexdigest()

    with pytest.raises(PublishedError) as refused:
        verify(b"data", expected, "the archive")

    assert expected in str(refused.value)
    assert hashlib.sha256(b"data").hexdigest() in str(refused.value)


@given(st.data())
def test_damaged_archives_are_refused_or_read_within_the_directory(data: st.DataObject) -> None:
    whole = bytearray(gzip.decompress(tar(PLUGIN, (f"{ROOT}/lib/a.txt", b"text" * 200))))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        files = unpack(gzip.compress(bytes(whole)), "the archive", root=ROOT)
    except PublishedError:
        return
    assert all(not path.startswith("/") and ".." not in path.split("/") for path in files)


def zipped(*members: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return buffer.getvalue()


def test_a_zip_archive_is_read_the_same_way() -> None:
    assert unpack(zipped(PLUGIN, ("lib/", b"")), "the archive") == {f"{ROOT}/plugin.py": PLUGIN[1]}


def test_links_in_a_zip_archive_are_refused() -> None:
    link = zipfile.ZipInfo("link.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16

    with pytest.raises(PublishedError, match="regular file"):
        unpack(zipped((link, b"/etc/passwd")), "the archive")


@pytest.mark.parametrize("name", ["../plugin.py", "/plugin.py", "lib/../../plugin.py", "C:plugin.py"])
def test_paths_in_a_zip_archive_stay_inside(name: str) -> None:
    with pytest.raises(PublishedError, match="is not the path of a file"):
        unpack(zipped((name, b"")), "the archive")


def test_a_zip_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_CONTENT", 1_000)

    with pytest.raises(PublishedError, match="unpacks to more than"):
        unpack(zipped(("a.py", bytes(600)), ("b.py", bytes(600))), "the archive")
