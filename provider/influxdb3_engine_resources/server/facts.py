"""Facts about a server. All resources of a deployment share each fact.

The API has no operation that reads lock-down flags. So this module sends requests that can never succeed: the server
checks the flags first and names them in its answer (contract 1.2, 1.7, 1.8, 10.2). The requests change nothing.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from influxdb3_engine_api import AnswerError, AnswerLost, CreateTrigger, ErrorBehavior, TriggerSettings
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.published.semver import Version
from influxdb3_engine_resources.server.on_server import DIRECTORY
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.shared import SharedAnswers

if TYPE_CHECKING:
    from collections.abc import Callable

    from influxdb3_engine_api import EngineClient, Specification
    from influxdb3_engine_api.wire import ServerInfo
    from influxdb3_engine_resources.published.semver import VersionRange

_OLDEST = "3.10.0"
_INTERRUPTS_RETRIES = {"InfluxDB 3 Core": "3.10.3", "InfluxDB 3 Enterprise": "3.10.2"}
"""Releases from which a trigger that retries can be stopped (contract 3.2, 10.3)."""


class ServerFacts:
    """Facts about one server; safe to share between threads.

    Args:
        client: The client of that server.

    Every method raises ``EngineApiError`` if the server could not be asked.
    """

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._answers = SharedAnswers()

    def too_old(self) -> str | None:
        """Why the server's release is too old for this package, or None."""
        server = self.server()
        if not _is_before(server.version, _OLDEST):
            return None
        release = shown(f"{server.product_name or 'InfluxDB'} {server.version}", longest=200)
        return (
            f"{self._client.host_url} runs {release}, and this package needs InfluxDB {_OLDEST} or later: "
            "upgrade the server"
        )

    def refuses_release(self, versions: VersionRange) -> str | None:
        """Why a plugin that runs on some releases does not run on the server's, or ``None``.

        A pre-release of the server counts as its release; a version that is no number is taken for any.
        """
        server = self.server()
        numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", server.version)
        if numbers is None or Version.parse(numbers[0]) in versions:
            return None
        release = shown(f"{server.product_name or 'InfluxDB'} {server.version}", longest=200)
        return f"the plugin runs on InfluxDB {versions}, and {self._client.host_url} runs {release}"

    def stuck_by_retries(self) -> str | None:
        """The server's release if a trigger that retries blocks all changes until it succeeds, else None."""
        server = self.server()
        mended = _INTERRUPTS_RETRIES.get(server.product_name)
        if mended is None or not _is_before(server.version, mended):
            return None
        return f"{shown(f'{server.product_name} {server.version}', longest=200)}; corrected in {mended}"

    def blocks_on_runs(self) -> bool:
        """Whether stopping a trigger may block the server for ever: true for all servers but the embedded engine.

        The server waits for the trigger's run, and all changes of the catalog wait, too: also the run, if it writes to
        a new table or column (measured on Core 3.10.0).
        """
        return "embedded" not in self.server().product_name

    def stops_triggers_on_missing_tables(self) -> bool:
        """Whether the server may stop triggers on missing tables: true for all servers but the embedded engine."""
        return "embedded" not in self.server().product_name

    def sunday(self) -> int:
        """The number of Sunday in cron expressions that the server stores (contract 2.2)."""
        return 0 if "embedded" in self.server().product_name else 1

    def databases(self) -> frozenset[str]:
        """Names of the databases."""
        return self._answers.get("databases", lambda: frozenset(self._client.databases()))

    def tables(self, db: str) -> frozenset[str]:
        """Names of the tables of a database that exists."""
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox'"
        return self._answers.get(
            ("tables", db), lambda: frozenset(str(row.get("table_name")) for row in self._client.query_sql(db, sql))
        )

    def note_table(self, db: str, table: str, *, exists: bool) -> None:
        """Note that this deployment has created or deleted a table."""
        self._answers.amend(("tables", db), lambda names: names | {table} if exists else names - {table})

    def refuses_triggers(self, specification: Specification) -> str | None:
        """Why the server creates no triggers of this kind, or None. Tries one with a plugin that does not exist."""
        impossible = CreateTrigger(
            db="_internal",
            plugin_filename=f"{DIRECTORY}/{secrets.token_hex(8)}.py",
            trigger_name=secrets.token_hex(8),
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification=specification.text,
            disabled=True,
        )
        kind = specification.plugin_type
        return self._answers.get(
            ("triggers", kind), lambda: _lock_down(lambda: self._client.create_trigger(impossible))
        )

    def refuses_files(self) -> str | None:
        """Why the server takes no plugin files, or None. Tries one without a name: that is the plugin directory."""
        return self._answers.get("files", lambda: _lock_down(lambda: self._client.create_plugin_file("", "")))

    def refuses_packages(self) -> str | None:
        """Why the server installs no packages, or None. Lets pip print its help."""
        return self._answers.get("packages", lambda: _lock_down(lambda: self._client.install_packages(["--help"])))

    def server(self) -> ServerInfo:
        """Product and release of the server."""
        return self._answers.get("server", self._client.ping)


def _lock_down(request: Callable[[], None]) -> str | None:
    """What an operator has locked, by the answer to a request; None if the server refuses it for other reasons."""
    try:
        request()
    except AnswerError as error:
        if error.foreign_answer:
            raise
        reason = with_remedy(error)
        return reason if reason != str(error) else None
    except AnswerLost as error:
        raise error.without_changes() from error
    return None


def _is_before(version: str, release: str) -> bool:
    """Whether a version is of an earlier release; false if it is not numeric, such as a custom build."""
    numbers = [re.match(r"(\d+)\.(\d+)\.(\d+)", text) for text in (version, release)]
    mine, other = (match and tuple(map(int, match.groups())) for match in numbers)
    return bool(mine and other and mine < other)
