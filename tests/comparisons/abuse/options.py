"""Every option of every command, with values that are right, wrong and strange."""

from __future__ import annotations

import io
from typing import NamedTuple

from garbage import COVARIANCES, NAMES, NUMBERS, RIGHT, STRANGE, Written, chances, mutated
from hypothesis import strategies as st
from workbooks import open_document, written

FLAG = ("",)
BEGINNINGS = ("stationary", "free", "uniform", "often", "")
STRUCTURES = ("mixture", "hidden-markov", "admixture", "chain", "")
MORE = ("who", "day", "pet", "shares", "n", "word", "page", "age", "visits")
COLUMNS = (*NAMES, *MORE)
NUMERIC = ("1", "2", "3", "5", "0", "-1", "nan", "inf", "1e9", "1e400", "x", "", "²", "1" * 400)
MARKS = (",", ".", " ", "'", "x", "", ",,", "\u00a0", "\u2019", "none")
KINDS = (
    *("x:gaussian", "heads:poisson", "pet:categorical", "x:gamma", "y:student-t", "heads:binomial"),
    *("x:", ":gaussian", "x:gaussian:poisson", "nix:gaussian", "x:cauchy"),
)
NOWHERE = ("", ".", "no/where", "/dev/null/x", "f" * 300)
FOLDERS = ("found", *NOWHERE, "table.csv")
READING = {
    "--decimal": MARKS,
    "--thousands": MARKS,
    "--sheet": ("1", "2", "Two", "0", "99", "-1", "no", "", *STRANGE),
    "--drop-missing": FLAG,
}
ROWS = {
    "--column": (*COLUMNS, *KINDS, *STRANGE),
    "--heads": COLUMNS,
    "--trials": (*COLUMNS, "30", "0", "x", "1.5"),
    "--counts": COLUMNS,
    "--in-order": FLAG,
    "--sequence": COLUMNS,
    "--initial": BEGINNINGS,
    "--group": (*COLUMNS, *STRANGE),
    "--table": FLAG,
}
ASKED = {
    "--family": (*RIGHT, "normal", "gmm", "negbin", "gamma,lognormal", "cauchy", ",", ""),
    "--components": (*NUMERIC, "1-3", "1,2,4", "3-1", "1-", "0-2", "1-10000"),
    "--covariance": (*COVARIANCES, "all", "round", ""),
    "--df": NUMERIC,
    "--zeros": FLAG,
    "--equal-weights": FLAG,
    "--prior": (*RIGHT.values(), "{1}", "mean=", "=", "no.json", "."),
    "--draws": ("auto", "10", "9", "0", "x", "1.5", "1" * 400),
    "--chains": NUMERIC,
    "--starts": ("1", "2", "0", "-1", "x", "1.5"),
    "--seed": tuple(map(str, NUMBERS)),
    "--force": FLAG,
    "--json": FLAG,
    "--out": FOLDERS,
    "--overwrite": FLAG,
}
OPTIONS = {
    "fit": {
        **READING,
        **ROWS,
        **ASKED,
        "--names": ("a,b", "a", "a,a", "", ",", "a,b,c", "few,many", *STRANGE),
        "--units": ("cm", "cm,kg", "", ",", "%", "a,b,c,d", *STRANGE),
        "--estimate": ("{1}", "no.json", ".", "{0}"),
        "--within": NUMERIC,
        "--accept-misfit": FLAG,
        "--some": NUMERIC,
        "--only": ("em", "em", "em", "mcmc", ""),
        "--workers": ("0", "-1", "x"),  # no process is started for what is wrong
        "--cluster": ("", "nowhere", "x://y"),
    },
    "choose": {**READING, **ROWS, **ASKED, "--replicates": NUMERIC},
    "predict": {
        **READING,
        "--out": ("labels.csv", "labels.csv", *NOWHERE),
        "--overwrite": FLAG,
        "--shares": FLAG,
        "--only": ("em", "mcmc", ""),
    },
    "study": {
        "--all": FLAG,
        "--people": NUMERIC,
        "--image": ("{0}", "{1}", "no.png", ".", ""),
        "--seed": tuple(map(str, NUMBERS)),
        "--out": FOLDERS,
        "--overwrite": FLAG,
        "--json": FLAG,
    },
    "calibrate": {
        "--components": NUMERIC,
        "--observations": NUMERIC,
        "--structure": STRUCTURES,
        "--initial": BEGINNINGS,
        "--covariance": COVARIANCES,
        "--df": NUMERIC,
        "--zeros": FLAG,
        "--replicates": NUMERIC,
        "--replicate": ("-1", "x", "1.5"),
        "--seed": tuple(map(str, NUMBERS)),
        "--jobs": NUMERIC,
        "--out": FOLDERS,
        "--json": FLAG,
    },
    "alarms": {
        "--weak": FLAG,
        "--structure": STRUCTURES,
        "--replicates": NUMERIC,
        "--seed": tuple(map(str, NUMBERS)),
        "--jobs": NUMERIC,
        "--out": FOLDERS,
        "--json": FLAG,
    },
    "speed": {
        "--only": ("em", "growth", "growht", ""),
        "--quick": FLAG,
        "--out": FOLDERS,
        "--json": FLAG,
    },
    "references": {"--json": FLAG},
}
"""The options of each command; a flag has the empty value alone."""

NEEDED = {
    "calibrate": (*RIGHT, "normal", "cauchy", ""),
    "alarms": (*RIGHT, "cauchy", ""),
    "study": ("coin", "heights", "image", "cion", ""),
}
WORKBOOKS = (".xlsx", ".xlsx", ".ods", ".xls", ".XLSX", ".csv")
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "gb18030", "shift_jis")


class Cells(NamedTuple):
    """How numbers are written: their decimal mark, and what stands between thousands."""

    decimal: str
    thousands: str
    blank: float

    def of(self, value, dice):
        """Return a cell as text."""
        if dice.random() < self.blank:
            return dice.choice(["", "", " ", "NA", "-"])
        if isinstance(value, str):
            return value
        written = f"{value:,}".replace(",", "\0").replace(".", self.decimal)
        return written.replace("\0", self.thousands)


def rows_of(dice):
    """Return the names of columns, and rows of what they promise."""
    n = dice.choice([1, 3, 12, 20, 20, 30])
    rows = [
        [
            round(dice.gauss(170 if at % 2 else 1150, 9), 1),
            round(dice.gauss(60, 9), 1),
            dice.randint(0, 6),
            dice.randint(6, 30),
            dice.randint(0, 9),
            dice.choice(["ann", "bob", "größe", "猫"]),
            f"d{at * 3 // n}",
            dice.choice(["cat", "dog"]),
            round(dice.random(), 3),
            *(dice.randint(0, 9), dice.choice("abc"), f"p{at % 4}"),
            *(dice.randint(25, 70), dice.randint(0, 9)),
        ]
        for at in range(n)
    ]
    return list(COLUMNS), rows


@st.composite
def people(draw, counted):
    """Return a table as people have them: marks, blanks, encodings, workbooks, a table of counts."""
    dice = draw(chances)
    names, rows = rows_of(dice)
    if counted:
        names = ["who", "cat", "dog", "bird"]
        rows = [[f"g{at}", *(dice.randint(0, 30) for _ in range(3))] for at in range(6)]
    if dice.random() < 0.3:
        return Written(dice.choice(WORKBOOKS), draw(workbooks(dice, names, rows)))
    cells = Cells(
        dice.choice("...,"), dice.choice(["", "", ".", ",", "'", " "]), dice.choice([0, 0, 0, 0.1])
    )
    mark = dice.choice(";\t" if "," in cells[:2] else ",;\t")
    lines = [names, *([cells.of(value, dice) for value in row] for row in rows)]
    text = "\n".join(
        mark.join(f'"{one}"' if mark in one else one for one in line) for line in lines
    )
    raw = text.encode(dice.choice(ENCODINGS), errors="replace")
    return Written(".csv", draw(mutated(raw)) if dice.random() < 0.1 else raw)


@st.composite
def workbooks(draw, dice, names, rows):
    """Return the bytes of a workbook, whole or broken."""
    lines, target = [names, *rows], io.BytesIO()
    if dice.random() < 0.3:
        open_document(target, lines)
    else:
        blank = [[None if dice.random() < 0.05 else value for value in row] for row in lines[1:]]
        written(
            target,
            {"One": [names, *blank], "Two": lines}
            if dice.random() < 0.5
            else {"One": [names, *blank]},
        )
    raw = target.getvalue()
    return draw(mutated(raw)) if dice.random() < 0.3 else raw


@st.composite
def sound(draw, command, counted):
    """Return the words of a command with which nothing is wrong.

    counted: whether the file is a table of counts.
    """
    dice = draw(chances)
    if command in {"fit", "choose"} and counted:
        return [command, "{0}", "--family", "categorical", "--table", "-k", "2"]
    if command in {"fit", "choose"}:
        ways = (
            ("--family", "gaussian", "-c", "x"),
            ("--family", "poisson", "-c", "heads", "--in-order"),
            ("--family", "poisson", "-c", "heads", "--sequence", "day"),
            ("--family", "categorical", "-c", "pet", "--group", "who"),
            ("--family", "multivariate", "-c", "x", "-c", "y"),
            ("-c", "x:gaussian", "-c", "heads:poisson", "-c", "pet:categorical"),
            ("--family", "binomial", "--heads", "heads", "--trials", "flips"),
            ("--family", "gaussian", "-c", "age", "--drop-missing"),
        )
        words = [command, "{0}", *dice.choice(ways)]
        return [*words, "-k", dice.choice("122")] if dice.random() < 0.9 else words
    if command == "predict":
        return [command, "{2}", "{0}", "--only", "em"]
    return [command, *([dice.choice(NEEDED[command])] if command in NEEDED else [])]


@st.composite
def spoiled(draw, command):
    """Return a sound command with some more options, whatever they say, and its table."""
    dice, counted = draw(chances), draw(st.sampled_from([False] * 6 + [True]))
    words = draw(sound(command, counted))
    known = OPTIONS[command]
    for option in dice.sample(list(known), min(len(known), dice.choice([0, 0, 1, 1, 2, 4]))):
        values = known[option]
        value = dice.choice(values if dice.random() < 0.4 else values[:3])  # which are mostly right
        words += [option] if values is FLAG else [option, value]
    whole = {"--only", "--out", "--estimate", "--some"} & {*words}
    if command == "fit" and dice.random() < 0.7 and not whole:
        words += ["--only", "em"]
    return words, draw(people(counted))
