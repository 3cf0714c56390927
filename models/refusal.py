"""The exceptions of this program: input that it refuses, and work that cannot go on."""

from __future__ import annotations

import re

__all__ = ["Refusal", "Stopped", "both", "worded"]

BEGIN, OR, END = "\ue000\ue001\ue002"  # around a remedy both ways: no letters of any language
BOTH_WAYS = re.compile(f" {BEGIN}([^{OR}]*){OR}([^{END}]*){END}")


class Refusal(ValueError):
    """Input cannot be used; the message is one line that says what is wrong and what to do.

    >>> raise Refusal("k is 0; give a whole number from 1 up")
    Traceback (most recent call last):
    models.refusal.Refusal: k is 0; give a whole number from 1 up
    """

    def __init__(self, message: str) -> None:
        """Store the message, with line breaks and control characters spelt out.

        message: may quote a file, which must neither break the line nor command the terminal.
            Remedies may be `both` ways: the text has those of Python.
        """
        self.both_ways = "".join(
            one if one.isprintable() or one in (BEGIN, OR, END) else repr(one)[1:-1]
            for one in message
        )
        super().__init__(worded(self.both_ways, typed=False))


class Stopped(Exception):
    """A climb or a chain cannot go on; the message is one line that says why.

    >>> issubclass(Stopped, Refusal)  # the input was good
    False
    """


def both(python: str, typed: str) -> str:
    """Return a remedy as Python writes it and as it is typed, for a message to choose from.

    >>> str(Refusal(f"give rows in time {both('Sequences(x)', '--in-order')}"))
    'give rows in time (Sequences(x))'
    """
    return f"{BEGIN}{python}{OR}{typed}{END}"


def worded(message: str, *, typed: bool | None = None) -> str:
    """Return a message whose remedies are as Python writes them, or as they are typed.

    message: with remedies `both` ways.
    typed: whether on the command line; None leaves both out.

    >>> message = f"give rows in time {both('Sequences(x)', '--in-order')}"
    >>> worded(message, typed=True), worded(message)
    ('give rows in time (--in-order)', 'give rows in time')
    """
    if typed is None:
        return BOTH_WAYS.sub("", message)
    return BOTH_WAYS.sub(r" (\2)" if typed else r" (\1)", message)
