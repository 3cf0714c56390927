"""Every help: whole at 80 columns, in the order in which people look, with all exit statuses."""

from __future__ import annotations

import itertools
import re
import sys

import pytest
from typer.main import get_command

from comparisons.command import main as cli
from comparisons.command.finish import EXIT, INTERRUPTED

COMMANDS = ["", *get_command(cli.app).commands]
VERDICTS = ("", "fit", "choose", "study")
CHECKS = ("references", "calibrate", "speed")  # status 1 says what they found


@pytest.fixture
def helped(monkeypatch, capsys):
    """Return the help of a command at a width, by lines."""

    def asked(command, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "argv", ["second-opinion", *command.split(), "--help"])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        assert (left.value.code, err) == (0, "")
        return out.splitlines()

    return asked


def words(lines):
    return " ".join(" ".join(lines).replace("│", " ").split())


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_cut_at_80_columns(helped, command):
    lines = helped(command)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    wide = words(helped(command, 200))
    for name in ("negative-binomial", "tied-spherical"):
        assert words(lines).count(name) == wide.count(name)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_exit_status_is_listed(helped, command):
    said = words(helped(command, 200))
    listed = said.partition("Exit status:")[2].partition("Arguments")[0].partition("Options")[0]
    found = set(map(int, re.findall(r"(?<![\w.])(\d+) (?=[a-z])", listed)))
    known = {cli.BAD_INPUT, cli.BROKEN, INTERRUPTED}
    if command in VERDICTS:
        known |= set(EXIT.values())
    else:
        known |= {0, 1} if command in CHECKS else {0}
    assert found == known


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_sentence_and_no_python(helped, command):
    for line in helped(command):
        assert not re.search(r"<bool>|<int|FAMILIES|COVARIANCES", line), line
    for option in get_command(cli.app).commands[command].params if command else ():
        if not option.hidden:
            assert re.search(r"[.:)]$|[A-Z]$", option.help), option.name
            assert option.help[0] in "em-" or option.help[0].isupper(), option.name


def test_the_line_between_statuses_and_numbers_is_seen():
    """Negative control: a help that forgets one."""
    text = "Exit status: 0 done, 2 bad input"
    assert re.findall(r"(?<![\w.])(\d+) (?=[a-z])", text) == ["0", "2"]


@pytest.mark.parametrize("command", COMMANDS)
def test_paragraphs_fill_a_terminal_of_60_columns(helped, command):
    """A line ends where the next word finds no room, and not where the docstring's line ends."""
    prose = helped(command, 60)
    prose = prose[: next(at for at, line in enumerate(prose) if line.startswith("╭"))]
    assert len(prose) > 4
    assert ragged(prose) == []


def ragged(lines):
    """Return the lines that end although the first word of the next has room behind them."""
    return [
        one
        for one, after in itertools.pairwise(lines)
        if one.strip() and after.strip()
        if len(one.rstrip()) + 1 + len(after.split()[0]) < 60
    ]


def test_a_line_that_ends_early_is_seen():
    assert ragged([" Fit a model to", " columns."]) == [" Fit a model to"]
