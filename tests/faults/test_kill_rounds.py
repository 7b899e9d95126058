"""``kill -9`` at random moments while clients change all that an engine stores.

``FAULT_ROUNDS=100`` runs a hundred rounds. ``FAULT_SEED`` repeats a run; each run prints its seed.
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from ledgers import (
    COUNT_DELIVERIES,
    DATABASE,
    IDLE,
    IMPORTER,
    Files,
    Ledger,
    Packages,
    Tokens,
    Triggers,
    Writes,
    make_wheel,
    trigger,
)

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import AnswerLost, EngineClient, EngineUnreachable, paths

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "12"))
LONGEST_ROUND = 0.8


def prepare(engine: RunningEngine, tokens: Tokens, wheels: Path) -> None:
    tokens.secrets.append(httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}").json()["token"])
    with EngineClient(engine.url, tokens.secrets[0]) as client:
        client.create_database(DATABASE)
        for name, source in {"count.py": COUNT_DELIVERIES, "idle.py": IDLE, "import.py": IMPORTER}.items():
            client.create_plugin_file(name, source)
        client.create_plugin_file("package/__init__.py", IDLE)
        client.create_trigger(trigger("package", "package", "every:1h"))
        client.create_trigger(trigger("import", "import.py", "request:import"))
        client.create_trigger(trigger("seen", "count.py", "table:m", into="seen"))
        client.create_trigger(trigger("seen_async", "count.py", "table:m", run_async=True, into="seen_async"))
        # the first installation also installs pip, which takes longest
        client.install_packages([str(make_wheel(wheels, "sample_0"))])


def act_until_killed(engine: RunningEngine, ledgers: list[Ledger], token: str, seconds: float) -> list[BaseException]:
    failures: list[BaseException] = []

    def act(ledger: Ledger) -> None:
        with EngineClient(engine.url, token) as client:
            try:
                while True:
                    ledger.act(client)
            except (AnswerLost, EngineUnreachable, httpx.TransportError):
                return
            except BaseException as error:  # noqa: BLE001 - raised by the test, in its own thread
                failures.append(error)

    threads = [threading.Thread(target=act, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    engine.kill()
    for thread in threads:
        thread.join()
    return failures


@pytest.mark.timeout(60 + 20 * ROUNDS)
def test_after_a_kill_acknowledged_changes_are_whole_and_others_whole_or_absent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("FAULT_SEED", str(random.randrange(2**32))))
    random_ = random.Random(seed)
    writes = [Writes("a"), Writes("b")]
    tokens, packages = Tokens(), Packages(tmp_path / "wheels")
    ledgers: list[Ledger] = [*writes, Triggers(random_), Files(random_), tokens, packages]
    with start_engine(tmp_path, without_auth=False) as engine:
        prepare(engine, tokens, tmp_path / "wheels")
        engine.stop()
    began = time.monotonic()
    for number in range(ROUNDS):
        with start_engine(tmp_path, without_auth=False) as engine:
            with EngineClient(engine.url, tokens.secrets[0]) as client:
                for ledger in ledgers:
                    ledger.check(engine, client)
            assert "Traceback" not in engine.logs, engine.logs
            moment = random_.uniform(0, LONGEST_ROUND)
            failures = act_until_killed(engine, ledgers, tokens.secrets[0], moment)
            assert not failures, f"seed {seed}, round {number}: {failures}"
    with start_engine(tmp_path, without_auth=False) as engine, EngineClient(engine.url, tokens.secrets[0]) as client:
        for ledger in ledgers:
            ledger.check(engine, client)
    with capsys.disabled():
        print(
            f"\n{ROUNDS} kills in {time.monotonic() - began:.0f} s (seed {seed}):"
            f" {sum(len(ledger.acknowledged) for ledger in writes)} writes, {len(tokens.secrets)} tokens and"
            f" {len(packages.installed)} packages kept; {sum(ledger.deliveries for ledger in writes)} deliveries to"
            f" WAL triggers, of which {sum(ledger.redeliveries for ledger in writes)} again"
        )
