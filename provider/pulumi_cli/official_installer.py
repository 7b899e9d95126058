"""The script ``official_installer.py ROOT VERSION``. It runs in its own process, so that a download can be stopped."""

from __future__ import annotations

import subprocess
import sys

from pulumi.automation import PulumiCommand
from semver import VersionInfo


def main() -> None:
    """Install the CLI into ROOT/bin. On failure, print the reason."""
    root, version = sys.argv[1:]
    try:
        PulumiCommand.install(root=root, version=VersionInfo.parse(version))
    except subprocess.CalledProcessError as error:
        sys.exit(error.output.decode(errors="replace"))  # the installer's own explanation
    except OSError as error:
        sys.exit(f"cannot download the installer: {error}")


if __name__ == "__main__":
    main()
