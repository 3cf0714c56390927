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

from comparisons import cli

LONGEST = 60  # seconds that anything may take
STUCK = 90  # seconds after which compiled code that no signal reaches is ended


class Hung(BaseException):
    """What no handler of ours may catch."""


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@contextmanager
def in_time():
    """Raise Hung after a minute; end the process where that is not heard."""

    def hung(*_):
        raise Hung(f"more than {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(LONGEST)
    faulthandler.dump_traceback_later(STUCK, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def ended(words, stdin=b""):
    """Run the command with these words and say how it ended."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", write_through=True)
    pipe = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    with ExitStack() as stack:
        stack.enter_context(patch.object(sys, "argv", ["second-opinion", *words]))
        stack.enter_context(patch.object(sys, "stdin", pipe))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        stack.enter_context(warnings.catch_warnings())  # the command shows warnings its own way
        stack.enter_context(in_time())
        warnings.simplefilter("default")
        try:
            cli.main()
        except SystemExit as left:
            status = left.code
    return Ended(status, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())
