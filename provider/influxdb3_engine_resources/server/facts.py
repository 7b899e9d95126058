"""What a preview can find out about a server, each fact asked for once by all resources of a deployment.

No operation reads lock-down flags, so the server is asked for what can never succeed: it checks the flags first, and
its answer tells (contract 1.2, 1.7, 1.8, 10.2). None of these requests changes anything.
"""

from __future__ import annotations

import re
import secrets
import threading
from typing import TYPE_CHECKING, TypeVar

from influxdb3_engine_api import AnswerError, AnswerLost, CreateTrigger, ErrorBehavior, TriggerSettings
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.server.on_server import DIRECTORY
from influxdb3_engine_resources.server.remedies import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from influxdb3_engine_api import EngineClient, Specification
    from influxdb3_engine_api.wire import ServerInfo

Fact = TypeVar("Fact")

_OLDEST = "3.10.0"
_INTERRUPTS_RETRIES = {"InfluxDB 3 Core": "3.10.3", "InfluxDB 3 Enterprise": "3.10.2"}
"""Releases from which a trigger that retries can be stopped (contract 3.2, 10.3)."""


class ServerFacts:
    """Facts about one server; safe to share between threads.

    Args:
        client: Of that server.

    Every method raises ``EngineApiError`` where the server could not be asked.
    """

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._known: dict[Hashable, object] = {}
        self._guard = threading.Lock()

    def too_old(self) -> str | None:
        """Why this package does not fit the server's release, or ``None``."""
        server = self.server()
        if not _is_before(server.version, _OLDEST):
            return None
        release = shown(f"{server.product_name or 'InfluxDB'} {server.version}", longest=200)
        return (
            f"{self._client.host_url} runs {release}; the API is as this "
            f"package needs it from InfluxDB {_OLDEST} on: upgrade the server"
        )

    def stuck_by_retries(self) -> str | None:
        """The server's release, where a trigger that retries blocks all changes until it succeeds, or ``None``."""
        server = self.server()
        mended = _INTERRUPTS_RETRIES.get(server.product_name)
        if mended is None or not _is_before(server.version, mended):
            return None
        return f"{shown(f'{server.product_name} {server.version}', longest=200)}, mended in {mended}"

    def blocks_on_runs(self) -> bool:
        """Whether stopping a trigger may block the server for ever, as all but the embedded engine may.

        It waits for the trigger's run, and all changes of the catalog wait with it: also that of the run itself, if it
        writes to a new table or column (measured on Core 3.10.0).
        """
        return "embedded" not in self.server().product_name

    def stops_triggers_on_missing_tables(self) -> bool:
        """Whether it may stop triggers on tables that do not exist, as all but the embedded engine may."""
        return "embedded" not in self.server().product_name

    def databases(self) -> frozenset[str]:
        """Names of the databases."""
        return self._once("databases", lambda: frozenset(self._client.databases()))

    def tables(self, db: str) -> frozenset[str]:
        """Names of the tables of a database that exists."""
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox'"
        return self._once(
            ("tables", db), lambda: frozenset(str(row.get("table_name")) for row in self._client.query_sql(db, sql))
        )

    def refuses_triggers(self, specification: Specification) -> str | None:
        """Why the server creates no triggers of this kind: by one whose plugin does not exist."""
        impossible = CreateTrigger(
            db="_internal",
            plugin_filename=f"{DIRECTORY}/{secrets.token_hex(8)}.py",
            trigger_name=secrets.token_hex(8),
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification=specification.text,
            disabled=True,
        )
        kind = specification.plugin_type
        return self._once(("triggers", kind), lambda: _lock_down(lambda: self._client.create_trigger(impossible)))

    def refuses_files(self) -> str | None:
        """Why the server takes no plugin files: by one without a name, which is the plugin directory itself."""
        return self._once("files", lambda: _lock_down(lambda: self._client.create_plugin_file("", "")))

    def refuses_packages(self) -> str | None:
        """Why the server installs no packages: by letting pip print its help."""
        return self._once("packages", lambda: _lock_down(lambda: self._client.install_packages(["--help"])))

    def server(self) -> ServerInfo:
        """What runs there, in which release."""
        return self._once("server", self._client.ping)

    def _once(self, question: Hashable, ask: Callable[[], Fact]) -> Fact:
        with self._guard:  # the other resources of this deployment wait for the answer instead of asking, too
            if question not in self._known:
                self._known[question] = ask()
            return self._known[question]  # type: ignore[return-value] # the question determines the type


def _lock_down(request: Callable[[], None]) -> str | None:
    """What an operator has locked, by the answer to a request; ``None`` where it is refused for other reasons."""
    try:
        request()
    except AnswerError as error:
        if error.foreign_answer:
            raise
        reason = explained(error)
        return reason if reason != str(error) else None
    except AnswerLost as error:
        raise AnswerLost(error.what, changes=False) from error
    return None


def _is_before(version: str, release: str) -> bool:
    """Whether a version is of an earlier release; one that is no number, such as a build of one's own, is not."""
    numbers = [re.match(r"(\d+)\.(\d+)\.(\d+)", text) for text in (version, release)]
    mine, other = (match and tuple(map(int, match.groups())) for match in numbers)
    return bool(mine and other and mine < other)
