"""What makes a forked process a worker, and ties the lives of the engine's processes together."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_OOM_SCORE = "500"
"""When memory runs out, a leaking plugin is to be killed rather than the server."""

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Be killed when the parent process ends, however that ends; Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of what plugins leave behind, so that it can be ended with the engine; Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """Return the process ids of this process's children, adopted ones included; empty where /proc does not tell."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(pid) for pid in text.split()]


def become_worker(output: int) -> None:
    """Turn a fresh fork into a process group of its own whose output goes to a pipe.

    Args:
        output: Descriptor of the pipe; closed.
    """
    os.setpgid(0, 0)
    die_with_parent()
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - os.devnull is a str
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        # Made anew: whatever they were in the zygote, a line is to be seen when it is printed.
        stream = os.fdopen(descriptor, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    try:
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    except OSError:
        return  # not Linux, or not allowed here: the kernel chooses without our hint
