"""The exceptions of this program: input that it refuses, and work that cannot go on."""

from __future__ import annotations

__all__ = ["Refusal", "Stopped"]


class Refusal(ValueError):
    """Input cannot be used; the message is one line that says what is wrong and what to do.

    >>> raise Refusal("k is 0; give a whole number from 1 up")
    Traceback (most recent call last):
    models.refusal.Refusal: k is 0; give a whole number from 1 up
    """

    def __init__(self, message: str) -> None:
        """Store the message, with line breaks and control characters spelt out.

        message: may quote a file, which must neither break the line nor command the terminal.
        """
        plain = (one if one.isprintable() else repr(one)[1:-1] for one in message)
        super().__init__("".join(plain))


class Stopped(Exception):
    """A climb or a chain cannot go on; the message is one line that says why.

    >>> issubclass(Stopped, Refusal)  # the input was good
    False
    """
