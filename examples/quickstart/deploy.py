"""Deploys the quickstart on this machine: starts an engine, runs `pulumi up`, and shows what the pipeline writes.

    uv run examples/quickstart/deploy.py           stops the engine at the end
    uv run examples/quickstart/deploy.py --keep    leaves the engine running and shows how to stop it

Data, logs and the stack's state stay in ``.deploy/``, so that a second run reports no changes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from influxdb3_engine_api import AnswerError, EngineApiError, EngineClient
from influxdb3_engine_api.specification import parse_catalog
from pulumi_cli import PulumiCliNotFound, find_or_install

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / ".deploy"
STACK = "quickstart"
DATABASE = "metrics"
PREFERRED_PORT = 8181
START_SECONDS = 30.0
PIPELINE_SECONDS = 60.0

console = Console(highlight=False)


class QuickstartFailed(Exception):
    """The quickstart has failed; the text is shown without a traceback."""


class Engine:
    """The embedded engine: the one that an earlier ``--keep`` left running, or a new one."""

    def __init__(self) -> None:
        self._running = DEPLOY / "engine.json"
        self._log = DEPLOY / "engine.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.pid = 0

    @property
    def started_here(self) -> bool:
        """Whether this run started the engine, and has to stop it."""
        return self._process is not None

    def start(self) -> None:
        """Start the engine, or find the running one; returns when it answers."""
        remembered = json.loads(self._running.read_text()) if self._running.exists() else {}
        self.url, self.pid = remembered.get("url", ""), remembered.get("pid", 0)
        if self.url and _answers(self.url) and _is_engine(self.pid):
            console.print(f"[green]✓[/] engine kept from an earlier run at {self.url}")
            return
        # the port of the last run: the report's URL is an output of the stack
        port = httpx.URL(self.url).port if self.url else PREFERRED_PORT
        if not self._listen(port or PREFERRED_PORT) and not self._listen(0):
            raise QuickstartFailed(f"The engine did not start. The end of its log {self._log}:\n{_tail(self._log)}")
        self._running.write_text(json.dumps({"url": self.url, "pid": self.pid}))
        console.print(f"[green]✓[/] embedded engine at {self.url} (data and log in {DEPLOY.relative_to(ROOT)}/)")

    def stop(self) -> None:
        """Stop the engine, if this run started it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _listen(self, port: int) -> bool:
        ready = DEPLOY / "url"
        ready.unlink(missing_ok=True)
        command = [
            *(sys.executable, "-m", "influxdb3_embedded", "serve", "--without-auth"),
            *("--http-bind", f"127.0.0.1:{port}", "--ready-file", str(ready)),
            *("--data-dir", str(DEPLOY / "data"), "--plugin-dir", str(DEPLOY / "plugins")),
        ]
        with self._log.open("ab") as log:
            # in its own session: Ctrl-C ends the deployment first, then this script stops the engine
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if ready.exists():
                self.url, self.pid = ready.read_text().strip(), self._process.pid
                return True
            time.sleep(0.05)
        self.stop()
        self._process = None
        return False


def _answers(url: str) -> bool:
    try:
        with EngineClient(url, timeout=5) as client:
            client.health()
    except EngineApiError:
        return False
    return True


def _is_engine(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 0


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def pulumi_environment(engine_url: str) -> dict[str, str]:
    """The environment for Pulumi: the CLI first on ``PATH``, state in ``.deploy/``, no questions."""
    try:
        cli = find_or_install(report=lambda text: console.print(f"  {text}", style="dim", markup=False, soft_wrap=True))
    except PulumiCliNotFound as error:
        raise QuickstartFailed(str(error)) from None
    console.print(f"[green]✓[/] Pulumi CLI {cli.version} in {cli.directory}")
    state = DEPLOY / "state"
    state.mkdir(exist_ok=True)
    variables = {
        "PATH": cli.environment(os.environ)["PATH"],
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": str(DEPLOY / "pulumi-home"),
        "PULUMI_STACK": STACK,
        "INFLUXDB3_HOST_URL": engine_url,
    }
    (DEPLOY / "env").write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
    return cli.environment(os.environ) | variables


def pulumi(environment: dict[str, str], *arguments: str) -> None:
    """Run the CLI with its output shown."""
    console.print(f"\n[bold]$ pulumi {' '.join(arguments)}[/]")
    # in its own session, so that Ctrl-C reaches it only once: a second interrupt makes the CLI lose its state
    command = ["pulumi", *arguments, "--non-interactive"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        status = process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    if status != 0:
        raise QuickstartFailed(f"pulumi {arguments[0]} failed with status {status}. See its message above.")


def wait_for_pipeline(client: EngineClient) -> None:
    """Return when ``cpu`` and ``alerts`` have rows; a short load on all cores causes an alert."""
    with console.status("waiting for the first metrics ..."):
        _wait_for_rows(client, "cpu")
    console.print("[green]✓[/] metrics arrive")
    if not _newest(client, "alerts"):
        with console.status("loading all cores, so that the CPU usage crosses the threshold ..."), _load_all_cores():
            _wait_for_rows(client, "alerts")
    console.print("[green]✓[/] an alert was raised")


def _wait_for_rows(client: EngineClient, table: str) -> None:
    deadline = time.monotonic() + PIPELINE_SECONDS
    while not _newest(client, table, limit=1):
        if time.monotonic() > deadline:
            raise QuickstartFailed(
                f"No row in table {table!r} after {PIPELINE_SECONDS:.0f} s. "
                f"Errors in the triggers' log:\n{_error_log(client)}"
            )
        time.sleep(0.2)


def _newest(client: EngineClient, table: str, limit: int = 5) -> list[dict[str, Any]]:
    try:
        return client.query_sql(DATABASE, f"SELECT * FROM {table} ORDER BY time DESC LIMIT {limit}")
    except AnswerError as error:
        if "not found" in error.text:
            return []
        raise


def _error_log(client: EngineClient) -> str:
    sql = (
        "SELECT trigger_name, log_text FROM system.processing_engine_logs"
        " WHERE log_level = 'ERROR' ORDER BY event_time DESC LIMIT 10"
    )
    rows = client.query_sql(DATABASE, sql)
    return "\n".join(f"{row['trigger_name']}: {row['log_text']}" for row in rows) or "no errors"


@contextlib.contextmanager
def _load_all_cores() -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_spin, args=(PIPELINE_SECONDS,), daemon=True) for _ in range(os.cpu_count() or 1)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def _spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def show(client: EngineClient, engine_url: str) -> None:
    """Show the triggers, the newest rows and the report."""
    arguments = client.trigger_arguments(DATABASE)
    triggers = [
        {
            "trigger": row.trigger_name,
            "runs": row.plugin_filename,
            "on": parse_catalog(row.trigger_specification).text,
            "arguments": ", ".join(f"{key}={value}" for key, value in arguments.get(row.trigger_name, {}).items()),
            "state": "disabled" if row.disabled else "enabled",
        }
        for row in client.triggers(DATABASE)
    ]
    console.print()
    _print_rows("Triggers", triggers)
    _print_rows("Newest rows of cpu", _newest(client, "cpu"))
    _print_rows("Newest rows of alerts", _newest(client, "alerts"))
    answer = client.call_request_trigger("report")
    console.print(f"[bold]GET {engine_url}/api/v3/engine/report[/] answers {answer.status_code}:", soft_wrap=True)
    console.print_json(answer.text)


def _print_rows(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns))
    console.print(table)


def next_steps(engine: Engine, *, kept: bool) -> None:
    """Show what to try next."""
    steps = [
        ("Use the stack in your shell", ". .deploy/env"),
        ("Change the threshold", "uv run pulumi config set quickstart:threshold 80"),
        ("See what changes", "uv run pulumi preview --diff"),
        ("Break a plugin", "rename process_request in plugins/report.py, then preview"),
        ("Delete everything", "uv run pulumi destroy --yes"),
    ]
    if kept:
        steps.append(("Stop the engine", f"kill {engine.pid}"))
    else:
        steps.insert(0, ("Keep the engine running", "uv run examples/quickstart/deploy.py --keep"))
    console.print("\n[bold]What to try next[/]")
    for what, how in steps:
        console.print(f"  {what:<32}{how}", soft_wrap=True)


def deploy(engine: Engine, *, keep: bool) -> None:
    """Run the whole quickstart."""
    DEPLOY.mkdir(exist_ok=True)
    engine.start()
    environment = pulumi_environment(engine.url)
    pulumi(environment, "stack", "select", STACK, "--create")
    pulumi(environment, "up", "--yes", "--skip-preview")
    console.print()
    with EngineClient(engine.url) as client:
        wait_for_pipeline(client)
        show(client, engine.url)
    next_steps(engine, kept=keep or not engine.started_here)


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the engine running")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    engine, done = Engine(), False
    try:
        deploy(engine, keep=keep)
        done = True
    except (QuickstartFailed, EngineApiError) as error:
        console.print(f"\n[bold red]The quickstart failed.[/] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        console.print("\nInterrupted.")
        return 130
    finally:
        if not (keep and done):
            engine.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
