"""The command in this process, as a shell would see it."""

from __future__ import annotations

import faulthandler
import io
import signal
import sys
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

from comparisons.command import main as cli

LONGEST = 60  # seconds that anything may take
COMPILING = 120  # seconds more for the machine code of a family, where it is not there yet
STUCK = 30  # seconds after those until compiled code that no signal reaches is ended


class Hung(BaseException):
    """What no handler of ours may catch."""


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@contextmanager
def in_time(longest=None):
    """Raise Hung after a minute, or so many seconds; end the process where that is not heard."""
    longest = LONGEST if longest is None else longest

    def hung(*_):
        raise Hung(f"more than {longest} seconds")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(longest)
    faulthandler.dump_traceback_later(longest + STUCK, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def ended(words, stdin=b""):
    """Run the command with these words and say how it ended."""
    longest = LONGEST + (0 if "--only" in words else COMPILING)
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", write_through=True)
    pipe = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    with ExitStack() as stack:
        stack.enter_context(patch.object(sys, "argv", ["second-opinion", *words]))
        stack.enter_context(patch.object(sys, "stdin", pipe))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        stack.enter_context(warnings.catch_warnings())  # the command shows warnings its own way
        stack.enter_context(in_time(longest))
        warnings.simplefilter("default")
        try:
            cli.main()
        except SystemExit as left:
            status = left.code
    return Ended(status, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())
