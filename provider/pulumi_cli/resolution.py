"""The order in which the ways to the Pulumi CLI are tried."""

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
    """No way to the Pulumi CLI works on this machine.

    Attributes:
        reasons: What was tried, in order, and why it failed.
    """

    def __init__(self, reasons: Mapping[Source, str]) -> None:
        self.reasons = dict(reasons)
        tried = "\n".join(f"  - {source}: {reason}" for source, reason in self.reasons.items())
        super().__init__(
            f"No usable Pulumi CLI was found, and none could be installed. Tried:\n{tried}\n"
            f"Install the Pulumi CLI {MINIMUM_VERSION} or newer and put it on PATH "
            "(https://www.pulumi.com/docs/iac/download-install/), or install "
            f"Go {install.required_go()} or newer (https://go.dev/doc/install) and run this again."
        )


def find_or_install(*, report: Callable[[str], None]) -> PulumiCli:
    """The Pulumi CLI: from PATH, from the cache, by the official installer, or built, whichever works first.

    Several processes may call it at once: one installs, the others wait and use what it installed.

    Args:
        report: Told, a line at a time, what is tried, what it came to, and how long steps have been going on.

    Raises:
        PulumiCliNotFound: None of them works; the message says why, and what to install.
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
        # Held over both ways: who waits for a run that downloads in vain shall not download in vain once more.
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
    """Makes the cache's copy in one of the ways; with the lock held."""
    with cache.staging() as staging:
        install_into(staging, report)
        return cache.commit(staging, source)
