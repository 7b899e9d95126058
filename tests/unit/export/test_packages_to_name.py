"""Which packages an exported program names."""

from __future__ import annotations

from influxdb3_engine_export.packages import pinned_packages
from influxdb3_engine_resources.server.probe import ProbeReport


def report(requires: dict[str, list[str]], **versions: str) -> ProbeReport:
    return ProbeReport(
        plugin_directory="/p",
        distributions={"pip": "25", "setuptools": "80", "gone": None, **versions},
        requires=requires,
        environment={"python_version": "3.13", "sys_platform": "linux"},
    )


def test_packages_that_others_require_are_left_out() -> None:
    found = report({"pandas": ["numpy>=2", "tzdata"], "numpy": []}, pandas="3.0", numpy="2.1", tzdata="2026.1", six="1")

    assert pinned_packages(found) == ["pandas==3.0", "six==1"]


def test_a_package_that_only_another_system_or_an_extra_requires_is_named() -> None:
    requires = {"a": ["win; sys_platform == 'win32'", "speed; extra == 'fast'", "not a requirement!"]}

    assert pinned_packages(report(requires, a="1", win="1", speed="1")) == ["a==1", "speed==1", "win==1"]


def test_of_packages_that_require_each_other_one_is_named() -> None:
    requires = {"a": ["b"], "b": ["a", "c"], "c": ["c"], "d": ["d"]}

    assert pinned_packages(report(requires, a="1", b="1", c="1", d="1")) == ["a==1", "d==1"]
