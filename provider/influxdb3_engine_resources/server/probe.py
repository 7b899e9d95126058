"""What the API does not tell and the server's own Python can: installed packages, plugin files and where they lie."""

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

_NOWHERE = "the server does not tell where its plugin directory is: set INFLUXDB3_PLUGIN_DIR in its environment"
_MARK = "INFO: pulumi-probe "
_CLOSED = (Forbidden, NotFound, NoSuchOperation)
"""What a server, or a gateway before it, answers that offers no dry runs; other answers are known by their text."""


class ProbedFile(BaseModel):
    """A file on the server.

    Attributes:
        size: Bytes.
        sha256: Of its content, in hexadecimal; ``None`` where it is too large for an upload or cannot be read.
        text: Its content; ``None`` where it is longer than a mebibyte or not UTF-8.
    """

    size: int
    sha256: str | None
    text: str | None


class ProbeReport(BaseModel):
    """What the probe found; members that were not asked for are empty.

    Attributes:
        plugin_directory: Absolute path on the server, ``None`` where the probe cannot tell.
        distributions: Distribution name to version, ``None`` where it is not installed; with what ``requires`` names.
        installed_at: Distribution name to when, by the server's clock in nanoseconds; ``None`` where it does not tell.
        requires: Distribution name to its dependencies, as its metadata has them.
        environment: Values for the environment markers of requirements.
        pip_is_running: Whether a pip runs on the server's machine, ``None`` where that cannot be told.
        files: Path below the plugin directory to the file, ``None`` where there is none.
        listing: Path below the plugin directory to SHA-256, of all files but hidden ones; see ``ProbedFile.sha256``.
        listing_is_whole: Whether it lists them all: it ends after some seconds, and some thousand files.
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


@dataclass(frozen=True, slots=True)
class _Listing:
    """The files of a server, or why it does not list them."""

    files: Mapping[str, str | None] = field(default_factory=dict)
    is_whole: bool = True
    failure: ProbeFailed | None = None


class Probe:
    """Asks the Python of one server; safe to share between threads.

    Args:
        client: Of that server.

    Every method raises ``ProbeFailed`` where the server does not run dry runs, and ``EngineApiError`` where it could
    not be asked.
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
        extras_of: Collection[str] = (),
        files: Collection[str] | None = None,
        listing: bool = False,
    ) -> ProbeReport:
        """Ask the server's Python: one request, two the first time in a process.

        Args:
            distributions: Names to report the versions of.
            extras_of: Those of them to report the dependencies of, too.
            files: Paths below the plugin directory to report with their content.
            listing: Whether to report the hashes of all files.
        """
        question: dict[str, Any] = {"listing": True} if listing else {}
        if distributions is not None:
            question["distributions"] = sorted(distributions)
            question["extras_of"] = sorted(extras_of)
        if files is not None:
            question["files"] = sorted(files)
        text, directory = json.dumps(question), self._plugin_directory
        report = self._run(text, directory)
        if report.plugin_directory is None and directory is None:
            # unless another thread has come to know it meanwhile
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
        """The plugin directory's absolute path on the server; asked for once."""
        if self._plugin_directory is None:
            self.ask()
        if self._plugin_directory is None:
            raise ProbeFailed(_NOWHERE)
        return self._plugin_directory

    def hashes(self, paths: Collection[str]) -> dict[str, str | None]:
        """SHA-256 of the files that there are; of all files of a deployment by one request.

        Args:
            paths: Files below the plugin directory; those behind a link may not be found.

        Returns:
            Hashes of those that were found; ``None`` of one that nobody uploaded through the API.
        """
        listing = self._listing()
        listed = {path: listing.files[name] for path in paths if (name := _normal(path)) in listing.files}
        unlisted = [path for path in paths if path not in listed and (_is_hidden(path) or not listing.is_whole)]
        files = self.ask(files=unlisted).files if unlisted else {}
        return listed | {path: file.sha256 for path, file in files.items() if file is not None}

    def names_below(self, directory: str) -> list[str]:
        """Paths of the files in a directory; by the same request as ``hashes``."""
        return [path for path in self._listing().files if path.startswith(f"{_normal(directory)}/")]

    def note(self, path: str, sha256: str | None) -> None:
        """Keep the listing true: this process has just written a file, or deleted one or a directory (``None``)."""
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
        except ProbeFailed as error:  # kept: a server without dry runs answers all resources alike
            return _Listing(failure=error)
        return _Listing(report.listing, report.listing_is_whole)

    def directory_from_error(self) -> str | None:
        """The plugin directory as the server's own error names it (contract 4.1), ``None`` where it does not.

        One request in a process: for a plugin that does not exist, which needs nothing of the server's Python.
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
                raise  # says nothing about whether the server runs dry runs
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
                    raise ProbeFailed("the probe's report cannot be read: another version of it runs there") from None
        raise ProbeFailed("the probe reported nothing: dry runs on this server do not return log lines")


def _normal(path: str) -> str:
    return PurePosixPath(path).as_posix()


def _is_hidden(path: str) -> bool:
    """Whether a listing leaves the file out."""
    return any(part.startswith(".") or part == "__pycache__" for part in PurePosixPath(path).parts)
