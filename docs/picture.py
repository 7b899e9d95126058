"""Draws the pictures of the README from a real run: ``uv run docs/picture.py``.

Deploys a small pipeline to an embedded engine, changes its plugin and an argument, and runs ``pulumi preview --diff``.
Writes ``docs/preview-light.svg`` and ``docs/preview-dark.svg``.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI, TerminalTheme
from rich.text import Text

from influxdb3_embedded.testing import start_engine
from pulumi_cli import PulumiCli, find_or_install

DOCS = Path(__file__).resolve().parent
COLUMNS = 100
THEMES = {"light": DEFAULT_TERMINAL_THEME, "dark": MONOKAI}

PLUGIN = """\
def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        for row in batch["rows"]:
            if row["usage"] > float(args["threshold"]):
                influxdb3_local.warn(f"{row['host']}: {row['usage']} %")
"""
CHANGED_PLUGIN = PLUGIN.replace("influxdb3_local.warn(", 'influxdb3_local.warn("cpu of " + ')
PROGRAM = """\
from pulumi_influxdb3_engine import Database, PluginFile, Trigger, table

metrics = Database("metrics")
alert = PluginFile("cpu_alert.py", source="plugins/cpu_alert.py")
Trigger(
    "cpu_alert",
    db=metrics.db,
    plugin_filename=alert.plugin_filename,
    trigger_specification=table("cpu"),
    trigger_arguments={"threshold": THRESHOLD},
)
"""

# Without the fonts that rich's own template loads from another site.
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px;
        line-height: {line_height}px; font-variant-east-asian: full-width;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: arial; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def changed_pipeline(directory: Path, cli: PulumiCli) -> str:
    """What ``pulumi preview --diff`` prints about a changed pipeline, with colours."""
    project = directory / "pipeline"
    (project / "plugins").mkdir(parents=True)
    environment = cli.environment(os.environ) | {
        "PULUMI_BACKEND_URL": f"file://{directory}",
        "PULUMI_CONFIG_PASSPHRASE": "",
    }

    def pulumi(*arguments: str) -> str:
        command = ["pulumi", *arguments, "--non-interactive"]
        return subprocess.run(
            command, cwd=project, env=environment, text=True, check=True, stdout=subprocess.PIPE
        ).stdout

    def declare(plugin: str, threshold: int) -> None:
        (project / "plugins" / "cpu_alert.py").write_text(plugin)
        (project / "__main__.py").write_text(PROGRAM.replace("THRESHOLD", str(threshold)))

    with start_engine(directory / "engine") as engine:
        (project / "Pulumi.yaml").write_text("name: pipeline\nruntime: python\n")
        pulumi("stack", "init", "prod")
        pulumi("config", "set", "influxdb3:hostUrl", engine.url)
        declare(PLUGIN, 80)
        pulumi("up", "--yes", "--skip-preview")
        declare(CHANGED_PLUGIN, 90)
        return pulumi("preview", "--diff", "--color", "always")


def picture(output: str, theme: TerminalTheme) -> str:
    """The output as an SVG of a terminal."""
    lines = ["$ pulumi preview --diff", *(line for line in output.splitlines() if line.strip() and "[urn=" not in line)]
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi("\n".join(lines)), crop=True, no_wrap=True, overflow="ellipsis")
    return console.export_svg(title="a changed plugin", theme=theme, code_format=SVG, unique_id="preview")


def main() -> None:
    """Draw both pictures."""
    with tempfile.TemporaryDirectory() as directory:
        output = changed_pipeline(Path(directory), find_or_install(report=print))
    for name, theme in THEMES.items():
        (DOCS / f"preview-{name}.svg").write_text(re.sub(r"[ \t]+$", "", picture(output, theme), flags=re.MULTILINE))
    sys.stdout.write(output)


if __name__ == "__main__":
    main()
