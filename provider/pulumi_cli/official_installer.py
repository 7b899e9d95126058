"""A script of its own, so that a download that hangs can be stopped: ``official_installer.py ROOT VERSION``."""

from __future__ import annotations

import subprocess
import sys

from pulumi.automation import PulumiCommand
from semver import VersionInfo


def main() -> None:
    """Installs the CLI into ROOT/bin, or ends with the reason as its last words."""
    root, version = sys.argv[1:]
    try:
        PulumiCommand.install(root=root, version=VersionInfo.parse(version))
    except subprocess.CalledProcessError as error:
        sys.exit(error.output.decode(errors="replace"))  # the installer's own explanation
    except OSError as error:
        sys.exit(f"the installer could not be fetched: {error}")


if __name__ == "__main__":
    main()
