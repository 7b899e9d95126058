"""Requirements files as pip reads them, as far as verifying an installation needs it."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from influxdb3_engine_resources.packages.requirements import (
    RequirementsError,
    applicable,
    parse_locations,
    parse_package,
    parse_requirements,
    unmet,
)

LINUX = {"sys_platform": "linux", "python_version": "3.13", "python_full_version": "3.13.1", "os_name": "posix"}


@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("", []),
        ("psutil\n\n  \n", ["psutil"]),
        ("psutil>=5.9,<8", ["psutil>=5.9,<8"]),
        ("pandas[excel,sql]==2.2.3", ["pandas[excel,sql]==2.2.3"]),
        ('pywin32>=300 ; sys_platform == "win32"', ['pywin32>=300; sys_platform == "win32"']),
        ("# all of it\npsutil # why\n  # no", ["psutil"]),
        ("psutil\r\nrequests\r\n", ["psutil", "requests"]),
        ("psutil==7.0.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nrequests", ["psutil==7.0.0", "requests"]),
        ("psutil \\\n>=5", ["psutil>=5"]),
        ("psutil \\", ["psutil"]),
        ("# a comment goes on nowhere \\\npsutil", ["psutil"]),
        ("psutil \\\n# comment\nrequests", ["psutil", "requests"]),
        ('psutil; python_version > "3" --hash=sha256:aa', ['psutil; python_version > "3"']),
        ("psutil --config-settings x=y", ["psutil"]),
        ("--index-url https://index.example/simple\n-r other.txt\n-c limits.txt\n-e .\n--pre\npsutil", ["psutil"]),
        ("./wheels/a-1.0-py3-none-any.whl", []),
        ("wheels/a-1.0-py3-none-any.whl --hash=sha256:aa", []),
        ("/wheels/a-1.0.tar.gz", []),
        ("a-1.0-py3-none-any.whl ; python_version > '3'", []),
        (".[extra]", []),
        ("https://files.example/a-1.0-py3-none-any.whl#sha256=aa", []),
        ("git+https://git.example/a.git@main#egg=a", []),
        ("file:///wheels/a.whl", []),
        ("a @ https://files.example/a-1.0-py3-none-any.whl", ["a @ https://files.example/a-1.0-py3-none-any.whl"]),
        ("a@https://files.example/a.zip#sha256=aa # why", ["a @ https://files.example/a.zip#sha256=aa"]),
        ("a[x] @ git+https://git.example/a.git@v1#subdirectory=b", ["a[x] @ git+https://git.example/a.git@v1#subdirectory=b"]),
    ],
)  # fmt: skip
def test_lines_that_name_a_distribution_are_read(text: str, requirements: list[str]) -> None:
    assert parse_requirements(text) == [Requirement(each) for each in requirements]


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("./wheels/My_Pkg-1.2-py3-none-any.whl", "my-pkg==1.2"),
        ("a-1.0-py3-none-any.whl --hash=sha256:aa", "a==1.0"),
        ("/wheels/a-1.0-py3-none-any.whl[x,y] ; python_version > '3'", "a[x,y]==1.0; python_version > '3'"),
        ("https://u:${PASSWORD}@files.example/a-1.0%2Bcpu-py3-none-any.whl#sha256=aa # why", "a==1.0+cpu"),
    ],
)
def test_a_wheel_in_a_requirements_file_is_a_requirement(line: str, requirement: str) -> None:
    assert parse_locations(f"b\n{line}\n") == ([Requirement(requirement)], [])


@pytest.mark.parametrize(
    "line",
    ["/srv/a-1.0.tar.gz", "git+https://git.example/a.git@main#egg=a", ".[extra]", "a.whl", "-e .", "-r more.txt"],
)
def test_a_line_that_installs_an_unknown_package_is_numbered(line: str) -> None:
    assert parse_locations(f"b\n\n{line}\n--index-url=https://index.example/a\n") == ([], [3])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("psutil\nnot a requirement", 2),
        ("psutil \\\n  >=5\npsutil==", 3),
        ("a \\\n b\nc", 1),
        ("psutil; python = '3'", 1),
        ("psutil >= 5 requests", 1),
    ],
)
def test_an_invalid_line_is_named(text: str, line: int) -> None:
    with pytest.raises(RequirementsError, match=rf"^line {line}: write a requirement specifier"):
        parse_requirements(text)


@pytest.mark.parametrize("text", ["", "a b", "==1", "--pre", "-r requirements.txt", "a=1"])
def test_a_package_is_one_requirement_specifier(text: str) -> None:
    with pytest.raises(RequirementsError, match="write a requirement specifier such as"):
        parse_package(text)


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("/srv/wheels/My_Pkg-1.2-py3-none-any.whl", "my-pkg==1.2"),
        ("https://u:p@files.example/my_pkg-1.2+cpu-cp311-cp311-linux_x86_64.whl?x=1#sha256=ab", "my-pkg==1.2+cpu"),
        ("file:///srv/my_pkg-1.2%2Bcpu-py3-none-any.whl", "my-pkg==1.2+cpu"),
        ("/srv/my_pkg-1.2-py3-none-any.whl[extra]", "my-pkg[extra]==1.2"),
        ("/srv/my_pkg-1.2.tar.gz", "my-pkg==1.2"),
    ],
)
def test_a_package_may_be_an_archive_that_the_server_can_reach(text: str, requirement: str) -> None:
    assert parse_package(text) == Requirement(requirement)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("./a-1-py3-none-any.whl", "write an absolute path on the server"),
        ("wheels/a-1-py3-none-any.whl", "write an absolute path on the server"),
        ("https://user:secret@files.example/latest", "write 'NAME @ URL'"),
        ("/srv/broken.whl", "write 'NAME @ URL'"),
    ],
)
def test_an_archive_that_cannot_be_verified_is_refused_without_repeating_it(text: str, message: str) -> None:
    with pytest.raises(RequirementsError, match=message) as refused:
        parse_package(text)
    assert "secret" not in str(refused.value)


def test_a_marker_is_judged_by_the_servers_environment() -> None:
    requirements = parse_requirements('a; sys_platform == "win32"\nb; python_version >= "3.13"\nc; extra == "x"\nd')

    assert [requirement.name for requirement in applicable(requirements, LINUX)] == ["b", "d"]


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("a", "1.0"),
        ("a>=1", "1.0"),
        ("a==1.*", "1.4.2"),
        ("a~=1.4", "1.9"),
        ("a>=1", "2.0rc1"),
        ("a==1.0", "1.0+local"),
        ("a @ https://files.example/a.whl", "9"),
        ("a[x]", "1"),
    ],
)
def test_an_installed_version_meets_its_requirement(requirement: str, version: str) -> None:
    assert unmet(Requirement(requirement), {"a": version}) is None


def test_a_missing_package_and_another_version_are_named() -> None:
    assert unmet(Requirement("A.b>=2"), {"a-b": None}) == "A.b is not installed"
    assert unmet(Requirement("A.b>=2"), {"a-b": "1.9"}) == "A.b is installed in version 1.9, not >=2"
    assert unmet(Requirement("A.b>=2"), {"a-b": "a-broken-version"}) is not None
    wheel = Requirement("a @ https://files.example/a-2.0-py3-none-any.whl")
    assert unmet(wheel, {"a": "1.0"}) == "a is installed in version 1.0, not 2.0"
    assert unmet(wheel, {"a": "2.0.0"}) is None
