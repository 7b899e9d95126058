"""``python -m pulumi_cli`` prints the CLI's directory; ``python -m pulumi_cli run ARGUMENTS`` runs it."""

from __future__ import annotations

import os
import sys

from pulumi_cli import PulumiCliNotFound, find_or_install

_USAGE = f"usage: python -m pulumi_cli [run ARGUMENTS]\n\n{__doc__}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Find or install the CLI, with progress on standard error. Then print its directory, or run it in this process."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] != "run":
        sys.exit(_USAGE)
    try:
        cli = find_or_install(report=_say)
    except PulumiCliNotFound as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)  # the status of a program that Ctrl-C ended
    if arguments:
        pulumi = cli.directory / "pulumi"
        os.execve(pulumi, [str(pulumi), *arguments[1:]], cli.environment(os.environ))  # noqa: S606 - no shell wanted
    print(cli.directory)


if __name__ == "__main__":
    main()
