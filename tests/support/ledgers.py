"""Clients that note which operations were acknowledged, and which was under way when the engine was killed.

`act` carries out one operation. After a restart, `check` finds that acknowledged operations are there, and that the one
under way is whole or absent.
"""

from __future__ import annotations

import random
import string
import time
import zipfile
from typing import TYPE_CHECKING, Protocol

import httpx

from influxdb3_engine_api import BadRequest, CreateTrigger, EngineClient, TriggerSettings, paths
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

DATABASE = "d"
LINES_A_WRITE = 5
PATIENCE = 30.0

COUNT_DELIVERIES = """\
import collections, uuid
def process_writes(influxdb3_local, table_batches, args=None):
    run = uuid.uuid4().hex
    for batch in table_batches:
        counts = collections.Counter((row["writer"], row["n"]) for row in batch["rows"])
        for (writer, n), count in counts.items():
            line = LineBuilder(args["into"]).tag("writer", writer).tag("n", str(n)).tag("run", run)
            influxdb3_local.write(line.int64_field("count", count))
"""
IDLE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"
IMPORTER = """\
import importlib
def process_request(influxdb3_local, query, headers, body, args=None):
    try:
        return {"answer": importlib.import_module(query["module"]).answer}
    except ModuleNotFoundError as error:
        return {"missing": error.name}
"""


def trigger(name: str, plugin: str, specification: str, *, run_async: bool = False, **arguments: str) -> CreateTrigger:
    return CreateTrigger(
        db=DATABASE,
        plugin_filename=plugin,
        trigger_name=name,
        trigger_settings=TriggerSettings(run_async=run_async, error_behavior=ErrorBehavior.LOG),
        trigger_specification=specification,
        trigger_arguments=arguments,
        disabled=False,
    )


class Ledger(Protocol):
    def act(self, client: EngineClient) -> None: ...

    def check(self, engine: RunningEngine, client: EngineClient) -> None: ...


class Writes:
    """Writes of several lines, and the writes that two WAL triggers have seen."""

    WITNESSES = ("seen", "seen_async")

    def __init__(self, writer: str) -> None:
        self.acknowledged: set[int] = set()
        self.deliveries = 0
        self.redeliveries = 0
        self._writer = writer
        self._sent = 0

    def act(self, client: EngineClient) -> None:
        self._sent += 1
        n = self._sent
        times = range(n * LINES_A_WRITE, (n + 1) * LINES_A_WRITE)
        client.write_lp(
            DATABASE, "\n".join(f"m,writer={self._writer} n={n}i {at}" for at in times), precision="nanosecond"
        )
        self.acknowledged.add(n)

    def check(self, engine: RunningEngine, client: EngineClient) -> None:
        found = self._counts(client, "SELECT n, count(*) AS c FROM m WHERE writer = $writer GROUP BY n")
        assert set(found.values()) <= {LINES_A_WRITE}, "a write is there in part"
        assert self.acknowledged - found.keys() == set(), "an acknowledged write is lost"
        assert max(found, default=0) <= self._sent
        self.acknowledged = set(found)
        counts = [self._await_deliveries(client, witness) for witness in self.WITNESSES]
        self.deliveries = sum(sum(count.values()) for count in counts) // LINES_A_WRITE
        self.redeliveries = self.deliveries - len(counts) * len(self.acknowledged)

    def _await_deliveries(self, client: EngineClient, witness: str) -> dict[int, int]:
        query = f"SELECT n, sum(count) AS c FROM {witness} WHERE writer = $writer GROUP BY n"
        deadline = time.monotonic() + PATIENCE
        while self.acknowledged - (seen := self._counts(client, query)).keys():
            assert time.monotonic() < deadline, f"{witness}: a trigger never saw an acknowledged write"
            time.sleep(0.05)
        assert all(count % LINES_A_WRITE == 0 for count in seen.values()), "a trigger saw a write in part"
        return seen

    def _counts(self, client: EngineClient, query: str) -> dict[int, int]:
        try:
            rows = client.query_sql(DATABASE, query, {"writer": self._writer})
        except BadRequest as error:
            if "not found" not in str(error):
                raise
            return {}  # no table yet: nothing was written
        return {int(row["n"]): row["c"] for row in rows}


class Triggers:
    """Triggers that are created, disabled, enabled and deleted."""

    def __init__(self, random_: random.Random) -> None:
        self._random = random_
        self._disabled: dict[str, bool] = {}
        self._under_way: tuple[str, bool | None] | None = None

    def act(self, client: EngineClient) -> None:
        name = f"t{self._random.randrange(8)}"
        disabled = self._disabled.get(name)
        if disabled is None:
            self._change(name, False, lambda: client.create_trigger(trigger(name, "idle.py", "every:1h")))
        elif not disabled:
            self._change(name, True, lambda: client.disable_trigger(DATABASE, name))
        elif self._random.random() < 0.5:
            self._change(name, False, lambda: client.enable_trigger(DATABASE, name))
        else:
            self._change(name, None, lambda: client.delete_trigger(DATABASE, name))

    def _change(self, name: str, disabled: bool | None, change: Callable[[], None]) -> None:
        self._under_way = name, disabled
        change()
        self._note(name, disabled)
        self._under_way = None

    def _note(self, name: str, disabled: bool | None) -> None:
        self._disabled.pop(name, None)
        if disabled is not None:
            self._disabled[name] = disabled

    def check(self, engine: RunningEngine, client: EngineClient) -> None:
        found = {row.trigger_name: row.disabled for row in client.triggers(DATABASE) if row.trigger_name[0] == "t"}
        if self._under_way is not None:
            name, _ = self._under_way
            if found.get(name) != self._disabled.get(name):
                self._note(*self._under_way)
            self._under_way = None
        assert found == self._disabled


class Files:
    """Plugin files and a plugin directory, with contents that show whether they are whole."""

    FILES = ("__init__.py", "a.py", "deep/b.py")

    def __init__(self, random_: random.Random) -> None:
        self._random = random_
        self._version = 0
        self._promised: dict[str, int] = {}
        self._under_way: tuple[str, int] | None = None

    def act(self, client: EngineClient) -> None:
        self._version += 1
        content = _content(self._version)
        name = self._random.choice(["f0.py", "f1.py", "package"])
        self._under_way = name, self._version
        if name == "package":
            client.update_plugin_directory("package", dict.fromkeys(self.FILES, content))
        else:
            client.create_plugin_file(name, content)
        self._promised[name] = self._version
        self._under_way = None

    def check(self, engine: RunningEngine, client: EngineClient) -> None:
        paths = {"f0.py": ["f0.py"], "f1.py": ["f1.py"], "package": [f"package/{file}" for file in self.FILES]}
        for name, version in self._promised.items():
            contents = [(engine.plugin_dir / path).read_text() for path in paths[name]]
            possible = {version, self._under_way[1]} if self._under_way and self._under_way[0] == name else {version}
            assert contents in [[_content(v)] * len(contents) for v in possible], f"{name} is torn or old"
            self._promised[name] = next(v for v in possible if contents[0] == _content(v))
        self._under_way = None


class Tokens:
    """Named admin tokens."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self._sent = 0

    def act(self, client: EngineClient) -> None:
        self._sent += 1
        answer = httpx.post(
            f"{client.host_url}{paths.TOKEN_NAMED_ADMIN}",
            json={"token_name": f"token{self._sent}"},
            headers={"authorization": f"Bearer {self.secrets[0]}"},
        )
        assert answer.status_code == 201, answer.text
        self.secrets.append(answer.json()["token"])

    def check(self, engine: RunningEngine, client: EngineClient) -> None:
        with httpx.Client(base_url=client.host_url) as http:
            for secret in self.secrets[-50:]:
                assert http.get(paths.PING, headers={"authorization": f"Bearer {secret}"}).status_code == 200


class Packages:
    """Installed packages of two modules each; wheels made by hand, so that nothing is downloaded."""

    def __init__(self, directory: Path) -> None:
        self.installed: list[str] = []
        self._directory = directory
        self._under_way: str | None = None
        self._sent = 0

    def act(self, client: EngineClient) -> None:
        self._sent += 1
        self._under_way = name = f"sample_{self._sent}"
        client.install_packages([str(make_wheel(self._directory, name))])
        self.installed.append(name)
        self._under_way = None

    def check(self, engine: RunningEngine, client: EngineClient) -> None:
        if self._under_way is not None:
            # the installation under way is finished or absent; it succeeds when repeated
            client.install_packages([str(self._directory / f"{self._under_way}-1.0-py3-none-any.whl")])
            self.installed.append(self._under_way)
            self._under_way = None
        for name in self.installed[-5:]:
            answer = client.call_request_trigger("import", params={"module": name})
            assert answer.json() == {"answer": name}


def make_wheel(directory: Path, name: str) -> Path:
    directory.mkdir(exist_ok=True)
    wheel = directory / f"{name}-1.0-py3-none-any.whl"
    information = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "from .part import answer\n")
        archive.writestr(f"{name}/part.py", f"answer = {name!r}\n")
        archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{information}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{information}/RECORD", "")
    return wheel


def _content(version: int) -> str:
    noise = "".join(random.Random(version).choices(string.ascii_letters, k=version * 997 % 60_000))
    return f"# version {version}\ndef process_scheduled_call(influxdb3_local, call_time, args=None):\n    '{noise}'\n"
