"""Changes of plugin files: afterwards all hosts have the new files, or all have the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.errors import (
    DryRunsOff,
    Failure,
    InvalidInputs,
    ProbeFailed,
    ResourceError,
    SweepFailed,
)
from influxdb3_engine_resources.server.host import sha256
from influxdb3_engine_resources.server.remedies import with_remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from influxdb3_engine_resources.inputs import Unknown
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.host import Host
    from influxdb3_engine_resources.server.probe import ProbedFile


class NotWritten(Exception):
    """A host does not have the files that it was sent; the text says which."""


def existing_hashes(host: Host, label: str, paths: Collection[str]) -> dict[str, str | None]:
    """SHA-256 by path of the files that a host has before a change.

    Leaves out files that a replaced resource has given up. If the server runs no dry runs, only files that triggers run
    are known to exist, and their content is unknown (None).

    Args:
        host: The host.
        label: The resource that is written.
        paths: Files below the plugin directory.

    Raises:
        ResourceError: The host could not be asked; an unknown file must not be overwritten.
    """
    try:
        try:
            return host.kept_hashes(paths)
        except DryRunsOff:
            return {path: None for path in paths if host.plugin_table.row(path)}
    except ProbeFailed as error:
        raise ResourceError(
            f"{label} was not written, since it is unknown whether {host.url} has it: {error}"
        ) from error
    except EngineApiError as error:
        raise ResourceError(f"{label} was not written to {host.url}: {with_remedy(error)}") from error


def refuse_unexpected_code(expected: str | Unknown | None, digest: str) -> None:
    """Refuse code that is not what the program expects, such as the code that another stack runs.

    Args:
        expected: The expected ``content_sha256``; None for any.
        digest: The ``content_sha256`` of the code.

    Raises:
        InvalidInputs: The hashes differ; shows both.
    """
    if isinstance(expected, str) and expected != digest:
        reason = f"the code has the SHA-256 {digest}, and {expected} is expected: deploy the code that has this hash"
        raise InvalidInputs([Failure(property="expected_sha256", reason=reason)])


def refuse_other_code(program: Program, path: str, digest: str, what: str) -> None:
    """Refuse two resources of one program that would overwrite each other's code.

    Args:
        program: The program.
        path: Path below the plugin directory.
        digest: Hash of the code that this resource writes there.
        what: The resource.

    Raises:
        InvalidInputs: Another resource writes other code there.
    """
    if program.code.declare(path, digest):
        reason = f"another resource of this program is {what} with other content: give one of them another plugin_name"
        raise InvalidInputs([Failure(property="plugin_name", reason=reason)])


class FileChange:
    """One change of files below the plugin directory.

    Args:
        hosts: The hosts to change.
        contents: Path to the text that the file has afterwards.
        apply: Changes one host. Default: writes file after file in the order of ``contents``.
        replaces: A directory in which ``apply`` removes all files that are not in ``contents``; or None.
    """

    def __init__(
        self,
        hosts: Collection[Host],
        contents: Mapping[str, str],
        apply: Callable[[Host], None] | None = None,
        *,
        replaces: str | None = None,
    ) -> None:
        self._hosts = hosts
        self._contents = contents
        self._apply = apply or self._write
        self._replaces = replaces

    def carry_out(self) -> None:
        """Make the change.

        A single host needs only the requests of ``apply``, since an answer of 200 means written. Each of several hosts
        is asked before and after for its files, so that all can get the old files back.

        Raises:
            ResourceError: A host failed; says which one, and whether the old files were put back.
        """
        if len(self._hosts) == 1:
            (host,) = self._hosts
            try:
                self._apply(host)
            except EngineApiError as error:
                raise ResourceError(with_remedy(error)) from error
            except NotWritten as error:
                raise ResourceError(str(error)) from error
            return
        previous: dict[Host, Mapping[str, ProbedFile | None]] = {}
        for host in self._hosts:
            try:
                previous[host] = host.probe.ask(files=self._affected(host)).files
            except (EngineApiError, ProbeFailed) as error:
                raise ResourceError(
                    f"no host was changed, since the files of {host.url} could not be read: {with_remedy(error)}"
                ) from error
        tried = []
        for host in self._hosts:
            tried.append(host)
            try:
                self._apply(host)
                self._verify(host)
            except (EngineApiError, ProbeFailed, NotWritten) as error:
                reason = with_remedy(error)
                outcome = self._put_back({host: previous[host] for host in tried})
                raise ResourceError(f"{host.url} failed: {reason}. {outcome}") from error

    def _affected(self, host: Host) -> set[str]:
        return {*self._contents, *(host.probe.names_below(self._replaces) if self._replaces else ())}

    def _write(self, host: Host) -> None:
        for path, content in self._contents.items():
            try:
                host.write_file(path, content)
            except EngineApiError as error:
                raise NotWritten(f"{path}: {with_remedy(error)}") from error

    def _verify(self, host: Host) -> None:
        found = host.probe.ask(files=self._contents).files
        for path, content in self._contents.items():
            file = found[path]
            if file is None or file.sha256 != sha256(content):
                raise NotWritten(f"{path} does not have the content that was sent, although the server accepted it")

    def _put_back(self, previous: Mapping[Host, Mapping[str, ProbedFile | None]]) -> str:
        failures = [f"{host.url}: {text}" for host, files in previous.items() if (text := _restore(host, files))]
        if failures:
            return f"The previous files could not be put back everywhere: {'; '.join(failures)}"
        return "All hosts have the files that they had before"


def _restore(host: Host, previous: Mapping[str, ProbedFile | None]) -> str | None:
    """Put the previous files of a host back; returns what went wrong, or None."""
    try:
        changed = _changed(host, previous)
        if not changed:
            return None
        new = [path for path in changed if previous[path] is None]
        if new:
            host.remove_files(new)
        for path in changed:
            file = previous[path]
            if file is not None and file.text is not None:
                host.write_file(path, file.text)
        left = _changed(host, previous)
    except (EngineApiError, ProbeFailed, SweepFailed) as error:
        return with_remedy(error)
    if not left:
        return None
    return f"{', '.join(sorted(left))} (a file that is longer than a mebibyte, or not UTF-8, cannot be put back)"


def _changed(host: Host, previous: Mapping[str, ProbedFile | None]) -> list[str]:
    now = host.probe.ask(files=previous).files
    return [path for path, file in previous.items() if now[path] != file]
