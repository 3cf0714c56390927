"""From what is typed on a command line to family, sample, prior."""

from __future__ import annotations

import json
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from comparisons.reading import InputError, read_columns
from em.emission import EMISSIONS, emission_of
from models import MultivariateGaussian, Prior, Sample
from models.mixture import checked_prior

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.family import Theta

__all__ = ["CovarianceName", "FamilyName", "family_of", "named", "prior_of", "sample_of"]


def _short(family: type) -> str:
    """Return a family's name on the command line: gaussian, multivariate, binomial, ..."""
    name = family.__name__.lower()
    return name.removesuffix("gaussian") or name


FAMILIES = {_short(family): family for family in EMISSIONS}
FamilyName = StrEnum("FamilyName", list(FAMILIES))  # type: ignore[misc]


class CovarianceName(StrEnum):
    """What covariances of several columns may look like."""

    full = "full"
    tied = "tied"
    diagonal = "diagonal"
    spherical = "spherical"


def family_of(name: str, covariance: str | None) -> type[Theta]:
    """Return the family of a name."""
    family = FAMILIES[name]
    if covariance is None:
        return family
    if not issubclass(family, MultivariateGaussian):
        raise InputError(f"--covariance {covariance} needs --family {_short(MultivariateGaussian)}")
    return MultivariateGaussian.with_covariance(covariance)


def sample_of(
    file: str,
    columns: Sequence[str],
    heads: str | None,
    trials: str | None,
    counts: str | None,
    *,
    drop_missing: bool,
) -> tuple[Sample, int]:
    """Return the sample in a file, and how many rows were dropped for blanks.

    columns, or heads: what was observed. trials: the column of flips behind each number of heads,
    or one number for all. counts: the column that says how often each row occurred.
    """
    if heads is not None and columns:
        raise InputError("both --heads and --column are given; heads are the column")
    if heads is not None and trials is None:
        raise InputError("--heads needs --trials: the column of flips, or one number for all")
    if trials is not None and heads is None:
        raise InputError("--trials needs --heads: the column of heads")
    observed = list(columns) if heads is None else [heads]
    if not observed:
        raise InputError("which column? Give --column NAME (or --heads NAME --trials NAME)")
    flips = trials if trials is not None and not trials.isdecimal() else None
    wanted = list(dict.fromkeys([*observed, *(one for one in (flips, counts) if one is not None)]))
    found, dropped = read_columns(file, wanted, drop_missing=drop_missing)
    x = found[observed[0]] if len(observed) == 1 else np.column_stack([found[o] for o in observed])
    behind = found[flips] if flips is not None else None if trials is None else int(trials)
    with named(observed):
        return Sample(x, behind, None if counts is None else found[counts]), dropped


@contextmanager
def named(columns: Sequence[str]) -> Iterator[None]:
    """Let what is wrong with x be said of the columns that it was read from."""
    try:
        yield
    except ValueError as problem:
        said = str(problem)
        if said.startswith(("x: ", "x ")):
            said = ", ".join(columns) + said.removeprefix("x")
        raise InputError(said) from None


def prior_of(text: str | None, family: type[Theta], sample: Sample) -> Prior | None:
    """Return the prior that a text or a JSON file writes as observations not seen.

    text: such as "mean=170,n=1,squares=50,degrees=3", with weight=1 for the shares; or the path of
        a JSON file with the same names; None for the default.
    """
    if text is None:
        return None
    record = emission_of(family).prior
    names: tuple[str, ...] = record._fields  # type: ignore[attr-defined]
    given = _pairs(text) if "=" in text else _object(text)
    weight = given.pop("weight", 0.0)
    for name in given:
        if name not in names:
            raise InputError(f"--prior has {name!r}; it takes weight, {', '.join(names)}")
    missing = [name for name in names if name not in given]
    if missing:
        raise InputError(f"--prior lacks {', '.join(missing)}; it takes {', '.join(names)}")
    values = {name: _array(name, given[name]) for name in names}
    return checked_prior(Prior(_array("weight", weight), record(**values)), record, sample)


def _pairs(text: str) -> dict[str, object]:
    """Return name=number pairs."""
    found: dict[str, object] = {}
    for pair in text.split(","):
        name, _, value = pair.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise InputError(f"--prior: {pair.strip()!r} is not name=number") from None
    return found


def _object(path: str) -> dict[str, object]:
    """Return what a JSON file holds."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise InputError(
            f"--prior {path}: {problem.strerror}; give name=number,... or a JSON file"
        ) from None
    except ValueError:
        raise InputError(f"--prior {path} is not JSON") from None
    if not isinstance(found, dict):
        raise InputError(f"--prior {path} holds no object of names and numbers")
    return dict(found)


def _array(name: str, value: object) -> object:
    """Return a number, or an array of them."""
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"--prior: {name} is {value!r}; give numbers") from None
    return float(array) if array.ndim == 0 else array
