"""Runs pip or ensurepip under the plugins' interpreter.

The engine writes a JSON object to standard input, ``{"module": NAME, "arguments": [TEXT...], "readable": DIRECTORY,
"hidden": DIRECTORY}``. All users of the machine can read the arguments of a process, and URLs of packages may have
credentials. Processes that packages start while they are built end with pip.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from . import credentials
from .offspring import end_all
from .process_setup import adopt_orphans, close_inherited, give_up_tracing, hide_process


def main(lock: str, umask: str) -> None:
    """Run the requested module in a child process, and exit with its status.

    Args:
        lock: Descriptor that stays open while the module runs.
        umask: The umask of the module.
    """
    request = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    close_inherited(int(lock))
    os.set_inheritable(int(lock), False)
    os.umask(int(umask))
    hide_process()  # its environment may have the credentials of an index
    give_up_tracing()
    adopt_orphans()
    pid = os.fork()
    if pid == 0:
        _run(**request)
        return
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(1))
    try:
        _, status = os.waitpid(pid, 0)
    finally:
        end_all()
        credentials.remove(Path(request["hidden"]))
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        print(f"pip was killed by signal {signal.Signals(-code).name}", file=sys.stderr)
    sys.exit(code if code >= 0 else 1)


def _run(module: str, arguments: list[str], readable: str, hidden: str) -> None:
    sys.argv = [module, *credentials.take(arguments, Path(hidden))]
    if module == "pip":
        _guard_requirements(Path(os.path.realpath(readable)), Path(os.path.realpath(hidden)))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _guard_requirements(readable: Path, hidden: Path) -> None:
    """Let pip read requirements files of one directory only: its errors quote lines of the files."""
    req_file: Any = import_module("pip._internal.req.req_file")
    exceptions: Any = import_module("pip._internal.exceptions")
    read = req_file.get_file_content

    def read_guarded(url: str, *arguments: Any, **keywords: Any) -> Any:
        if not url.lower().startswith(("http:", "https:")):
            path = Path(os.path.realpath(unquote(urlsplit(url).path) if url.lower().startswith("file:") else url))
            hides = not readable.is_relative_to(hidden) and path.is_relative_to(hidden)
            if hides or not path.is_relative_to(readable):
                raise exceptions.InstallationError(f"requirements file outside the plugin directory: {url}")
        return read(url, *arguments, **keywords)

    req_file.get_file_content = read_guarded
