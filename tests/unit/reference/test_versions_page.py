"""The page "Versions" agrees with the package's settings and with what is pinned for the tests."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pulumi_influxdb3_engine
from influxdb3_engine_resources.server import facts
from pulumi_cli import MINIMUM_VERSION, install
from pulumi_influxdb3_engine._dynamic import EngineProvider

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs/versions.md").read_text("utf-8")
SETTINGS = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
ROWS = {cells[0]: cells[1:] for cells in re.findall(r"^\| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)}


def test_ranges_and_tested_versions_are_those_of_the_settings() -> None:
    ranges = dict(re.findall(r"^([\w-]+)(\S*)$", "\n".join(SETTINGS["project"]["dependencies"]), re.MULTILINE))
    pinned = dict(each.split("==") for each in SETTINGS["tool"]["uv"]["constraint-dependencies"])

    for row, name in {"Pulumi SDK (`pulumi`)": "pulumi", "`httpx`": "httpx", "`pydantic`": "pydantic"}.items():
        assert ROWS[row] == (f"`{ranges[name]}`", f"{pinned[name]}, and the lowest")


def test_pythons_are_those_of_the_classifiers() -> None:
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(SETTINGS["project"]["classifiers"]))

    assert ROWS["Python of programs"] == (f"`{SETTINGS['project']['requires-python']}`", ", ".join(versions))


def test_versions_of_pulumi_and_influxdb_are_those_of_the_code() -> None:
    assert ROWS["Pulumi CLI"] == (f"{MINIMUM_VERSION} or newer, below 4", install.VERSION)
    assert ROWS["InfluxDB 3 Core"][0] == f"{facts._OLDEST} or newer"


def test_the_classes_that_state_files_name_are_listed() -> None:
    classes = dict(re.findall(r"^\| `(pulumi_influxdb3_engine\S+)` \| `(\S+)` \|$", PAGE, re.MULTILINE))
    kinds = {provider: provider.__name__.removesuffix("Provider") for provider in EngineProvider.__subclasses__()}

    assert classes == {
        f"{provider.__module__}.{provider.__qualname__}": f"pulumi-python:{_type(kind)}"
        for provider, kind in kinds.items()
    }


def _type(kind: str) -> str:
    return str(getattr(pulumi_influxdb3_engine, kind)._resource_type_name)
