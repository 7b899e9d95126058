"""Makes a copy of the Pulumi CLI: with the official installer, or by a build from pinned Go modules."""

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
"""The version to install: the one that ``build/cli/go.mod`` pins."""

_MODULES = Path(__file__).parent / "build"
_CLI_MODULE = _MODULES / "cli"
# The module proxy does not serve the module of newer language hosts. SDK 3.79.0 contains one with the same protocol. It
# ignores `virtualenv` and `toolchain` in Pulumi.yaml: PulumiCli.environment sets the Python.
_LANGUAGE_HOST_MODULE = _MODULES / "language_host"
_SDK = "github.com/pulumi/pulumi/sdk/v3"

_PROGRESS_S = 15
_INSTALLER_LIMIT_S = 600
_BUILD_LIMIT_S = 3600  # a build takes 3.5 minutes on two cores


def recipe() -> str:
    """Return the hash of what a copy is made from: version, platform and pinned modules."""
    digest = hashlib.sha256(f"{VERSION} {sys.platform} {platform.machine()}".encode())
    for module in (_CLI_MODULE, _LANGUAGE_HOST_MODULE):
        for name in ("go.mod", "go.sum"):
            digest.update((module / name).read_bytes())
    return digest.hexdigest()


def required_go() -> str:
    """Return the oldest version of Go that builds the CLI, such as ``1.25.11``."""
    directive = re.search(r"^go (\S+)$", (_CLI_MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert directive is not None
    return directive[1]


def run_official_installer(staging: Staging, report: Callable[[str], None]) -> None:
    """Download a release with ``pulumi.automation.PulumiCommand.install``, in a process that can be stopped.

    Args:
        staging: Gets the executables.
        report: Called now and then with the time passed.

    Raises:
        UnavailableError: The installer is switched off, fails, or takes too long.
    """
    if os.environ.get("PULUMI_INFLUXDB3_SKIP_INSTALLER") == "1":
        raise UnavailableError("switched off by PULUMI_INFLUXDB3_SKIP_INSTALLER=1")
    script = Path(__file__).with_name("official_installer.py")
    # -P keeps the directory of the script off the import path
    command = [sys.executable, "-P", str(script), str(staging.copy), VERSION]
    _run(command, "downloading", staging, report, limit_s=_INSTALLER_LIMIT_S)


def build_from_go_modules(staging: Staging, report: Callable[[str], None]) -> None:
    """Build the CLI and its Python language host with the Go on PATH.

    Args:
        staging: Gets the executables.
        report: Called with what is being built, and now and then with the time passed.

    Raises:
        UnavailableError: Go is not on PATH, or a build fails.
        OSError: The cache directory cannot be written.
    """
    go = shutil.which("go")
    if go is None:
        raise UnavailableError("`go` is not on PATH")
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
        (programs / script.name).chmod(0o755)  # files in the module cache are read-only


def _run(
    command: Sequence[str],
    doing: str,
    staging: Staging,
    report: Callable[[str], None],
    *,
    limit_s: float,
    directory: Path | None = None,
) -> str:
    """Run a command and return its output. The command ends before this call returns.

    Raises:
        UnavailableError: The command does not start, ends with a status other than 0, or takes too long.
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
                # SIGKILL is safe: the command writes only to the staging directory and to Go's caches.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    text = output.read_text(encoding="utf-8", errors="replace")
    if process.returncode:
        last_lines = "\n".join(text.strip().splitlines()[-5:])
        raise UnavailableError(f"{doing} ended with status {process.returncode}: {last_lines}")
    return text


def _environment(scratch: Path) -> Mapping[str, str]:
    """Return the user's environment, with temporary files in the scratch directory, and without a Go workspace."""
    return os.environ | {"TMPDIR": str(scratch), "GOTMPDIR": str(scratch), "GOWORK": "off"}
