"""The wheel and the source distribution contain what they should, and nothing else."""

from __future__ import annotations

import subprocess
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
PACKAGES = [Path(each).name for each in SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
DATA = {"influxdb3_engine_api/CONTRACT.md", "pulumi_influxdb3_engine/pulumi-plugin.json"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the source distribution."""
    directory = tmp_path_factory.mktemp("built")
    command = ["uv", "build", "--quiet", "--sdist", "--wheel", "--out-dir", str(directory)]
    subprocess.run(command, cwd=PROJECT, check=True, timeout=200)
    return directory


def test_the_wheel_has_the_packages_and_their_data(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = {
        file.relative_to(PROJECT / "provider").as_posix()
        for package in PACKAGES
        for file in (PROJECT / "provider" / package).rglob("*.py")
    }

    assert names == sources | DATA | {f"{package}/py.typed" for package in PACKAGES}


def test_the_metadata_names_the_license_the_links_and_the_tested_pythons(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(wheel.read(name).decode())

    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert len(metadata.get_all("Project-URL", [])) == len(SETTINGS["project"]["urls"])
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert "Programming Language :: Python :: 3.11" in metadata.get_all("Classifier", [])


def test_the_source_distribution_has_the_sources_tests_examples_and_documents(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    documents = {file.name for file in PROJECT.glob("*.md")} | {"LICENSE", "Pulumi.yaml", "pyproject.toml"}

    # hatchling always adds .gitignore, which its own settings read
    top = {name.partition("/")[0] for name in names} - {"PKG-INFO", ".gitignore"}
    assert top == {"docs", "examples", "provider", "tests"} | documents
    assert {"tests/conftest.py", "docs/reference.py", "examples/quickstart/__main__.py"} <= names
    assert [name for name in names if "__pycache__" in name] == []
