"""Write one small file of each kind that this release saves, into an archive called after it.

uv run python tests/comparisons/kept/saved/make.py
"""

from __future__ import annotations

import sys
import tarfile
from contextlib import redirect_stdout, suppress
from importlib.metadata import version
from io import StringIO
from os import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from bayes import sample
from bayes.posterior import tree
from comparisons.command.main import main
from comparisons.kept import tree as kept
from models import Poisson, Sample

HERE = Path(__file__).parent
SHORT = ("--chains", "2", "--draws", "10")
COUNTS = [0, 1, 1, 0, 2, 1, 0, 7, 9, 8, 6, 7, 10, 8]
TABLES = {
    "counts": {"n": COUNTS},
    "chain": {"n": [0, 1, 0, 2, 1, 0, 7, 9, 8, 6, 7, 10, 1, 0, 1, 2]},
    "topics": {"word": list("aababaabbcbccbcbbccbaacb"), "page": list("111111112222222233333333")},
    "mixed": {
        "age": [31, 28, 35, "", 33, 30, 64, 70, 61, 68, "", 66],
        "visits": [1, 0, 2, 1, 0, 1, 6, 8, 7, 9, 6, ""],
        "pet": ["cat", "cat", "dog", "cat", "", "cat", "dog", "dog", "bird", "dog", "bird", "dog"],
    },
}
ASKED = {
    "counts": ("-f", "poisson", "-c", "n", "--names", "few,many"),
    "chain": ("-f", "poisson", "-c", "n", "--in-order"),
    "topics": ("-f", "categorical", "-c", "word", "--group", "page"),
    "mixed": ("-c", "age:gaussian", "-c", "visits:poisson", "-c", "pet:categorical"),
}


def printed(*words: str) -> str:
    """Return what a command prints, in the folder that we are in."""
    out = StringIO()
    typed = patch.object(sys, "argv", ["second-opinion", *words])
    with typed, redirect_stdout(out), suppress(SystemExit):
        main()
    return out.getvalue()


def write(into: Path) -> None:
    """Write all files into a folder."""
    for name, columns in TABLES.items():
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        Path(f"{name}.csv").write_text("\n".join(lines) + "\n")
        fit = ("fit", f"{name}.csv", *ASKED[name], "-k", "2", *SHORT, "--out", name, "--json")
        (into / f"{name}.json").write_text(printed(*fit))
        (Path(name) / "comparison.nc").replace(into / f"{name}.nc")
    sample(Poisson, Sample(COUNTS), 2, draws=10, chains=2).to_netcdf(into / "posterior.nc")
    choose = (
        "choose",
        "counts.csv",
        "-f",
        "poisson",
        "-c",
        "n",
        "-k",
        "1-2",
        "--draws",
        "200",
        "--json",
    )
    (into / "choice.json").write_text(printed(*choose))
    (into / "study.json").write_text(printed("study", "dish", "--json"))
    few = ("--observations", "20", "--replicates", "6")
    printed("calibrate", "poisson", *few, "--out", "calibration")
    for name in ("replicates.jsonl", "summary.json"):
        (Path("calibration") / name).replace(into / name)


if __name__ == "__main__":
    small = (  # numbers of draws of the prior, and of places of a density
        patch.object(tree, "PRIOR_DRAWS", 20),
        patch.object(kept, "FINE", 40),
        patch.object(kept, "COARSE", 20),
    )
    with TemporaryDirectory() as scratch, small[0], small[1], small[2]:
        chdir(scratch)
        Path("saved").mkdir()
        write(Path("saved"))
        with tarfile.open(
            HERE / f"{version('second-opinion')}.tar.xz", "x:xz", preset=9
        ) as archive:
            archive.add("saved", ".")
