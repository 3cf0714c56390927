"""What is wrong with the way a command is typed: one line, in the words of this program."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["misuse"]

INVALID = re.compile(r"Invalid value for (?P<names>'-[^:]*'): (?P<what>.*)")
UNKNOWN = re.compile(r"No such option: (?P<name>\S+) \(Possible options: (?P<known>.*)\)")
BOUND = re.compile(r"Input should be greater than or equal to (?P<least>\S+)")
NUMBERS = {
    "Input should be a valid integer, unable to parse string as an integer": "a whole number",
    "Input should be a valid number, unable to parse string as a number": "a number",
}
"""What pydantic says of a text that is no number, and what to give."""

MEANT = r"\1; did you mean \2?"
REWORDED = (
    (r"No such option: (\S+)$", r"there is no option \1"),
    (r"No such option: (\S+) Did you mean (\S+)\?$", rf"there is no option {MEANT}"),
    (r"No such command ('.*')\. Did you mean '(.*)'\?$", rf"there is no command {MEANT}"),
    (r"No such command '(.*)'$", r"there is no command '\1'"),
    (r"Missing argument '(.*)'$", r"\1 is missing; give it after the command"),
    (r"Option '(.*)' requires an argument$", r"\1 needs a value"),
    (
        r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)$",
        r"\1 is too much; write a column behind -c, and a pattern of files in quotes",
    ),
)
"""What click says, and what this program says in its place."""
RANGE = re.compile(r"\d+[-,][\d,-]+")


def misuse(said: str, typed: Sequence[str]) -> str:
    """Return a message of the parser in plain words: first what is wrong, then what to give.

    typed: the words of the command line.

    >>> wrong = "Invalid value for '-k' / '--components': Input should be greater than or equal to "
    >>> misuse(wrong + "1", ["fit", "people.csv", "-k", "0"])
    '-k is 0; give 1 or more'
    >>> misuse("No such command 'fitt'. Did you mean 'fit'?", ["fitt"])
    "there is no command 'fitt'; did you mean fit?"
    """
    plain = said.strip().rstrip(".")
    if unknown := UNKNOWN.fullmatch(plain):
        (near,) = get_close_matches(unknown["name"], unknown["known"].split(", "), 1, cutoff=0)
        return f"there is no option {unknown['name']}; did you mean {near}?"
    invalid = INVALID.fullmatch(plain)
    if invalid is None:
        for pattern, words in REWORDED:
            if re.match(pattern, plain):
                return re.sub(pattern, words, plain)
        return plain
    name, value = _given(re.findall(r"'(-[^']*)'", invalid["names"]), typed)
    what = invalid["what"]
    bound = BOUND.fullmatch(what)
    if bound is not None:
        what = f"give {bound['least']} or more"
    elif what in NUMBERS:
        what = f"give {NUMBERS[what]}"
        if name in {"-k", "--components"} and RANGE.fullmatch(value):
            what = f"give one number, or compare several: second-opinion choose FILE -k {value}"
    return f"{name} is {value}; {what}" if value else f"{name}: {what}"


def _given(names: Sequence[str], typed: Sequence[str]) -> tuple[str, str]:
    """Return an option as it was typed, and its value; empty if it is not found."""
    for at, word in enumerate(typed):
        for name in names:
            if word == name:
                return name, (*typed, "")[at + 1]
            joined = f"{name}=" if name.startswith("--") else name
            if word.startswith(joined):
                return name, word.removeprefix(joined)
    return names[0], ""
