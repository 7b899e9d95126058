"""Asking the server's own Python for what the API cannot read: packages, plugin files, the plugin directory."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from influxdb3_engine_api import AnswerError, Forbidden, NoSuchOperation, NotFound, Unauthenticated
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.wire import TestSchedulePlugin
from influxdb3_engine_resources.errors import DryRunsOff, ProbeFailed
from influxdb3_engine_resources.server.on_server import DIRECTORY, PROBE
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_transient, with_retries
from influxdb3_engine_resources.server.shared import REFRESH_SECONDS, SharedAnswers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from influxdb3_engine_api import EngineClient

_NOWHERE = "the plugin directory of the server is unknown: set INFLUXDB3_PLUGIN_DIR in the server's environment"
_MARK = "INFO: pulumi-probe "
_CLOSED = (Forbidden, NotFound, NoSuchOperation)
"""Answers of a server or a gateway that offers no dry runs. Other answers are recognised by their text."""


class ProbedFile(BaseModel):
    """A file on the server.

    Attributes:
        size: Size in bytes.
        sha256: SHA-256 of the content in hexadecimal; None if it is too large for an upload or cannot be read.
        text: The content; None if it is longer than a mebibyte or not UTF-8.
    """

    size: int
    sha256: str | None
    text: str | None


class ProbeReport(BaseModel):
    """What the probe found; members that were not asked for are empty.

    Attributes:
        plugin_directory: Absolute path on the server; None if unknown.
        distributions: Distribution name to version, or to None if it is not installed; includes those of ``requires``.
        installed_at: Distribution name to its time of installation, in nanoseconds by the server's clock; None if
            unknown.
        requires: Distribution name to its dependencies as in its metadata.
        environment: Values for the environment markers of requirements.
        pip_is_running: Whether pip runs on the server's machine; None if unknown.
        files: Path below the plugin directory to the file, or to None if there is no file.
        listing: Path below the plugin directory to SHA-256, for all files but hidden ones; see ``ProbedFile.sha256``.
        missing_modules: Modules that the server's Python does not find.
        listing_is_whole: Whether the listing has all files: it ends after some seconds, and after some thousand files.
    """

    plugin_directory: str | None
    distributions: dict[str, str | None] = {}
    installed_at: dict[str, int | None] = {}
    requires: dict[str, list[str]] = {}
    environment: dict[str, str] = {}
    pip_is_running: bool | None = None
    files: dict[str, ProbedFile | None] = {}
    listing: dict[str, str | None] = {}
    listing_is_whole: bool = True
    missing_modules: list[str] = []


@dataclass(frozen=True, slots=True)
class _Listing:
    """The files of a server, or why they could not be listed."""

    files: Mapping[str, str | None] = field(default_factory=dict)
    is_whole: bool = True
    failure: ProbeFailed | None = None


class Probe:
    """Asks the Python of one server; safe to share between threads.

    Args:
        client: The client of that server.

    Every method raises ``ProbeFailed`` if the server runs no dry runs, and ``EngineApiError`` if the server could not
    be asked.
    """

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._listings = SharedAnswers(REFRESH_SECONDS)
        self._directories = SharedAnswers()
        self._plugin_directory: str | None = None

    def ask(
        self,
        *,
        distributions: Collection[str] | None = None,
        all_distributions: bool = False,
        extras_of: Collection[str] = (),
        files: Collection[str] | None = None,
        listing: bool = False,
        modules: Collection[str] = (),
    ) -> ProbeReport:
        """Ask the server's Python: one request, and one more the first time in a process.

        Args:
            distributions: Report the versions of these.
            all_distributions: Whether to report the versions and the dependencies of all that is installed in the
                virtual environment.
            extras_of: Report the dependencies of these, too.
            files: Report these files, by path below the plugin directory.
            listing: Whether to report the hashes of all files.
            modules: Names of modules, of which those are reported that cannot be imported.
        """
        question: dict[str, Any] = {"listing": True} if listing else {}
        if distributions is not None:
            question["distributions"] = sorted(distributions)
            question["extras_of"] = sorted(extras_of)
        if all_distributions:
            question["all_distributions"] = True
        if files is not None:
            question["files"] = sorted(files)
        if modules:
            question["modules"] = sorted(modules)
        text, directory = json.dumps(question), self._plugin_directory
        report = self._run(text, directory)
        if report.plugin_directory is None and directory is None:
            # another thread may have found it meanwhile
            directory = self._plugin_directory or self.directory_from_error()
            if directory is not None:
                report = self._run(text, directory)
        if report.plugin_directory is not None:
            self._plugin_directory = report.plugin_directory
        elif listing or files is not None:
            raise ProbeFailed(_NOWHERE)
        return report

    @property
    def plugin_directory(self) -> str:
        """Absolute path of the plugin directory on the server; asked for once."""
        if self._plugin_directory is None:
            self.ask()
        if self._plugin_directory is None:
            raise ProbeFailed(_NOWHERE)
        return self._plugin_directory

    def hashes(self, paths: Collection[str]) -> dict[str, str | None]:
        """SHA-256 of the files that exist: one request for all files of a deployment.

        Args:
            paths: Files below the plugin directory; files behind a link may not be found.

        Returns:
            Path to hash, for the files that exist; see ``ProbedFile.sha256``.
        """
        listing = self._listing()
        listed = {path: listing.files[name] for path in paths if (name := _normal(path)) in listing.files}
        unlisted = [path for path in paths if path not in listed and (_is_hidden(path) or not listing.is_whole)]
        files = self.ask(files=unlisted).files if unlisted else {}
        return listed | {path: file.sha256 for path, file in files.items() if file is not None}

    def names_below(self, directory: str) -> list[str]:
        """Paths of the files in a directory; shares its request with ``hashes``."""
        return [path for path in self._listing().files if path.startswith(f"{_normal(directory)}/")]

    def note(self, path: str, sha256: str | None) -> None:
        """Note that this process has written a file, or deleted a file or a directory (``sha256`` is None)."""
        name = _normal(path)

        def change(listing: _Listing) -> _Listing:
            if sha256 is not None:
                return replace(listing, files={**listing.files, name: sha256})
            kept = {
                path: sha for path, sha in listing.files.items() if path != name and not path.startswith(f"{name}/")
            }
            return replace(listing, files=kept)

        self._listings.amend("listing", change)

    def _listing(self) -> _Listing:
        listing = self._listings.get("listing", self._ask_listing)
        if listing.failure is not None:
            raise type(listing.failure)(str(listing.failure))
        return listing

    def _ask_listing(self) -> _Listing:
        try:
            report = self.ask(listing=True)
        except ProbeFailed as error:  # kept like an answer: it is the same for all resources
            return _Listing(failure=error)
        return _Listing(report.listing, report.listing_is_whole)

    def directory_from_error(self) -> str | None:
        """The plugin directory, from an error text of the server (contract 4.1); None if the text does not name it.

        Asks for a plugin that does not exist: one request in a process. It works without the server's Python.
        """
        return self._directories.get("plugin directory", self._ask_directory)

    def _ask_directory(self) -> str | None:
        name = f"{DIRECTORY}/{secrets.token_hex(8)}.py"
        body = TestSchedulePlugin(filename=name, database="_internal")
        try:
            with_retries(lambda: self._client.test_schedule_plugin(body, changes=False))
        except AnswerError as error:
            if is_transient(error):
                raise
            told = re.search(f"Plugin not found: (.+)/{re.escape(name)}", error.text)
            return told[1] if told else None
        return None

    def _run(self, question: str, directory: str | None) -> ProbeReport:
        arguments = {"question": question, "probe": PROBE.file_name}
        if directory is not None:
            arguments["directory"] = directory
        try:
            result = PROBE.run_scheduled(self._client, arguments)
        except Unauthenticated:
            raise
        except AnswerError as error:
            if is_transient(error):
                raise  # the server may run dry runs all the same
            reason = with_remedy(error)
            locked = isinstance(error, _CLOSED) or reason != str(error)
            raise (DryRunsOff if locked else ProbeFailed)(f"the server does not run the probe: {reason}") from error
        if result.errors:
            raise ProbeFailed(f"the probe failed on the server: {shown('; '.join(result.errors))}")
        for line in result.log_lines:
            if line.startswith(_MARK):
                try:
                    return ProbeReport.model_validate_json(line.removeprefix(_MARK))
                except ValidationError:
                    raise ProbeFailed("the report of the probe on the server is invalid") from None
        raise ProbeFailed("the probe reported nothing: dry runs on this server return no log lines")


def _normal(path: str) -> str:
    return PurePosixPath(path).as_posix()


def _is_hidden(path: str) -> bool:
    """Whether listings leave the file out."""
    return any(part.startswith(".") or part == "__pycache__" for part in PurePosixPath(path).parts)
