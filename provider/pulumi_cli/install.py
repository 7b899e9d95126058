"""The two ways to make a copy of the Pulumi CLI: the official installer, and a build from pinned Go modules."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi_cli.executables import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pulumi_cli.cache import Staging

VERSION = "3.259.0"
"""The CLI that is installed: the one that ``build/cli/go.mod`` pins."""

_MODULES = Path(__file__).parent / "build"
_CLI_MODULE = _MODULES / "cli"
# Newer language hosts are a module that the module proxy does not serve; SDK 3.79.0 still contains one, and it speaks
# the same protocol. It ignores `virtualenv` and `toolchain` in Pulumi.yaml: PulumiCli.environment decides the Python.
_LANGUAGE_HOST_MODULE = _MODULES / "language_host"
_SDK = "github.com/pulumi/pulumi/sdk/v3"

_PROGRESS_S = 15
_INSTALLER_LIMIT_S = 600
_BUILD_LIMIT_S = 3600  # took 3.5 minutes on two cores


def recipe() -> str:
    """What a copy is made from, as a hash: version, platform and pinned modules."""
    digest = hashlib.sha256(f"{VERSION} {sys.platform} {platform.machine()}".encode())
    for module in (_CLI_MODULE, _LANGUAGE_HOST_MODULE):
        for name in ("go.mod", "go.sum"):
            digest.update((module / name).read_bytes())
    return digest.hexdigest()


def required_go() -> str:
    """The oldest Go that builds the CLI, such as ``1.25.11``."""
    directive = re.search(r"^go (\S+)$", (_CLI_MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert directive is not None
    return directive[1]


def run_official_installer(staging: Staging, report: Callable[[str], None]) -> None:
    """Downloads a release by ``pulumi.automation.PulumiCommand.install``, in a process that can be stopped.

    Args:
        staging: Gets the executables.
        report: Told how long it has been going on.

    Raises:
        UnavailableError: It is switched off, failed, or took too long.
    """
    if os.environ.get("PULUMI_INFLUXDB3_SKIP_INSTALLER") == "1":
        raise UnavailableError("switched off by PULUMI_INFLUXDB3_SKIP_INSTALLER=1")
    script = Path(__file__).with_name("official_installer.py")
    # -P: a script's own directory would otherwise come first on the import path
    command = [sys.executable, "-P", str(script), str(staging.copy), VERSION]
    _run(command, "downloading", staging, report, limit_s=_INSTALLER_LIMIT_S)


def build_from_go_modules(staging: Staging, report: Callable[[str], None]) -> None:
    """Builds the CLI and its Python language host with the Go that is on PATH.

    Args:
        staging: Gets the executables.
        report: Told what is being built and how long it has been going on.

    Raises:
        UnavailableError: There is no Go, or it could not build them.
        OSError: The cache directory cannot be written.
    """
    go = shutil.which("go")
    if go is None:
        raise UnavailableError("there is no `go` on PATH")
    programs = staging.copy / "bin"

    def build(package: str, name: str, module: Path, *flags: str) -> None:
        command = [go, "build", "-mod=readonly", *flags, "-o", str(programs / name), package]
        _run(command, f"building {name}", staging, report, limit_s=_BUILD_LIMIT_S, directory=module)

    report(f"building {VERSION} with Go: this takes some minutes, once")
    version = f"-X {_SDK}/go/common/version.Version=v{VERSION}"
    build("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "pulumi", _CLI_MODULE, "-ldflags", f"-s -w {version}")
    build(f"{_SDK}/python/cmd/pulumi-language-python", "pulumi-language-python", _LANGUAGE_HOST_MODULE)

    locate = [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", _SDK]
    found = _run(locate, "finding the SDK", staging, report, limit_s=_BUILD_LIMIT_S, directory=_CLI_MODULE)
    sdk = Path(found.strip()) / "python"
    for script in (sdk / "cmd/pulumi-language-python-exec", sdk / "dist/pulumi-resource-pulumi-python"):
        shutil.copyfile(script, programs / script.name)
        (programs / script.name).chmod(0o755)  # the module cache they come from is read-only


def _run(
    command: Sequence[str],
    doing: str,
    staging: Staging,
    report: Callable[[str], None],
    *,
    limit_s: float,
    directory: Path | None = None,
) -> str:
    """Runs a command with its output kept for the reason of a failure; it does not outlive this call.

    Raises:
        UnavailableError: It could not be started, ended with another status than 0, or took too long.
    """
    output = staging.scratch / "output"
    started = time.monotonic()
    with output.open("wb") as sink:
        try:
            process = subprocess.Popen(  # noqa: S603 - commands of this module
                command,
                cwd=directory,
                env=_environment(staging.scratch),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that compilers and downloads can be stopped with it
            )
        except OSError as error:
            raise UnavailableError(f"{doing} did not start: {error}") from error
        try:
            while (elapsed := time.monotonic() - started) < limit_s:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(min(_PROGRESS_S, limit_s - elapsed))
                    break
                report(f"{doing}: {time.monotonic() - started:.0f} s so far")
            else:
                raise UnavailableError(f"{doing} took longer than {limit_s:.0f} s")
        finally:
            if process.poll() is None:
                # Nothing it does needs to be ended gently: all it writes is in the staging directory, or in Go's
                # caches, which withstand this.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    said = output.read_text(encoding="utf-8", errors="replace")
    if process.returncode:
        last_lines = "\n".join(said.strip().splitlines()[-5:])
        raise UnavailableError(f"{doing} ended with status {process.returncode}: {last_lines}")
    return said


def _environment(scratch: Path) -> Mapping[str, str]:
    """The user's environment, with temporary files where they are cleared away and no Go workspace in the way."""
    return os.environ | {"TMPDIR": str(scratch), "GOTMPDIR": str(scratch), "GOWORK": "off"}
