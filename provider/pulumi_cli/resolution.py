"""Tries the ways to get the Pulumi CLI, in order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pulumi_cli import install
from pulumi_cli.cache import Cache, cache_directory
from pulumi_cli.executables import MINIMUM_VERSION, PulumiCli, Source, UnavailableError, find_on_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi_cli.cache import Staging


_INSTALLATIONS = {
    Source.INSTALLER: install.run_official_installer,
    Source.BUILD: install.build_from_go_modules,
}


class PulumiCliNotFound(Exception):
    """No way to get the Pulumi CLI works on this machine.

    Attributes:
        reasons: Each way that was tried, in order, and why it failed.
    """

    def __init__(self, reasons: Mapping[Source, str]) -> None:
        self.reasons = dict(reasons)
        tried = "\n".join(f"  - {source}: {reason}" for source, reason in self.reasons.items())
        super().__init__(
            f"No usable Pulumi CLI was found or installed. Tried:\n{tried}\n"
            f"Install the Pulumi CLI {MINIMUM_VERSION} or newer and put it on PATH "
            "(https://www.pulumi.com/docs/iac/download-install/), or install "
            f"Go {install.required_go()} or newer (https://go.dev/doc/install) and run this again."
        )


def find_or_install(*, report: Callable[[str], None]) -> PulumiCli:
    """Return the Pulumi CLI from the first way that works: PATH, cache, official installer, build.

    Several processes may call it at once: one installs, the others wait and use the copy.

    Args:
        report: Called with one line at a time: each way, its result, and the time passed.

    Raises:
        PulumiCliNotFound: No way works. The message says why, and what to install.
    """
    reasons: dict[Source, str] = {}

    def say(source: Source, text: str) -> None:
        report(f"Pulumi CLI: {source}: {text}")

    def attempt(source: Source, way: Callable[[], PulumiCli]) -> PulumiCli | None:
        try:
            cli = way()
        except (UnavailableError, OSError) as error:
            if reasons.get(source) != str(error):
                say(source, str(error))
            reasons[source] = str(error)
            return None
        say(source, f"version {cli.version} in {cli.directory}")
        return cli

    if cli := attempt(Source.PATH, find_on_path):
        return cli
    try:
        cache = Cache(cache_directory(), install.VERSION, install.recipe())
        if cli := attempt(Source.CACHE, cache.find):
            return cli
        # The lock covers download and build: a process that waits does not repeat a download that has failed.
        with cache.locked(partial(say, Source.CACHE)):
            if cli := attempt(Source.CACHE, cache.find):
                return cli
            for source, install_into in _INSTALLATIONS.items():
                if cli := attempt(source, partial(_make, cache, source, install_into, partial(say, source))):
                    return cli
    except (UnavailableError, OSError) as error:
        unusable = f"the cache directory cannot be used ({error}); set PULUMI_INFLUXDB3_CACHE to one that can"
        raise PulumiCliNotFound(dict.fromkeys(Source, unusable) | reasons) from error
    raise PulumiCliNotFound(reasons)


def _make(
    cache: Cache,
    source: Source,
    install_into: Callable[[Staging, Callable[[str], None]], None],
    report: Callable[[str], None],
) -> PulumiCli:
    """Install a copy into the cache. Needs the lock."""
    with cache.staging() as staging:
        install_into(staging, report)
        return cache.commit(staging, source)
