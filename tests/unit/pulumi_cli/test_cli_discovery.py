"""Which CLI on PATH is usable, and the environment to run it in."""

from __future__ import annotations

import os
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from stub_machine import EXECUTABLES, PROVIDER, Machine, write_cli

from pulumi_cli import MINIMUM_VERSION, PulumiCli, Source

if TYPE_CHECKING:
    from pathlib import Path


def test_without_a_cli_the_error_names_each_way_that_was_tried_and_what_to_install(machine: Machine) -> None:
    outcome = machine.run()

    assert outcome.returncode == 1
    assert outcome.stdout == ""
    message = outcome.stderr[outcome.stderr.index("No usable Pulumi CLI") :]
    assert message.splitlines() == [
        "No usable Pulumi CLI was found or installed. Tried:",
        "  - `pulumi` on PATH: not found",
        f"  - a copy installed earlier: not found in {machine.copy}",
        "  - the official installer: switched off by PULUMI_INFLUXDB3_SKIP_INSTALLER=1",
        "  - a build from the pinned Go modules: `go` is not on PATH",
        "Install the Pulumi CLI 3.200.0 or newer and put it on PATH"
        " (https://www.pulumi.com/docs/iac/download-install/),"
        " or install Go 1.25.11 or newer (https://go.dev/doc/install) and run this again.",
    ]


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("echo v3.199.4", "is version 3.199.4; needs 3.200.0 or newer, below 4"),
        ("echo v4.0.0", "is version 4.0.0; needs 3.200.0 or newer, below 4"),
        ("echo no keyring >&2; exit 3", "ended with status 3: no keyring"),
        ("echo command not found", "ended with status 0: command not found"),
    ],
)
def test_an_unusable_pulumi_on_path_is_reported_with_the_reason(machine: Machine, does: str, reason: str) -> None:
    write_cli(machine.path, does=does)

    outcome = machine.run()

    assert reason in outcome.stderr.splitlines()[0]
    assert outcome.returncode == 1


@pytest.mark.parametrize("missing", EXECUTABLES[1:])
def test_a_pulumi_on_path_without_a_companion_is_unusable(machine: Machine, missing: str) -> None:
    write_cli(machine.path, names=tuple(name for name in EXECUTABLES if name != missing))

    outcome = machine.run()

    assert f"`pulumi` on PATH: {machine.path} lacks {missing}" in outcome.stderr.splitlines()[0]
    assert outcome.returncode == 1


@pytest.mark.parametrize("version", ["v3.200.0", "3.272.0", "v3.260.0-dev+7f3a"])
def test_a_recent_pulumi_on_path_with_its_companions_is_used(machine: Machine, version: str) -> None:
    write_cli(machine.path, does=f"echo {version}")

    outcome = machine.run()

    assert outcome.stdout == f"{machine.path}\n"
    assert outcome.stderr == f"Pulumi CLI: `pulumi` on PATH: version {version.lstrip('v')} in {machine.path}\n"


def test_the_companions_of_a_linked_pulumi_are_beside_the_file(machine: Machine) -> None:
    unpacked = machine.root / "opt" / "pulumi"
    write_cli(unpacked)
    (machine.path / "pulumi").symlink_to(unpacked / "pulumi")

    assert machine.run().stdout == f"{unpacked}\n"


def test_companions_may_be_elsewhere_on_path(machine: Machine) -> None:
    elsewhere = machine.root / "elsewhere"
    write_cli(machine.path, names=EXECUTABLES[:1])
    write_cli(elsewhere, names=EXECUTABLES[1:])

    outcome = machine.run(PATH=f"{machine.path}{os.pathsep}{elsewhere}")

    assert outcome.stdout == f"{machine.path}\n"


def test_the_first_language_host_on_path_runs(machine: Machine) -> None:
    unpacked, another = machine.root / "opt" / "pulumi", machine.root / "another"
    write_cli(unpacked, does='[ "$1" = version ] && echo v3.259.0 || command -v pulumi-language-python')
    (machine.path / "pulumi").symlink_to(unpacked / "pulumi")
    write_cli(another, names=EXECUTABLES[1:])

    assert machine.run("run", "up").stdout == f"{unpacked}/pulumi-language-python\n"
    path = f"{another}{os.pathsep}{machine.path}"
    assert machine.run("run", "up", PATH=path).stdout == f"{another}/pulumi-language-python\n"


def test_the_oldest_cli_has_the_version_of_the_oldest_sdk() -> None:
    project = tomllib.loads((PROVIDER.parent / "pyproject.toml").read_text())["project"]

    assert f"pulumi>={MINIMUM_VERSION.removesuffix('.0')},<4" in project["dependencies"]


def test_the_environment_runs_programs_on_this_python_and_does_not_change_its_base(tmp_path: Path) -> None:
    base = {"PATH": "/usr/bin", "PULUMI_PYTHON_CMD": "/another/python", "EDITOR": "ed"}

    environment = PulumiCli(tmp_path, "3.259.0", Source.CACHE).environment(base)

    assert environment == {
        "PATH": os.pathsep.join([f"{sys.prefix}/bin", str(tmp_path), "/usr/bin"]),
        "PULUMI_PYTHON_CMD": sys.executable,
        "EDITOR": "ed",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    assert base == {"PATH": "/usr/bin", "PULUMI_PYTHON_CMD": "/another/python", "EDITOR": "ed"}


def test_the_environment_keeps_the_users_setting_of_plugins(tmp_path: Path) -> None:
    base = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "false"}

    environment = PulumiCli(tmp_path, "3.259.0", Source.CACHE).environment(base)

    assert environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "false"
    assert environment["PATH"] == os.pathsep.join([f"{sys.prefix}/bin", str(tmp_path)])


def test_run_passes_arguments_to_the_cli_and_returns_its_status(machine: Machine) -> None:
    write_cli(machine.path, does='[ "$1" = version ] && echo v3.259.0 || { echo "ran $*"; exit 7; }')

    outcome = machine.run("run", "up", "--yes")

    assert (outcome.returncode, outcome.stdout) == (7, "ran up --yes\n")


def test_an_unknown_argument_is_refused_with_the_usage(machine: Machine) -> None:
    outcome = machine.run("up")

    assert outcome.returncode == 1
    assert "usage: python -m pulumi_cli" in outcome.stderr
