"""Whether package sets of one engine can be installed together, judged without asking anybody for versions."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from influxdb3_engine_resources.packages.declared import DeclaredPackages

TOGETHER = [
    ("numpy>=1.24", "numpy<2"),
    ("numpy==1.26.4", "numpy>=1.24,<2"),
    ("numpy>1.26", "numpy<1.27"),
    ("numpy<2,>=1.24", "numpy!=1.24.*"),  # 1.25
    ("numpy>=1.24,<1.26", "numpy!=1.24.*"),  # 1.25
    ("numpy>=1.24.1,<1.24.3", "numpy!=1.24.1.*"),  # 1.24.2
    ("numpy>=1!1.24,<1!2", "numpy!=1!1.24.*"),  # the same in an epoch
    ("numpy>1!1.26", "numpy<1!1.27"),
    ("numpy~=1.24", "numpy~=1.25"),
    ("numpy==2.*", "numpy!=2.0"),
    ("numpy==2.*", "numpy!=2.0.*"),  # 2.1
    ("numpy~=1.0", "numpy!=1.0.*,!=1.1.*"),  # 1.2
    ("numpy", "numpy!=0"),
    ("numpy", "numpy<1"),
    ("numpy==2.0rc1", "numpy>=2.0rc1"),
]
APART = [
    ("numpy==2.0rc1", "numpy<2.0"),
    ("numpy==1.26.4", "numpy>=2"),
    ("numpy<2", "numpy>=2"),
    ("numpy~=1.24", "numpy~=2.0"),
    ("numpy==1.*", "numpy==2.*"),
    ("numpy>=1.24,<1.25", "numpy!=1.24.*"),
    ("numpy>=1!1", "numpy<2"),
    ("NumPy==1", "numpy==2"),
    ("numpy[extra]==1", "numpy==2"),
]
LEFT_TO_THE_SERVER = [
    ("numpy==1; python_version < '3'", "numpy==2"),
    ("numpy==1", "numpy==2; sys_platform == 'win32'"),
    ("numpy @ https://packages.example/numpy.whl", "numpy==2"),
    ("numpy===a-build-of-our-own", "numpy>=1"),
    ("numpy==1", "scipy==2"),
]


def contradictions(mine: str, other: str) -> list[str]:
    packages = DeclaredPackages()
    assert packages.declare("other", [Requirement(other)]) == []
    return packages.declare("mine", [Requirement(mine)])


@pytest.mark.parametrize(("one", "another"), TOGETHER + LEFT_TO_THE_SERVER)
def test_requirements_that_some_version_meets_do_not_contradict(one: str, another: str) -> None:
    assert contradictions(one, another) == []
    assert contradictions(another, one) == []


@pytest.mark.parametrize(("one", "another"), APART)
def test_requirements_that_no_version_meets_are_both_named_with_the_other_set(one: str, another: str) -> None:
    (text,) = contradictions(one, another)
    mine, other = Requirement(one), Requirement(another)
    assert text.startswith(
        f"{mine.name}{mine.specifier} cannot be installed together with {other.name}{other.specifier} of "
        "PackageSet 'other'"
    )
    assert contradictions(another, one)


def test_sets_of_one_name_differ_by_their_requirements_and_a_set_does_not_contradict_itself() -> None:
    packages = DeclaredPackages()
    one, two = [Requirement("numpy==1")], [Requirement("numpy==2")]

    assert packages.declare("p", one) == []
    assert packages.declare("p", one) == []
    assert len(packages.declare("p", two)) == 1
    assert [(other.set_name, str(other.requirement)) for other in packages.others("p", two)] == [("p", "numpy==1")]
    assert [str(other.requirement) for other in packages.others("q", one)] == ["numpy==1", "numpy==2"]


VERSIONS = [
    ".".join(map(str, parts))
    for count in (1, 2, 3)
    for parts in itertools.product(range(1, 4), *[range(3)] * (count - 1))
]
GRID = [*map(Version, VERSIONS), *(Version(f"{version}.0.5") for version in VERSIONS), Version("0.5"), Version("9")]
version = st.sampled_from(VERSIONS)
specifier = st.one_of(
    st.builds("{}{}".format, st.sampled_from([">=", "<=", ">", "<", "==", "!="]), version),
    st.builds("{}{}.*".format, st.sampled_from(["==", "!="]), version),
    st.builds("~={}".format, version.filter(lambda text: "." in text)),
)
requirement = st.lists(specifier, max_size=3).map(lambda specifiers: f"numpy{','.join(specifiers)}")


@given(requirement, requirement)
@settings(max_examples=300)
def test_two_sets_that_a_version_meets_are_never_refused(one: str, another: str) -> None:
    both = Requirement(one).specifier & Requirement(another).specifier
    if any(both.contains(candidate) for candidate in GRID):
        assert contradictions(one, another) == []
