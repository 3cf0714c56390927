"""From what is typed on a command line to family, sample and prior."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import numpy as np

from comparisons.thresholds import LEAST_DRAWS
from comparisons.verdict.estimates import estimate_of
from comparisons.verdict.records import numbers_in, pairs_in
from em.emission import emission_of
from models import Prior, Sample
from models.aliases import family_meant, guess, is_family
from models.family import components, labelled
from models.names import (
    FAMILIES,
    FORMS,
    MADE,
    family_named,
    name_of,
    option_of,
    record_of,
    refuse_inestimable_rows,
    takes_blanks,
)
from models.observations import OutOfCore
from models.prior import checked_prior
from models.question import observed as refuse_others
from models.question import refuse_single_categories, weak_prior
from models.reading.column_names import column_label
from models.reading.columns import Columns
from models.reading.in_groups import scan_in_groups, scan_labels
from models.reading.in_order import scan_in_order
from models.reading.messages import ROW, located_in_file
from models.reading.scan import scan_columns
from models.reading.table import scan_table
from models.refusal import Refusal
from models.sequences import INITIALS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from distributed import Client

    from comparisons.kept.facts import Facts
    from comparisons.kept.reading import Reading
    from models.family import Theta
    from models.observations import Observations
    from models.question import Question
    from models.reading.columns import Progress
    from models.reading.source import Paths
    from models.sequences import Initial
    from models.structure import Data

__all__ = [
    "Observed",
    "beside_zeros",
    "draws_of",
    "family_of",
    "forms",
    "forms_of",
    "groups_of",
    "kind_of",
    "known",
    "known_family",
    "one_of",
    "prior_of",
    "refuse_components",
    "refuse_estimate",
    "refuse_other_families",
    "sample_of",
    "sequences_of",
    "table_of",
    "those_with_df",
]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
ZEROS = "zero-inflated"  # what --zeros makes of a family


SEVERAL = "independent"  # the family of columns that have families of their own


class Observed(NamedTuple):
    """What a file says was observed.

    data: of what was asked for.
    names: of the columns of x.
    dropped: how many rows had blanks.
    reading: how the rows were read.
    units: of the columns; "" where a unit is not known.

    >>> Observed(Sample([170.2, 181.5]), ["height"], dropped=1).measured_in("cm").titles
    ['height in cm']
    """

    data: Data
    names: list[str]
    dropped: int
    reading: Reading | None = None
    units: tuple[str, ...] = ()

    def measured_in(self, text: str | None) -> Self:
        """Return the same with the units that a text names; Refusal for more or fewer of them."""
        if text is None:
            return self
        units = tuple(one.strip() for one in text.split(","))
        if len(units) != len(self.names):
            given, wanted = (
                f"{len(one)} {what}{'s' * (len(one) > 1)}"
                for one, what in ((units, "unit"), (self.names, "column"))
            )
            raise Refusal(f"--units names {given} for {wanted}; give one for each, such as cm,kg")
        return self._replace(units=units)

    @property
    def titles(self) -> list[str]:
        """What pictures and pages call the columns, such as height in cm."""
        each = zip(self.names, self.units or ("",) * len(self.names), strict=True)
        return [f"{name} in {unit}" if unit else name for name, unit in each]

    def name(self, facts: Facts) -> None:
        """Let a comparison of these rows know their columns, and how they were read."""
        facts.name_columns(self.titles)
        if self.reading is not None:
            facts.keep_reading(self.reading)

    @property
    def sample(self) -> Observations:
        """The distinct rows."""
        return self.data.sample


def one_of(option: str, given: str, choices: Collection[str]) -> str:
    """Return what was given for an option, or refuse it and say which one may be meant.

    >>> one_of("--only", "em", ["em"])
    'em'
    """
    if given in choices:
        return given
    listed = ", ".join(choices)
    raise Refusal(f"{option} is {given!r}; {guess(given, choices)}it takes {listed}")


def known(what: str, name: str, choices: Collection[str]) -> str:
    """Return a name, or refuse one that is not among those there are, and say which may be meant.

    >>> known("part", "em", ["em"])
    'em'
    """
    if name not in choices:
        listed = ", ".join(choices)
        raise Refusal(f"there is no {what} {name!r}; {guess(name, choices)}there are {listed}")
    return name


def known_family(name: str, families: Mapping[str, type[Theta]]) -> str:
    """Return the short name of one of some families, or refuse a name that means none of them.

    >>> known_family("negbin", FAMILIES)
    'negative-binomial'
    """
    meant = family_meant(name) if is_family(name) else None
    return known(
        "family", next((one for one in families if families[one] is meant), name), families
    )


def family_of(
    name: str,
    form: str | None,
    df: float | None = None,
    *,
    zeros: bool = False,
    several: bool = False,
) -> type[Theta]:
    """Return the family that --family, --covariance, --df and --zeros name.

    several: whether there are several columns.

    >>> family_of("multivariate", "diagonal")
    <class 'models.multivariate.DiagonalGaussian'>
    >>> family_of("poisson", None, zeros=True)
    <class 'models.zero_inflated.ZeroInflated(Poisson)'>
    """
    found = _family_of(name, form, df, several=several)
    return beside_zeros(found) if zeros else found


def beside_zeros(family: type[Theta]) -> type[Theta]:
    """Return a family with zeros in excess, or refuse one to which they mean nothing.

    >>> beside_zeros(family_of("gamma", None))
    <class 'models.zero_inflated.ZeroInflated(Gamma)'>
    """
    return MADE[ZEROS].read(family.__name__)


def _family_of(name: str, form: str | None, df: float | None, *, several: bool) -> type[Theta]:
    """Return the family without zeros in excess."""
    family = family_meant(name, several=several or form is not None, where="--family")
    short = name_of(family)
    if form is not None:
        one_of("--covariance", form, forms())
        if form not in FORMS.get(short, {}):
            takes = [one for one, known in FORMS.items() if form in known]
            raise Refusal(f"--covariance {form} needs --family {' or '.join(takes)}")
        family = family_named(short, form)
    if df is not None:
        if short not in those_with_df():
            raise Refusal(f"--df needs --family {' or '.join(those_with_df())}")
        if not 0 < df < np.inf:
            raise Refusal(f"--df is {df:g}; give a number above 0")
        return MADE[short].read(f"df={df!r}")
    return family


def those_with_df() -> list[str]:
    """Return the families whose degrees of freedom --df holds.

    >>> those_with_df()
    ['student-t']
    """
    return [name for name, made in MADE.items() if made.number == "df"]


def kind_of(
    name: str | None,
    form: str | None,
    df: float | None,
    columns: Sequence[str],
    *,
    zeros: bool = False,
) -> tuple[type[Theta], list[str]]:
    """Return the family that is asked for, and the columns without the families behind them.

    A column names its family after its last colon, if that is the name of one: beside --family a
    short name, otherwise any name that is understood. The degrees of freedom are those of all
    columns whose family takes some.

    >>> kind_of(None, None, None, ["age:gaussian", "visits:poisson"])[0].__name__
    'Independent(Gaussian, Poisson)'
    >>> kind_of("poisson", None, None, ["at:noon"])[1]
    ['at:noon']
    """
    cut = [one.rpartition(":") for one in columns]
    known_as = is_family if name is None else FAMILIES.__contains__
    named = [known_as(family.strip()) for _, _, family in cut]
    if not any(named):
        if name is None or (name in MADE and name not in FAMILIES):
            raise Refusal(
                f"which family? Give --family, one of {', '.join(FAMILIES)}, or a family for each "
                "column, such as --column age:gaussian --column visits:poisson"
            )
        several = len(columns) > 1
        return family_of(name, form, df, zeros=zeros, several=several), list(columns)
    if not all(named):
        bare = columns[named.index(False)]
        _, colon, end = bare.rpartition(":")
        meant = guess(end, FAMILIES) if colon else ""
        own = bare.removesuffix(colon + end) if meant else bare
        single = ", ".join(name for name, one in FAMILIES.items() if one.takes() != "table")
        raise Refusal(
            f"--column {bare} names no family, as the others do; {meant}give it one, --column "
            f"{own}:FAMILY, of {single}"
        )
    if name is not None and (name in FAMILIES or name not in MADE):
        raise Refusal(
            f"--family {name} and --column {columns[0]} both name a family; leave one out"
        )
    if form is not None or zeros:
        asked = "--covariance" if form is not None else "--zeros"
        raise Refusal(
            f"{asked} is of one family, and every column has one of its own; leave it out"
        )
    taking, meant_by = those_with_df(), [family.strip() for _, _, family in cut]
    takes = [name_of(family_meant(one)) in taking for one in meant_by]
    if df is not None and not any(takes):
        raise Refusal(f"--df needs a column with {' or '.join(taking)}, and none has it")
    families = [
        _family_of(one, None, df if own else None, several=False)
        for one, own in zip(meant_by, takes, strict=True)
    ]
    if len(columns) == 1:
        (own, _, family) = cut[0]
        raise Refusal(
            f"--column {columns[0]} is the only column; give --family {family} --column {own}, or "
            "more columns"
        )
    titles = ", ".join(one.__name__ for one in families)
    return MADE[SEVERAL].read(titles), [own for own, _, _ in cut]


def forms() -> list[str]:
    """Return the names of all forms that a family can take.

    >>> forms()[0]
    'full'
    """
    return list(dict.fromkeys(form for known in FORMS.values() for form in known))


def forms_of(name: str) -> list[type[Theta]]:
    """Return all forms of a family, or refuse one that has no forms.

    >>> len(forms_of("multivariate")) > 3
    True
    """
    short = name_of(family_meant(name, several=True, where="--family"))
    if short not in FORMS:
        raise Refusal(f"--covariance all needs --family {' or '.join(FORMS)}")
    return list(FORMS[short].values())


def sample_of(
    family: type[Theta],
    file: Paths,
    columns: Sequence[str],
    heads: str | None,
    trials: str | None,
    counts: str | None,
    *,
    drop_missing: bool,
    progress: Progress | None = None,
    client: Client | None = None,
) -> Observed:
    r"""Return what a file says was observed of a family.

    columns, or heads: the columns that were observed.
    trials: the column of flips behind each number of heads, or one number for all rows.
    counts: the column that says how often each row occurred.
    progress: called with the number of rows read so far, and of all rows if that is known.
    client: of a cluster whose workers shall read the files.

    >>> from pathlib import Path
    >>> from models import Poisson
    >>> _ = Path("boys.csv").write_text("boys,families\n6,1343\n7,1112\n")
    >>> sample_of(Poisson, "boys.csv", ["boys"], None, None, "families", drop_missing=False).names
    ['boys']
    """
    if family.takes() == "labels":
        return _labels_of(family, file, columns, counts, drop_missing, progress)
    asked = _columns(family, columns, heads, trials, counts)
    words = [name for at, name in enumerate(asked.x) if labelled(family, at)]
    found = scan_columns(
        file,
        asked,
        labelled=words,
        drop_missing=drop_missing,
        blanks=takes_blanks(family),
        progress=progress,
        client=client,
    )
    try:
        refuse_others(family, found.sample)
    except ValueError:
        found.refuse_rows(partial(_refuse_row, family))
        with located_in_file(asked.titles):
            refuse_others(family, found.sample)
    return _called(found.sample, [column_label(one) for one in asked.x], found.dropped)


def _called(data: Data, names: list[str], dropped: int) -> Observed:
    """Return what was observed, its columns called by their names in the file."""
    data.sample.with_columns(names)
    return Observed(data, names, dropped)


def _refuse_row(family: type[Theta], some: Sample) -> None:
    """Refuse a row; what is wrong with some rows together need not be wrong with all."""
    try:
        family.observe(some)
    except Refusal as problem:
        if ROW.match(str(problem)) is not None or not some.table:
            raise


def sequences_of(
    family: type[Theta],
    file: Paths,
    columns: Sequence[str],
    heads: str | None,
    trials: str | None,
    counts: str | None,
    sequence: str | None,
    initial: str | None,
    progress: Progress | None = None,
) -> Observed:
    r"""Return what a file says was observed of a family, its rows in order.

    sequence: the column that names each row's sequence; all rows are one sequence without it.
    initial: how sequences begin, as `Sequences` takes it.
    The other arguments are those of `sample_of`.

    >>> from pathlib import Path
    >>> from models import Poisson
    >>> _ = Path("quakes.csv").write_text("year,n\n1900,13\n1901,14\n")
    >>> sequences_of(Poisson, "quakes.csv", ["n"], None, None, None, None, None).data
    Sequences(2 rows in 1 sequence, 2 distinct)
    """
    if initial is not None:
        one_of("--initial", initial, INITIALS)
    if counts is not None:
        raise Refusal(
            "--counts says how often a row occurred, but rows in order occurred once each; leave "
            "it out"
        )
    asked = _columns(family, columns, heads, trials, counts)
    start = cast("Initial | None", initial)
    found = scan_in_order(
        file,
        asked,
        sequence,
        initial=start,
        labelled=family.takes() == "labels",
        blanks=takes_blanks(family),
        progress=progress,
    )
    found.refuse_rows(family.observe)
    return _called(found.data, [column_label(one) for one in asked.x], 0)


def groups_of(
    family: type[Theta],
    file: Paths,
    columns: Sequence[str],
    heads: str | None,
    trials: str | None,
    counts: str | None,
    group: str,
    *,
    drop_missing: bool,
    progress: Progress | None = None,
) -> Observed:
    r"""Return what a file says was observed of a family, its rows in groups.

    group: the column that names the group of each row.
    The other arguments are those of `sample_of`.

    >>> from pathlib import Path
    >>> from models import Poisson
    >>> _ = Path("goals.csv").write_text("club,goals\nA,2\nA,0\nB,2\n")
    >>> asked = Poisson, "goals.csv", ["goals"], None, None, None, "club"
    >>> groups_of(*asked, drop_missing=False).data
    Groups(3 rows in 2 groups, 2 distinct)
    """
    asked = _columns(family, columns, heads, trials, counts)
    given = group.strip()
    if given in asked.names:
        raise Refusal(f"--group {given} is also a column to be fitted, or counts; give another")
    found = scan_in_groups(
        file,
        asked,
        given,
        labelled=family.takes() == "labels",
        drop_missing=drop_missing,
        blanks=takes_blanks(family),
        progress=progress,
    )
    try:
        refuse_others(family, found.data.sample)
    except ValueError:
        found.refuse_rows(family.observe)
        raise
    return _called(found.data, [column_label(one) for one in asked.x], found.dropped)


def table_of(
    family: type[Theta], file: Paths, *, drop_missing: bool, progress: Progress | None = None
) -> Observed:
    r"""Return what a table of counts says: its rows are groups, its columns categories.

    The arguments are those of `sample_of`.

    >>> from pathlib import Path
    >>> from models.names import family_named
    >>> _ = Path("wards.csv").write_text("ward,well,ill\nA,3,0\nB,1,2\n")
    >>> table_of(family_named("categorical"), "wards.csv", drop_missing=False).data
    Groups(6 rows in 2 groups, 2 categories)
    """
    if family.takes() != "labels":
        raise Refusal(
            f"--table counts categories, which {option_of(family)} does not take; take "
            f"--family {_taking('labels')}, or give --column and --group"
        )
    found = scan_table(file, drop_missing=drop_missing, progress=progress)
    with located_in_file({"x": ["the table"]}):
        refuse_others(family, found.data.sample)
    return _called(found.data, ["category"], found.dropped)


def _labels_of(
    family: type[Theta],
    file: Paths,
    columns: Sequence[str],
    counts: str | None,
    drop_missing: bool,
    progress: Progress | None,
) -> Observed:
    """Return labels in no order."""
    asked = _columns(family, columns, None, None, counts)
    found = scan_labels(file, asked, drop_missing=drop_missing, progress=progress)
    with located_in_file(asked.titles):
        refuse_others(family, found.sample)
    return _called(found.sample, [column_label(asked.x[0])], found.dropped)


def _columns(
    family: type[Theta],
    columns: Sequence[str],
    heads: str | None,
    trials: str | None,
    counts: str | None,
) -> Columns:
    """Return the columns to read, or refuse those that the family cannot take."""
    observed = _observed(family, columns, heads, trials)
    flips = trials if trials is not None and not trials.isdecimal() else None
    if trials is not None and flips is None and int(trials) < 1:
        raise Refusal(f"--trials is {trials}; give the number of trials of each row, from 1 up")
    if flips is not None and NUMBER.fullmatch(flips.strip()):
        raise Refusal(f"--trials is {flips}; give a whole number from 1 up, or a column's name")
    behind = flips if trials is None or flips is not None else int(trials)
    return Columns(tuple(observed), behind, counts)


def _observed(
    family: type[Theta], columns: Sequence[str], heads: str | None, trials: str | None
) -> list[str]:
    """Return the columns of x, or refuse those that the family cannot take."""
    if heads is not None and columns:
        raise Refusal("--heads and --column are both given; give one of them")
    if heads is not None and trials is None:
        raise Refusal(
            "--heads needs --trials; give the column of trials, or one number for all, --trials 10"
        )
    if trials is not None and heads is None:
        raise Refusal("--trials needs --heads: the column of heads")
    observed = [name.strip() for name in (columns if heads is None else [heads])]
    if not observed:
        raise Refusal("which column? Give --column NAME (or --heads NAME --trials NAME)")
    for name in observed:
        if observed.count(name) > 1:
            raise Refusal(f"--column {name} is given twice; give each column once")
    _refuse_columns(family, observed, heads)
    return observed


def _refuse_columns(family: type[Theta], observed: Sequence[str], heads: str | None) -> None:
    """Refuse columns that are too many, too few or of another kind than the family's."""
    option, takes = option_of(family), family.takes()
    if (heads is not None) != (takes == "heads"):
        raise Refusal(
            f"{option} needs heads and trials; in place of --column give --heads NAME and "
            "--trials NAME, or --trials 10 if all rows have 10"
            if takes == "heads"
            else f"--heads and --trials are for --family {_taking('heads')}; give --column"
        )
    if takes == "table" and len(observed) == 1:
        raise Refusal(
            f"{option} takes several columns; give more with --column, or take --family "
            f"{_taking('column')}"
        )
    if takes != "table" and len(observed) > 1:
        raise Refusal(
            f"{option} takes one --column, {len(observed)} are given; "
            f"{_of_several(family, observed)}"
        )


def _of_several(family: type[Theta], observed: Sequence[str]) -> str:
    """Return what to give for several columns."""
    name = name_of(family)
    if name not in FAMILIES:  # what it is made with is of one column
        return "give one"
    each = " ".join(f"-c {one}:{name}" for one in observed)
    said = f"for several give each its family: {each}"
    place = next(iter(family.layout().values()))
    any_number = not np.isfinite(place.low) and family.takes() == "column"
    return said + f"; or take --family {_taking('table')}" * any_number


def _taking(what: str) -> str:
    """Return the short name of the first family that takes such columns."""
    return next(name for name, one in FAMILIES.items() if one.takes() == what)


def refuse_components(family: type[Theta], observed: Observed, k: int, *, weak: bool) -> None:
    """Refuse columns without spread, more components than values, and data without a weak prior.

    weak: whether the weak prior is wanted.

    >>> from models import Poisson
    >>> seen = Observed(Sample([3, 3, 4]), ["boys"], dropped=0)
    >>> try:
    ...     refuse_components(Poisson, seen, 3, weak=True)
    ... except Refusal as refusal:
    ...     print(refusal)
    -k asks for 3 groups, but boys has 2 distinct values; give at most -k 2
    """
    sample, names = observed.sample, observed.names
    if here := isinstance(sample, Sample):
        seen = sample.pick(np.flatnonzero(sample.counts))
    else:
        assert isinstance(sample, OutOfCore)
        seen = sample.extremes
    with located_in_file({"x": names}):
        refuse_single_categories(family, sample)
    each = emission_of(family).placed(len(names))
    for name, low, high, placed in zip(names, seen.low, seen.high, each, strict=True):
        far = np.spacing(np.abs(low)) >= 1  # the spread may have been lost, which is said below
        if placed and low == high and not far:
            raise Refusal(
                f"{name} is constant, {low:.10g} in every row, and has no spread to "
                "estimate; give another column"
            )
    refuse_inestimable_rows(family, sample, names)
    if here and k > seen.distinct:
        rows = "value" if len(names) == 1 else "row"
        has = f"has {seen.distinct} distinct {rows}s"
        raise Refusal(
            f"-k asks for {k} groups, but {', '.join(names)} "
            f"{has if seen.distinct > 1 else 'is constant'}; give at most -k {seen.distinct}"
        )
    if weak:
        with located_in_file({"x": names}):
            weak_prior(family, sample, k)


def refuse_other_families(
    families: Sequence[type[Theta]],
    observed: Observed,
    again: Callable[[type[Theta]], object] | None = None,
) -> None:
    """Refuse what was observed if one of several families does not take it; say which.

    again: reads the file for a family, to say in which line it refuses it.

    >>> from models import Poisson
    >>> seen = Observed(Sample([0.5, 2.0]), ["visits"], dropped=0)
    >>> try:
    ...     refuse_other_families([Poisson], seen)
    ... except Refusal as refusal:
    ...     print(str(refusal)[:25])
    --family poisson: visits:
    """
    for family in families:
        try:
            with located_in_file({"x": observed.names}):
                refuse_others(family, observed.sample)
        except Refusal as problem:
            said = problem
            if again is not None:
                try:
                    again(family)
                except Refusal as located:
                    said = located
            raise Refusal(f"{option_of(family)}: {said.both_ways}") from None


def refuse_estimate(path: str, question: Question[Any, Any]) -> None:
    """Refuse an estimate that cannot be judged.

    >>> from pathlib import Path
    >>> _ = Path("one.json").write_text('{"weight": [1], "rate": [3]}')
    >>> question = fit.question
    >>> try:
    ...     refuse_estimate("one.json", question)
    ... except Refusal as refusal:
    ...     print(refusal)
    one.json has 1 component, -k is 2; give -k 1
    """
    structure, _ = estimate_of(path, question)
    given, k = components(structure.theta), question.k
    if given != k:
        raise Refusal(
            f"{path} has {given} component{'s' * (given > 1)}, -k is {k}; give -k {given}"
        )


def prior_of(text: str | None, family: type[Theta], sample: Observations) -> Prior | None:
    """Return the prior that a text or a JSON file writes as observations not seen.

    text: such as "mean=170,n=1,squares=50,degrees=3", with weight=1 for the shares; or the path of
        a JSON file with the same names; None for the default.

    >>> prior_of("heads=1, tails=1", family_of("binomial", None), Sample([3], 10)).weight
    0.0
    """
    if text is None:
        return None
    record = record_of(family)
    names: tuple[str, ...] = record._fields  # type: ignore[attr-defined]
    remedy = f"it takes weight, {', '.join(names)}"
    if "=" in text:
        given = pairs_in("--prior", text, names, remedy, ["weight"])
    else:
        given = numbers_in(text, names, remedy, ["weight"])
    weight = given.pop("weight", 0.0)
    return checked_prior(Prior(weight, record(**given)), record, sample)  # type: ignore[arg-type]


def draws_of(text: str) -> int | str:
    """Return how many draws a chain, or auto.

    >>> draws_of("500")
    500
    """
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) < LEAST_DRAWS:
        raise Refusal(f"--draws is {text!r}; give a whole number from {LEAST_DRAWS} up, or auto")
    return int(text)
