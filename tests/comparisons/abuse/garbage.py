"""Files and command lines as nobody should write them, and somebody will."""

from __future__ import annotations

import gzip
import io
import json
from typing import NamedTuple

import pyarrow as pa
from hypothesis import strategies as st
from pyarrow import parquet

NAMES = ("x", "y", "heads", "flips", "times")
STRANGE = (
    *("", " ", "1", "2", "0", "-1", "größe", "x,y", 'x"', "x\ny", "X", "nan", "-c", "--json"),
    *(
        "[bold]x[/bold]",
        "[/x]",
        "%s",
        "{x}",
        "x" * 300,
        "\u202ex",
        "😀",
        "1e5",
        "²",
        "٣",
        "\x1b[31m",
    ),
)
WORDS = (
    *("", " ", "NA", "nan", "NaN", "null", "None", "inf", "-inf", "Infinity", "-0.0", "0", "1e400"),
    *("1e308", "-1e308", "1e-320", "5e-324", "9007199254740993", "9007199254740992", "1" * 400),
    *("1,5", "1.234,5", "1,234", "1_000", "0x10", "1e", "+", "--1", "²", "٣", "½", "true"),
    *("FALSE", "2024-02-30", "1999-12-31", "12:00", "$5", "50%", "1 2", '"', "'", "\t", "a\x0bb"),
    *("=1+1", "#N/A", "-nan", "1d5", "1e5e5", ".", ".5", "5.", "😀", "\u00a05", "\x1b[31m1"),
)
COVARIANCES = ("full", "tied", "diagonal", "spherical", "tied-spherical")
SUFFIXES = (".csv", ".CSV", ".txt", ".tsv", ".csv.gz", ".parquet", ".pq", ".json", "")

NUMBERS = (0, -1, 40, 10**6, 10**30, "1.5", "x", "²", "٣", "1" * 400, "1_0", " 2", "+2", "nan")

chances = st.randoms(use_true_random=True)  # hypothesis would take the unlikely for the usual
finite = st.floats(allow_nan=False, allow_infinity=False)
usual = st.floats(100, 220).map(lambda value: round(value, 1))
tiny = st.floats(-1e-290, 1e-290)
huge = st.floats(1e150, 1.7e308) | st.floats(-1.7e308, -1e150)
near = st.integers(-3, 3).map(lambda step: 1e9 + step * 2.0**-20)
whole = st.integers(0, 30)
large = st.integers(-(2**70), 2**70)
word = st.sampled_from(WORDS) | st.text(max_size=8)
columns = st.sampled_from([usual, whole, finite, tiny, huge, near, large])
PROMISED = {
    "x": usual,
    "y": usual,
    "heads": st.integers(0, 6),
    "flips": st.integers(6, 30),
    "times": st.integers(0, 9),
}


class Written(NamedTuple):
    """A file: what its name ends with and what it holds."""

    suffix: str
    content: bytes

    def __repr__(self):
        """Return its beginning: workbooks are long."""
        return f"Written({self.suffix!r}, {self.content[:300]!r})"


@st.composite
def mutated(draw, content):
    """Return bytes with bits flipped, and parts lost, repeated, moved or made up."""
    raw = bytearray(draw(content) if isinstance(content, st.SearchStrategy) else content)
    for _ in range(draw(st.integers(1, 6))):
        if not raw:
            break
        at = draw(st.integers(0, len(raw) - 1))
        end = min(len(raw), at + draw(st.integers(1, 40)))
        match draw(st.integers(0, 6)):
            case 0:
                raw[at] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del raw[at:]
            case 2:
                del raw[at:end]
            case 3:
                raw[at:at] = raw[at:end] * draw(st.integers(1, 50))
            case 4:
                raw[at:at] = draw(st.binary(min_size=1, max_size=16))
            case 5:
                raw[at:end] = bytes(end - at)
            case _:
                raw[:0] = raw[at:end]
    return bytes(raw)


@st.composite
def records(draw, dice):
    """Return columns of cells by name: what the name promises, or anything."""
    rows, wild = dice.choice([0, 1, 2, 3, 12, 20, 20, 40, 40]), dice.random() < 0.3
    table = {}
    for name in NAMES if dice.random() < 0.9 else dice.sample(NAMES, dice.randint(1, 4)):
        kind = draw(columns) if wild else PROMISED[name]
        if wild and dice.random() < 0.1:
            table[name] = [draw(kind)] * rows
        else:
            table[name] = draw(st.lists(kind, min_size=rows, max_size=rows))
        if rows and dice.random() < 0.05:
            table[name][dice.randrange(rows)] = draw(word)
    return table


@st.composite
def csv_files(draw):
    """Return a CSV file in one of the many ways to write one."""
    dice = draw(chances)
    table = draw(records(dice))
    names = [one if dice.random() < 0.97 else dice.choice(NAMES + STRANGE) for one in table]
    mark, quote = dice.choice(",,,;\t|"), dice.choice(['"', "", ""])
    comma = dice.random() < 0.1
    lines = [names] if dice.random() < 0.97 else []
    lines += [list(row) for row in zip(*table.values(), strict=True)]
    if lines and dice.random() < 0.03:
        dice.choice(lines).append("7")
    if lines and dice.random() < 0.03:
        dice.choice(lines).pop()

    def cell(value):
        text = str(value).replace(".", ",") if comma else str(value)
        return f"{quote}{text}{quote}"

    end = dice.choice(["\n", "\n", "\r\n", "\r", "\n\n"])
    text = end.join(mark.join(map(cell, line)) for line in lines) + dice.choice(["", end])
    encoding = dice.choice(["utf-8"] * 20 + ["utf-8-sig", "latin-1", "utf-16", "utf-32"])
    raw = text.encode(encoding, errors="replace")
    if dice.random() < 0.1:
        raw = gzip.compress(raw, mtime=0)
    return Written(dice.choice([".csv"] * 50 + list(SUFFIXES)), raw)


TYPES = (
    *(pa.float64(), pa.float64(), pa.float32(), pa.float16(), pa.int64(), pa.uint64(), pa.int8()),
    *(pa.string(), pa.bool_(), pa.decimal128(38, 5), pa.date32(), pa.timestamp("ns"), pa.null()),
    *(pa.list_(pa.float64()), pa.struct([("a", pa.int64())]), pa.binary()),
    pa.dictionary(pa.int32(), pa.string()),
)


@st.composite
def parquet_files(draw):
    """Return a Parquet file of columns of any type, blanks among them."""
    dice, made = draw(chances), []
    table = draw(records(dice))
    names = [one if dice.random() < 0.95 else dice.choice(NAMES + STRANGE) for one in table]
    for values in table.values():
        if dice.random() < 0.1 and values:
            values[dice.randrange(len(values))] = None
        try:
            column = pa.array(values)
            made.append(column if dice.random() < 0.7 else column.cast(dice.choice(TYPES)))
        except (pa.ArrowException, OverflowError):
            made.append(pa.array([str(value) for value in values]))
    written = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(made, names=names), written)
    return Written(dice.choice([".parquet"] * 9 + [".csv"]), written.getvalue())


def broken(files):
    """Return files of a strategy, mutated."""
    return files.flatmap(
        lambda file: mutated(file.content).map(lambda raw: Written(file.suffix, raw))
    )


values = st.recursive(
    st.none() | st.booleans() | finite | st.integers() | st.text(max_size=4) | st.just(1e999),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
RECORDS = (
    {"weight": [0.4, 0.6], "mean": [163, 175], "sd": [6, 7]},
    {"weight": [0.4, 0.6], "prob": [0.2, 0.8]},
    {"weight": [0.4, 0.6], "rate": [3, 9]},
    {"weight": [0.4, 0.6], "median": [3, 9], "spread": [0.5, 1]},
    {"weight": [0.4, 0.6], "mean": [3, 9], "shape": [2, 5]},
    {"weight": [1], "mean": [[1, 2]], "cov": [[[2, 0], [0, 2]]]},
    {"mean": 170, "n": 1, "squares": 50, "degrees": 3},
    {"weight": 1, "heads": 1, "tails": 2},
    {"events": 1, "exposure": 2},
)


RIGHT = {
    "gamma": "mean=20,factor=5,degrees=3,shape=4",
    "gaussian": "mean=170,n=1,squares=50,degrees=3",
    "lognormal": "median=20,n=1,squares=2,degrees=3",
    "categorical": "weight=1,unseen=2",
    "poisson": "events=1,exposure=2",
    "binomial": "weight=1,heads=1,tails=2",
    "multivariate": "weight=1",
    "negative-binomial": "mean=5,mean_factor=4,size=2,size_factor=3",
    "student-t": "mean=170,n=1,squares=50,degrees=3,df=5,df_factor=3",
}


@st.composite
def json_files(draw):
    """Return an estimate, a prior, or something like one."""
    dice = draw(chances)
    record = dict(dice.choice(RECORDS))
    for _ in range(dice.choice([0, 0, 1, 2])):
        record[dice.choice([*record, "sd", "rate", "z"])] = draw(values)
    raw = json.dumps(draw(values) if dice.random() < 0.1 else record).encode()
    return Written(".json", draw(mutated(raw)) if dice.random() < 0.25 else raw)


@st.composite
def priors(draw, family):
    """Return a prior as it is typed, good or not."""
    dice = draw(chances)
    pairs = [pair.split("=") for pair in RIGHT[family].split(",")]
    for pair in pairs:
        if dice.random() < 0.2:
            pair[1] = dice.choice(["0", "-1", "1e308", "1e-308", "1e150", "nan", "inf", "x", ""])
    typed = ["=".join(pair) for pair in pairs]
    if dice.random() < 0.2:
        typed.append(dice.choice(["=", "==", "a=b=c", ",", "mean=", "n=1"]))
    return ",".join(typed)


@st.composite
def command_lines(draw, files, *, out=False):
    """Return the words of a command and the files that it names.

    `{0}` stands for the table and `{1}` for the JSON file.
    """
    dice = draw(chances)
    words = ["fit", dice.choice(["{0}"] * 50 + ["-"] * 5 + ["no.csv", ".", ""])]

    def maybe(chance, *more):
        if dice.random() < chance:
            words.extend(map(str, more))

    def name(usual):
        return usual if dice.random() < 0.98 else dice.choice(NAMES + STRANGE)

    def number(*usual):
        return dice.choice(usual) if dice.random() < 0.97 else dice.choice(NUMBERS)

    family = dice.choice(list(RIGHT))
    maybe(0.99, "--family", family if dice.random() < 0.99 else draw(word))
    maybe(0.99, "-k", number(1, 1, 2, 2, 2, 3, 5))
    if family == "binomial":
        maybe(0.99, "--heads", name("heads"))
        maybe(0.99, "--trials", name("flips") if dice.random() < 0.7 else number(30, 50))
    else:
        usual = {"multivariate": ("x", "y", "heads")[: dice.choice([2, 3])], "poisson": ("heads",)}
        for column in usual.get(family, ("x",)):
            maybe(0.99, "-c", name(column))
        maybe(0.01, "--heads", name("heads"))
    maybe(0.1, "--counts", name("times"))
    maybe(0.5 if family == "multivariate" else 0.01, "--covariance", dice.choice(COVARIANCES))
    maybe(0.1, "--equal-weights")
    maybe(0.1, "--prior", draw(priors(family)))
    maybe(0.03, "--prior", "{1}")
    maybe(0.2 if out else 0.01, "--estimate", "{1}")
    maybe(0.3, "--starts", number(1, 2, 5))
    maybe(0.3, "--seed", number(0, 1, 2**31, 2**32, 2**64, 10**40))
    maybe(0.3, "--drop-missing")
    maybe(0.03, "--overwrite")
    maybe(0.01, draw(word))
    maybe(0.01, f"--{draw(word)}")
    if out:
        words += ["--draws", str(number(10, 11)), "--chains", str(number(1)), "--out", "found"]
    else:
        words += ["--only", "em"]
        maybe(0.01, "--only", draw(word))
        maybe(0.01, "--out", "found")
        maybe(0.02, "--draws", draw(word))
    maybe(0.5, "--json")
    return words, (draw(files), draw(json_files()))
