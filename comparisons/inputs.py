"""From what is typed on a command line to family, sample, prior; and the names of columns."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.estimate import estimate_of
from comparisons.reading import InputError, read_columns
from em.emission import EMISSIONS, emission_of
from models import Binomial, MultivariateGaussian, Prior, Sample
from models.mixture import checked_prior, weak_prior

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import xarray as xr

    from models.family import Array, Theta

__all__ = [
    "COVARIANCES",
    "FAMILIES",
    "Observed",
    "columns_of",
    "family_of",
    "guess",
    "name_columns",
    "one_of",
    "prior_of",
    "refuse_components",
    "refuse_estimate",
    "sample_of",
]

COVARIANCES = ("full", "tied", "diagonal", "spherical", "tied-spherical")
ROW = re.compile(r"^(x|trials|counts): row (\d+) \(counted from 0\)(?:, column (\d+))?")
COLUMN = re.compile(r"^x: column (\d+)")


def _short(family: type) -> str:
    """Return a family's name on the command line: gaussian, multivariate, binomial, ..."""
    name = family.__name__.lower()
    return name.removesuffix("gaussian") or name


FAMILIES = {_short(family): family for family in EMISSIONS}


class Observed(NamedTuple):
    """What a file says was observed.

    sample: of what was asked for.
    names: of the columns of x.
    dropped: how many rows had blanks.
    """

    sample: Sample
    names: list[str]
    dropped: int


def guess(given: str, choices: Collection[str]) -> str:
    """Ask whether the nearest of some choices is meant, if one is near."""
    near = get_close_matches(given.lower(), choices, 1)
    return f"did you mean {near[0]}? " if near else ""


def one_of(option: str, given: str, choices: Collection[str]) -> str:
    """Return what was given for an option, or refuse it and say which one may be meant."""
    if given in choices:
        return given
    listed = ", ".join(choices)
    raise InputError(f"{option} is {given!r}; {guess(given, choices)}it takes {listed}")


def family_of(name: str, covariance: str | None) -> type[Theta]:
    """Return the family of a name."""
    family = FAMILIES[one_of("--family", name, FAMILIES)]
    if covariance is None:
        return family
    form = one_of("--covariance", covariance, COVARIANCES)
    if not issubclass(family, MultivariateGaussian):
        raise InputError(f"--covariance {form} needs --family {_short(MultivariateGaussian)}")
    return MultivariateGaussian.with_covariance(form)


def sample_of(
    family: type[Theta],
    file: str,
    columns: Sequence[str],
    heads: str | None,
    trials: str | None,
    counts: str | None,
    *,
    drop_missing: bool,
) -> Observed:
    """Return what a file says was observed of a family.

    columns, or heads: what was observed. trials: the column of flips behind each number of heads,
    or one number for all. counts: the column that says how often each row occurred.
    """
    observed = _observed(family, columns, heads, trials)
    flips = trials if trials is not None and not trials.isdecimal() else None
    if trials is not None and flips is None and int(trials) < 1:
        raise InputError(f"--trials is {trials}; give how many flips are behind the heads, from 1")
    wanted = list(dict.fromkeys([*observed, *(one for one in (flips, counts) if one is not None)]))
    found = read_columns(file, wanted, drop_missing=drop_missing)
    x = [found.values[name] for name in observed]
    behind = found.values[flips] if flips is not None else None if trials is None else int(trials)
    if heads is not None and behind is not None:
        _refuse_more_heads(x[0], behind, heads, flips, found.where)
    titles = [_titled(one) for one in observed]
    names = {"x": titles, "trials": [flips], "counts": [counts]}
    with _said_of_the_file(names, found.where):
        times = None if counts is None else found.values[counts]
        sample = Sample(x[0] if len(x) == 1 else np.column_stack(x), behind, times)
        family.observe(sample)
    return Observed(sample, titles, found.dropped)


def _observed(
    family: type[Theta], columns: Sequence[str], heads: str | None, trials: str | None
) -> list[str]:
    """Return the columns of x, or refuse those that the family cannot take."""
    if heads is not None and columns:
        raise InputError("both --heads and --column are given; heads are the column")
    if heads is not None and trials is None:
        raise InputError("--heads needs --trials: the column of flips, or one number for all")
    if trials is not None and heads is None:
        raise InputError("--trials needs --heads: the column of heads")
    observed = [name.strip() for name in (columns if heads is None else [heads])]
    if not observed:
        raise InputError("which column? Give --column NAME (or --heads NAME --trials NAME)")
    for name in observed:
        if observed.count(name) > 1:
            raise InputError(f"--column {name} is given twice; give each column once")
    _refuse_columns(family, observed, heads)
    return observed


def _refuse_columns(family: type[Theta], observed: Sequence[str], heads: str | None) -> None:
    """Refuse columns that are too many, too few or of another kind than the family's."""
    name, table = _short(family), issubclass(family, MultivariateGaussian)
    if (heads is not None) != (family is Binomial):
        raise InputError(
            f"--family {name} counts heads; in place of --column give --heads NAME and --trials "
            "NAME (or a number)"
            if family is Binomial
            else f"--heads and --trials are for --family {_short(Binomial)}; give --column"
        )
    if table and len(observed) == 1:
        raise InputError(
            f"--family {_short(MultivariateGaussian)} takes several columns; give more with "
            f"--column, or take --family gaussian"
        )
    if not table and len(observed) > 1:
        raise InputError(
            f"--family {name} takes one --column, {len(observed)} are given; for several take "
            f"--family {_short(MultivariateGaussian)}"
        )


def _refuse_more_heads(
    heads: Array, trials: Array | int, name: str, flips: str | None, where: Callable[[int], str]
) -> None:
    """Refuse more heads than trials, and say whether the columns look swapped."""
    more = heads > trials
    if not more.any():
        return
    row = int(np.argmax(more))
    if flips is None:
        raise InputError(
            f"{name}: {where(row)} is {heads[row]:g}, more heads than --trials {trials}; "
            "how many flips are behind each row?"
        )
    remedy = f"swapped? Try --heads {flips} --trials {name}"
    raise InputError(
        f"{name}: {where(row)} is {heads[row]:g}, more heads than the "
        f"{np.asarray(trials)[row]:g} of {flips}; "
        + (f"are the columns {remedy}" if (heads >= trials).all() else "mend the file")
    )


def _titled(name: str) -> str:
    """Return what a column that was asked for by position is called."""
    return f"column {name}" if name.isdecimal() else name


@contextmanager
def _said_of_the_file(
    names: Mapping[str, Sequence[object]], where: Callable[[int], str] | None = None
) -> Iterator[None]:
    """Let what is wrong with x, trials or counts be said of columns and lines of the file."""
    try:
        yield
    except ValueError as problem:
        said = str(problem)
        if (row := ROW.match(said)) and where is not None:
            field, number, column = row.groups()
            label = _listed(names[field][int(column or 0) :][: 1 if column else None])
            said = f"{label}: {where(int(number))}{said[row.end() :]}"
        elif at := COLUMN.match(said):
            said = f"{names['x'][int(at[1])]}{said[at.end() :]}"
        else:
            said = re.sub(r"^(x|trials|counts)(?=[: ])", lambda one: _listed(names[one[1]]), said)
        raise InputError(said) from None


def _listed(names: Sequence[object]) -> str:
    return ", ".join(str(name) for name in names)


def refuse_components(family: type[Theta], observed: Observed, k: int, *, weak: bool) -> None:
    """Refuse columns without spread, more components than values, and what has no weak prior.

    weak: whether the weak prior is wanted.
    """
    sample, names = observed.sample, observed.names
    seen = sample.pick(np.flatnonzero(sample.counts))
    columns = seen.x.reshape(seen.distinct, -1).T
    for name, column in zip(names, columns, strict=True):
        if emission_of(family).located and np.ptp(column) == 0:
            raise InputError(
                f"{name} is constant, {column[0]:.10g} in every row, and has no spread to "
                "estimate; give another column"
            )
    if k > seen.distinct:
        rows = "value" if len(names) == 1 else "row"
        has = f"has {seen.distinct} distinct {rows}s"
        raise InputError(
            f"-k is {k}, but {_listed(names)} {has if seen.distinct > 1 else 'is constant'}; "
            f"give at most -k {seen.distinct}"
        )
    if weak:
        with _said_of_the_file({"x": names}):
            weak_prior(family, sample, k)


def refuse_estimate(path: str, family: type[Theta], sample: Sample, k: int) -> None:
    """Refuse an estimate that cannot be judged."""
    mixture, _ = estimate_of(path, family, sample.dimension)
    if len(mixture.weight) != k:
        given = len(mixture.weight)
        raise InputError(
            f"{path} has {given} component{'s' * (given > 1)}, -k is {k}; give -k {given}"
        )


def name_columns(tree: xr.DataTree, names: Sequence[str]) -> None:
    """Keep the names of the columns of x with a comparison."""
    tree.attrs["columns"] = json.dumps(list(names))


def columns_of(tree: xr.DataTree) -> list[str]:
    """Return the names of the columns of x; none where they are not known."""
    return [str(name) for name in json.loads(tree.attrs.get("columns", "[]"))]


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
