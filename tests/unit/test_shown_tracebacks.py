"""Which tracebacks of the CLI's output the end-to-end tests take for a fault."""

from __future__ import annotations

import pytest
from stack import Ran

INTERRUPTED = """\
    Traceback (most recent call last):
      File "/opt/pulumi/bin/pulumi-language-python-exec", line 232, in <module>
        loop.run_until_complete(coro)
      File "/usr/lib/python3.11/selectors.py", line 468, in select
        fd_event_list = self._selector.poll(timeout, max_ev)
                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    KeyboardInterrupt
"""
AGAIN = "    During handling of the above exception, another exception occurred:\n"
OF_THE_PROGRAM = INTERRUPTED.replace("KeyboardInterrupt", "ZeroDivisionError: division by zero")
OF_THE_PROVIDER = INTERRUPTED.replace("pulumi-language-python-exec", "server.py")


def shown(diagnostics: str) -> Ran:
    progress = " +  pulumi:pulumi:Stack test-dev create ".join(["", *INTERRUPTED.splitlines(keepends=True)])
    return Ran(
        255, f"Previewing update (dev):\n{progress}Diagnostics:\n  pulumi:pulumi:Stack (test-dev):\n{diagnostics}\n"
    )


def test_the_interruption_of_a_program_is_the_language_hosts() -> None:
    assert not shown("    error: refused\n").has_traceback()
    assert not shown(INTERRUPTED).has_traceback()
    assert not shown(INTERRUPTED + AGAIN + INTERRUPTED).has_traceback()


@pytest.mark.parametrize("fault", [OF_THE_PROGRAM, OF_THE_PROVIDER])
def test_any_other_exception_is_ours(fault: str) -> None:
    assert shown(fault).has_traceback()
    assert shown(fault + AGAIN + INTERRUPTED).has_traceback()
    assert shown(INTERRUPTED + AGAIN + fault).has_traceback()
    assert Ran(1, fault).has_traceback()
