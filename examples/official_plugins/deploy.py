"""Deploys this example on this machine with plugins of InfluxData's registry, and shows what they do.

    uv run examples/official_plugins/deploy.py [--registry URL]

Draws what the plugins produced in the terminal, and in ``chart.svg`` beside this file. Needs the network: the registry,
and Python packages. Everything it starts is stopped at the end.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import EngineApiError
from pulumi_cli import find_or_install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from influxdb3_engine_api import EngineClient

EXAMPLE = Path(__file__).parent
SECONDS = 60.0
HOUR = 3_600_000_000_000  # in nanoseconds
HOURS = 6
HOTTEST = 36.0
LIMIT = 30.0  # of `field_conditions` in the program


def main() -> int:
    """Deploy, write some hours of readings, and draw the hourly means and the alerts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registry", help="URL of another registry's index.json")
    registry = parser.parse_args().registry
    alerts: list[str] = []
    with tempfile.TemporaryDirectory() as directory, start_engine(Path(directory, "engine")) as engine:
        webhook = receiver(alerts)
        project = shutil.copytree(EXAMPLE, Path(directory, "project"), ignore=shutil.ignore_patterns("__pycache__"))
        settings = {"influxdb3:hostUrl": engine.url, "every": "5s"}
        if registry:
            settings["influxdb3:registry"] = registry
        environment = find_or_install(report=print).environment(os.environ) | {
            "PULUMI_BACKEND_URL": Path(directory).as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "",
        }

        def pulumi(*arguments: str) -> None:
            subprocess.run(["pulumi", *arguments, "--non-interactive"], cwd=project, env=environment, check=True)

        try:
            pulumi("stack", "init", "dev")
            for key, value in settings.items():
                pulumi("config", "set", key, value)
            pulumi("config", "set", "--secret", "webhook", f"http://127.0.0.1:{webhook.server_port}/")
            pulumi("up", "--yes")
        except subprocess.CalledProcessError:
            print("The deployment failed; the lines above say why.", file=sys.stderr)
            return 1
        engine.client.write_lp("home", "\n".join(readings()))
        means = wait_for(lambda: hourly_means(engine.client))
        wait_for(lambda: alerts)
        webhook.shutdown()
    draw(means, alerts)
    return 0 if means and alerts else 1


def readings() -> Iterator[str]:
    """Line protocol: a reading each ten minutes of the last hours; the temperature rises and falls."""
    now = time.time_ns() // HOUR * HOUR
    for ago in range(6 * HOURS):
        yield f"home,room=hall temp={21 + 12 * math.sin(ago / 6 / HOURS * math.pi):.1f} {now - (ago + 1) * HOUR // 6}"


def hourly_means(client: EngineClient) -> list[dict[str, Any]]:
    """What the plugin "downsampler" has written, once all hours are there."""
    means = client.query_sql("home", "SELECT time, temp_avg FROM home_hourly ORDER BY time")
    return means if len(means) >= HOURS else []


def draw(means: list[dict[str, Any]], alerts: list[str]) -> None:
    """Draw a bar for each hour in the terminal, and the same picture as SVG."""
    chart = Table("hour (UTC)", "", "mean", title="Hourly means by downsampler", box=None)
    for row in means:
        color = "red" if row["temp_avg"] > LIMIT else "cyan"
        chart.add_row(
            row["time"][11:16], Bar(HOTTEST, 0, row["temp_avg"], width=40, color=color), f"{row['temp_avg']:.1f} °C"
        )
    console = Console(record=True, width=72)
    console.print(chart)
    console.print(f"{len(alerts)} alerts by threshold_deadman_checks. The first one:", alerts[0] if alerts else "none")
    console.save_svg(str(EXAMPLE / "chart.svg"), title="official plugins")


def receiver(alerts: list[str]) -> ThreadingHTTPServer:
    """A web server that notes what is posted to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            alerts.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def wait_for(look: Callable[[], Any]) -> Any:
    """The first result that is not empty; the last one if none is."""
    ends = time.monotonic() + SECONDS
    while True:
        try:
            found = look()
        except EngineApiError:  # the table does not exist yet
            found = None
        if found or time.monotonic() > ends:
            return found
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
