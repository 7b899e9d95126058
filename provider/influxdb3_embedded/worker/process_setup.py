"""Sets up worker processes: their end with the parent, their privileges, their output."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_CAPABILITIES_TO_LOOK = (16, 17, 19, 21, 38, 39, 40)
"""SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN, PERFMON, BPF, CHECKPOINT_RESTORE: each can read others' memory."""

_CAPABILITY_VERSION = 0x20080522

_OOM_SCORE = "500"
"""When memory runs out, the kernel kills a plugin before the engine."""

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Have this process killed when its parent ends; Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def notice_end_of_parent() -> None:
    """Have SIGCHLD sent to this process when its parent ends, as for the end of a child; Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGCHLD)


def adopt_orphans() -> None:
    """Make this process the parent of orphans among its descendants; Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_process() -> None:
    """Hide memory, environment and descriptors of this process from other processes of its user; Linux only.

    ``/proc/PID`` then belongs to root. An ``exec`` ends this.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def give_up_tracing() -> None:
    """Give up the privileges to look into hidden processes, for this process and its descendants; Linux only."""
    if _LIBC is None:
        return
    for capability in _CAPABILITIES_TO_LOOK:
        _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header, sets = struct.pack("Ii", _CAPABILITY_VERSION, 0), ctypes.create_string_buffer(24)
    if _LIBC.capget(header, sets) == 0:
        given_up = sum(1 << capability for capability in _CAPABILITIES_TO_LOOK)
        # effective, permitted and inheritable: each has two words, the second for capabilities from 32 on
        words = struct.unpack("6I", sets.raw)
        kept = [word & ~(given_up >> (32 if place > 2 else 0)) & 0xFFFFFFFF for place, word in enumerate(words)]
        _LIBC.capset(header, struct.pack("6I", *kept))


def close_inherited(*kept: int) -> None:
    """Close all descriptors except the standard ones and the given ones."""
    last = 2
    for descriptor in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(last + 1, descriptor)
        last = descriptor


def become_worker(output: int) -> None:
    """Put a new fork into its own process group, and send its output to a pipe.

    Args:
        output: Descriptor of the pipe; closed afterwards.
    """
    os.setpgid(0, 0)
    die_with_parent()
    adopt_orphans()
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - os.devnull is a str
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        # New streams with line buffering: a line is in the log as soon as it is printed.
        stream = os.fdopen(descriptor, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    try:
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    except OSError:
        return  # not Linux, or not allowed
