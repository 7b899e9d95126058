"""Finds or installs the Pulumi CLI, for the quickstart and the tests. Not part of the wheel.

``find_or_install`` takes the first of these that works, and reports the result of each:

1. ``pulumi`` on PATH, if it is recent enough and has its Python language host;
2. a copy that this package installed earlier, in the user's cache directory;
3. the official installer, through the Pulumi SDK;
4. a build from the Go modules pinned in ``build/``, if Go is installed.

``python -m pulumi_cli`` prints the directory of the executables. ``python -m pulumi_cli run ARGUMENTS`` runs the CLI.
Works on Linux and macOS.
"""

from __future__ import annotations

from pulumi_cli.executables import MINIMUM_VERSION, PulumiCli, Source
from pulumi_cli.resolution import PulumiCliNotFound, find_or_install

__all__ = ["MINIMUM_VERSION", "PulumiCli", "PulumiCliNotFound", "Source", "find_or_install"]
