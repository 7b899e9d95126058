"""An installation into the cache is complete or absent, and processes that need it at once share it."""

from __future__ import annotations

import re
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from stub_machine import EXECUTABLES, Machine, is_running, wait_until, write_cli, write_script

from pulumi_cli import PulumiCliNotFound, Source, find_or_install, install

if TYPE_CHECKING:
    from pathlib import Path


def contents(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_failed_build_leaves_no_copy_and_the_error_has_the_compilers_output(machine: Machine) -> None:
    machine.add_go()
    (machine.root / "broken").touch()

    outcome = machine.run()

    assert outcome.returncode == 1
    assert "building pulumi ended with status 1: expression.go:7: undefined: frobnicate" in outcome.stderr
    assert contents(machine.cache) == {"lock"}


def test_an_incomplete_build_is_an_error_and_not_kept(machine: Machine) -> None:
    machine.add_go()
    (machine.root / "sdk/python/dist/pulumi-resource-pulumi-python").unlink()

    outcome = machine.run()

    assert outcome.returncode == 1
    assert "pulumi-resource-pulumi-python" in outcome.stderr
    assert contents(machine.cache) == {"lock"}


def test_a_run_killed_during_a_build_leaves_no_copy(machine: Machine) -> None:
    machine.add_go(held_back=True)
    run = machine.start()
    wait_until(lambda: machine.builds() == 1, "the build has begun")

    run.kill()
    run.communicate()

    assert not machine.copy.exists()
    assert machine.run(PATH="").returncode == 1, "a run without Go used the unfinished copy"


def test_the_run_after_a_killed_one_deletes_its_files_and_installs(machine: Machine) -> None:
    machine.add_go(held_back=True)
    run = machine.start()
    wait_until(lambda: machine.builds() == 1, "the build has begun")
    run.kill()
    run.communicate()
    machine.let_go_on()

    outcome = machine.run()

    assert outcome.stdout == f"{machine.copy / 'bin'}\n"
    assert contents(machine.cache) == {"lock", machine.copy.name}


def test_ctrl_c_ends_the_build_and_leaves_nothing(machine: Machine) -> None:
    machine.add_go(held_back=True)
    run = machine.start()
    wait_until(lambda: machine.builds() == 1, "the build has begun")

    run.send_signal(signal.SIGINT)
    run.communicate(timeout=30)

    assert run.returncode == 130
    assert "Traceback" not in machine.progress()
    assert not any(is_running(process) for process in machine.go_processes())
    assert contents(machine.cache) == {"lock"}


def test_two_runs_at_once_build_once_and_the_second_reports_that_it_waits(machine: Machine) -> None:
    machine.add_go(held_back=True)
    first = machine.start()
    wait_until(lambda: machine.builds() == 1, "the build has begun")
    second = machine.start()
    wait_until(lambda: "waiting for another run" in machine.progress(), "the second run says that it waits")

    machine.let_go_on()

    answers = [run.communicate(timeout=30)[0] for run in (first, second)]
    assert answers == [f"{machine.copy / 'bin'}\n"] * 2
    assert machine.builds() == 1


def test_a_run_that_waits_for_a_killed_one_builds(machine: Machine) -> None:
    machine.add_go(held_back=True)
    first = machine.start()
    wait_until(lambda: machine.builds() == 1, "the build has begun")
    second = machine.start()
    wait_until(lambda: "waiting for another run" in machine.progress(), "the second run says that it waits")

    first.kill()
    first.communicate()
    wait_until(lambda: machine.builds() == 2, "the second run builds")
    machine.let_go_on()

    assert second.communicate(timeout=30)[0] == f"{machine.copy / 'bin'}\n"


def test_the_copy_has_every_executable_and_later_runs_need_no_go(machine: Machine) -> None:
    machine.add_go()
    assert machine.run().returncode == 0
    shutil.rmtree(machine.path)

    outcome = machine.run()

    assert outcome.stdout == f"{machine.copy / 'bin'}\n"
    assert f"a copy installed earlier: version 3.259.0 in {machine.copy / 'bin'}" in outcome.stderr
    assert contents(machine.copy / "bin") == set(EXECUTABLES)


@pytest.mark.parametrize("damaged", ["recipe", *(f"bin/{name}" for name in EXECUTABLES)])
def test_an_incomplete_copy_is_replaced(machine: Machine, damaged: str) -> None:
    machine.add_go()
    assert machine.run().returncode == 0
    (machine.copy / damaged).unlink()

    outcome = machine.run()

    assert outcome.stdout == f"{machine.copy / 'bin'}\n"
    assert machine.builds() == 2
    assert (machine.copy / damaged).exists()
    assert contents(machine.cache) == {"lock", machine.copy.name}


def test_a_copy_of_another_recipe_is_replaced(machine: Machine) -> None:
    write_cli(machine.copy / "bin")
    (machine.copy / "recipe").write_text("recipe of an older go.sum")
    machine.add_go()

    outcome = machine.run()

    assert "was made by another recipe" in outcome.stderr
    assert outcome.returncode == 0
    assert machine.builds() == 1


def test_a_cache_directory_that_cannot_be_written_is_an_error_that_names_the_variable(machine: Machine) -> None:
    machine.add_go()
    machine.cache.write_text("a file where the directory should be")

    outcome = machine.run()

    assert outcome.returncode == 1
    unusable = "the cache directory cannot be used"
    assert f"  - a build from the pinned Go modules: {unusable}" in outcome.stderr
    assert "set PULUMI_INFLUXDB3_CACHE" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_unreachable_installer_is_reported_and_a_build_follows(machine: Machine) -> None:
    machine.add_go()

    outcome = machine.run(PULUMI_INFLUXDB3_SKIP_INSTALLER="", https_proxy="http://127.0.0.1:9")

    assert "the official installer: downloading ended with status 1: cannot download the installer" in (outcome.stderr)
    assert outcome.stdout == f"{machine.copy / 'bin'}\n"
    assert machine.builds() == 1


def serve_installer(machine: Machine, does: str) -> dict[str, str]:
    """Make the SDK download this installer. Only the network is replaced.

    Returns:
        The environment for a run.
    """
    script = machine.root / "install.sh"
    write_script(script, f"#!/bin/sh\nPATH=/usr/bin:/bin\n{does}\n")
    write_script(
        machine.root / "site" / "sitecustomize.py",
        f"import urllib.request\nurllib.request.urlopen = lambda url: open({str(script)!r}, 'rb')\n",
    )
    return {
        "PULUMI_INFLUXDB3_SKIP_INSTALLER": "",
        "PYTHONPATH": f"{machine.root / 'site'}:{machine.environment['PYTHONPATH']}",
    }


def test_the_official_installer_is_tried_before_a_build(machine: Machine) -> None:
    machine.add_go()
    release = machine.root / "release"
    write_cli(release)
    # arguments of the installer: --no-edit-path --install-root ROOT --version VERSION
    environment = serve_installer(machine, f'[ "$5" = 3.259.0 ] && mkdir -p "$3/bin" && cp {release}/* "$3/bin"')

    outcome = machine.run(**environment)

    assert f"the official installer: version 3.259.0 in {machine.copy / 'bin'}" in outcome.stderr
    assert outcome.stdout == f"{machine.copy / 'bin'}\n"
    assert machine.builds() == 0


def test_the_output_of_a_failed_installer_is_in_the_report(machine: Machine) -> None:
    environment = serve_installer(machine, "echo error: no release for this machine; exit 1")

    outcome = machine.run(**environment)

    assert "the official installer: downloading ended with status 1: error: no release for this machine" in (
        outcome.stderr
    )
    assert contents(machine.cache) == {"lock"}


def test_an_installer_that_hangs_is_stopped_with_its_child_processes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = machine.root / "started"
    hang = f"import os\nos.system('echo $$ > {started}; PATH=/usr/bin:/bin; sleep 60; true')\n"
    write_script(machine.root / "site" / "sitecustomize.py", hang)
    environment = {"PULUMI_INFLUXDB3_SKIP_INSTALLER": "", "PYTHONPATH": str(machine.root / "site")}
    for name, value in (machine.environment | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(install, "_INSTALLER_LIMIT_S", 3)
    monkeypatch.setattr(install, "_PROGRESS_S", 1)
    reports: list[str] = []

    with pytest.raises(PulumiCliNotFound) as failure:
        find_or_install(report=reports.append)

    assert failure.value.reasons[Source.INSTALLER] == "downloading took longer than 3 s"
    assert any(re.fullmatch(r"Pulumi CLI: the official installer: downloading: \d s so far", line) for line in reports)
    wait_until(lambda: not is_running(int(started.read_text())), "the child process has ended")
