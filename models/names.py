"""The names of families: on the command line, and in files."""

from __future__ import annotations

import copyreg
from collections import namedtuple
from typing import TYPE_CHECKING, NamedTuple

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    from models.family import ConjugatePrior, Theta
    from models.observations import Observations

    type Estimable = Callable[[Any, Observations, Sequence[str]], None]

    class Unidentified(Protocol):
        def __call__(
            self,
            family: Any,
            sample: Observations,
            k: int,
            *,
            equal: bool,
            names: Sequence[str] = (),
        ) -> str: ...


__all__ = [
    "BINNED",
    "ESTIMABLE",
    "FAMILIES",
    "FORMS",
    "MADE",
    "MENDS",
    "PARTLY_SEEN",
    "PRIORS",
    "UNIDENTIFIED",
    "Made",
    "Titled",
    "arguments_of",
    "family_called",
    "family_named",
    "identified_alone",
    "made_likewise",
    "made_of",
    "mends",
    "name_of",
    "option_of",
    "partly_seen",
    "record_of",
    "refuse_inestimable_rows",
    "register",
    "register_made",
    "spelt",
    "takes_blanks",
    "those_that_allow_blanks",
    "those_that_take",
    "titled",
    "why_improper",
    "why_unidentified",
]

FAMILIES: dict[str, type[Theta]] = {}
"""Each family by its short name, which the command line uses."""

FORMS: dict[str, Mapping[str, type[Theta]]] = {}
"""The forms of each family that has some: by the family's short name, then by the form's."""


PRIORS: dict[str, type[ConjugatePrior]] = {}
"""The record of each family's conjugate prior, by the family's short name."""


ESTIMABLE: dict[str, Estimable] = {}
IMPROPER: dict[str, Callable[[Any, Any, int], str]] = {}
"""What refuses data in which a family has no maximum, by the family's short name."""


UNIDENTIFIED: dict[str, Unidentified] = {}
"""What says why data do not identify k components of a family, by the family's short name."""


MENDS: dict[str, list[tuple[type[Theta], Sequence[str]]]] = {}
"""Families that allow for a misfit, by its cause, such as right skewness; and of which others."""


class Made(NamedTuple):
    """Families that are made of others or of numbers; their titles read `head(arguments)`.

    head: of their titles, such as StudentT in StudentT(df=4).
    base: the class of all of them.
    read: text between the parentheses -> family; raises ValueError if it is none. `arguments_of`
        splits the text, `family_called` reads the title of a part.
    record: family -> the record of its conjugate prior.
    spelt: family -> how Python writes it, and the names that this needs from `models`.
    number: the name of the number that the arguments are, as in df=4; empty if they are others.
    option: family -> how the command line names it; by its short name if not given.
    mends: causes of a misfit of its parts that a family of this kind allows for.

    >>> MADE["student-t"].read("df=4")
    <class 'models.student_t_given.StudentT(df=4)'>
    """

    head: str
    base: type[Theta]
    read: Callable[[str], type[Theta]]
    record: Callable[[Any], type[ConjugatePrior]]
    spelt: Callable[[Any], tuple[str, frozenset[str]]]
    number: str = ""
    option: Callable[[Any], str] | None = None
    mends: tuple[str, ...] = ()


MADE: dict[str, Made] = {}
"""Families that are made, by their short name; a family that is not made may share that name."""


PARTLY_SEEN: dict[type, Callable[[Any], type[Theta]]] = {}
"""What returns the form of a family for rows with blanks, by the class that takes them.

A blank is a cell of a table that was not seen, missing at random: its term is left out of the
likelihood. Subclasses take blanks as their base does; other families take none.
"""


BINNED: set[type[Theta]] = set()
"""Families whose measurements can be binned, because there is a bound on what bins lose."""


def register(
    name: str,
    family: type[Theta],
    prior: type[ConjugatePrior],
    forms: Mapping[str, type[Theta]] | None = None,
    *,
    binned: bool = False,
    estimable: Estimable | None = None,
    unidentified: Unidentified | None = None,
    mends: Mapping[str, Sequence[str]] | None = None,
    partly_seen: Callable[[Any], type[Theta]] | None = None,
    improper: Callable[[Any, Any, int], str] | None = None,
) -> None:
    """Give a family its short name.

    prior: the record of its conjugate prior.
    forms: its special cases by name, such as the forms of a covariance.
    binned: whether its measurements can be binned.
    estimable: raises Refusal if the whole sample has no maximum, or doubles lose its differences.
    unidentified: says why rows in no order do not identify k components, empty if they do.
    mends: causes of a misfit of other families that it allows for, with their short names.
    partly_seen: what returns its form for rows with blanks; a family without takes no blanks.
    improper: says why a valid record is no proper prior of a form in d columns, empty if it is one.

    >>> from models import Poisson, PoissonPrior
    >>> register("poisson", Poisson, PoissonPrior)
    >>> family_named("poisson") is Poisson
    True
    """
    if binned:
        BINNED.add(family)
    for cause, others in (mends or {}).items():
        MENDS.setdefault(cause, []).append((family, others))
    FAMILIES[name], PRIORS[name] = family, prior
    if estimable is not None:
        ESTIMABLE[name] = estimable
    if unidentified is not None:
        UNIDENTIFIED[name] = unidentified
    if partly_seen is not None:
        PARTLY_SEEN[family] = partly_seen
    if improper is not None:
        IMPROPER[name] = improper
    if forms is not None:
        FORMS[name] = forms


def register_made(
    name: str,
    made: Made,
    *,
    estimable: Estimable | None = None,
    unidentified: Unidentified | None = None,
    partly_seen: Callable[[Any], type[Theta]] | None = None,
) -> None:
    """Give families that are made their short name.

    estimable, unidentified: as in `register`; left out if the name is that of another family too,
        whose own then serve them as well.
    partly_seen: as in `register`.

    >>> register_made("student-t", MADE["student-t"])
    """
    MADE[name] = made
    if partly_seen is not None:
        PARTLY_SEEN[made.base] = partly_seen
    if estimable is not None:
        ESTIMABLE[name] = estimable
    if unidentified is not None:
        UNIDENTIFIED[name] = unidentified


def identified_alone() -> dict[str, type[Theta]]:
    """Return the families of which rows in no order can identify several components, by name.

    >>> "poisson" in identified_alone(), "categorical" in identified_alone()
    (True, False)
    """
    return {name: one for name, one in FAMILIES.items() if one.takes() != "labels"}


def family_named(name: str, form: str | None = None) -> type[Theta]:
    """Return the family of a short name, or a special case of it.

    >>> family_named("multivariate", "tied")
    <class 'models.multivariate.TiedGaussian'>
    """
    return FAMILIES[name] if form is None else FORMS[name][form]


def made_of(family: type[Theta]) -> Made | None:
    """Return how a family is made; None if it is made of nothing.

    >>> made_of(family_called("StudentT(df=4)")).number
    'df'
    """
    return next((made for made in MADE.values() if issubclass(family, made.base)), None)


def name_of(family: type[Theta]) -> str:
    """Return the short name of a family; a special case has the name of its family.

    >>> name_of(family_called("TiedGaussian"))
    'multivariate'
    """
    made = made_of(family)
    if made is not None:
        return next(name for name, one in MADE.items() if one is made)
    return next(name for name, one in FAMILIES.items() if issubclass(family, one))


def option_of(family: type[Theta]) -> str:
    """Return how the command line names a family.

    >>> option_of(family_called("Poisson")), option_of(family_called("ZeroInflated(Poisson)"))
    ('--family poisson', '--family poisson --zeros')
    """
    made = made_of(family)
    if made is not None and made.option is not None:
        return made.option(family)
    return f"--family {name_of(family)}"


def made_likewise(family: type[Theta], other: type[Theta]) -> type[Theta]:
    """Return another family, beside zeros in excess if this one is, and so on.

    >>> other = family_called("NegativeBinomial")
    >>> made_likewise(family_called("ZeroInflated(Poisson)"), other).__name__
    'ZeroInflated(NegativeBinomial)'
    >>> made_likewise(family_called("Poisson"), other).__name__
    'NegativeBinomial'
    """
    own = made_of(family)
    return other if own is None or not own.mends else own.read(other.__name__)


def mends(cause: str, family: type[Theta]) -> list[type[Theta]]:
    """Return families that allow for a cause of a misfit, those made of this one among them.

    Beside what a family is made with, others are taken: to counts that spread more than those of
    ZeroInflated(Poisson) an answer is ZeroInflated(NegativeBinomial).

    >>> [one.__name__ for one in mends("zeros", family_called("Poisson"))]
    ['ZeroInflated(Poisson)']
    >>> [one.__name__ for one in mends("spread", family_called("ZeroInflated(Poisson)"))]
    ['ZeroInflated(NegativeBinomial)']
    """
    own, part = made_of(family), family
    beside = own is not None and bool(own.mends)
    if beside:
        part = family_called(family.__name__.partition("(")[2][:-1])
    found = [one for one, others in MENDS.get(cause, []) if name_of(part) in others]
    if own is not None and beside:
        found = _made_with(own, found)
    for made in MADE.values():
        if cause in made.mends:
            found += _made_with(made, [family])
    return found


def _made_with(made: Made, parts: Sequence[type[Theta]]) -> list[type[Theta]]:
    """Return the families that are made of such parts, without those that cannot be."""
    found = []
    for part in parts:
        try:
            found.append(made.read(part.__name__))
        except ValueError:
            continue
    return found


def spelt(family: type[Theta]) -> tuple[str, frozenset[str]]:
    """Return how Python writes a family, and the names that this needs from `models`.

    >>> spelt(family_called("TiedGaussian"))
    ('MultivariateGaussian.with_covariance("tied")', frozenset({'MultivariateGaussian'}))
    """
    made = made_of(family)
    if made is not None:
        return made.spelt(family)
    name = name_of(family)
    title = FAMILIES[name].__name__
    if family.__name__ == title:  # that for rows with blanks has the title of the family
        return title, frozenset({title})
    form = next(form for form, one in FORMS[name].items() if one.__name__ == family.__name__)
    return f'{title}.with_covariance("{form}")', frozenset({title})


def those_that_take(kind: str) -> str:
    """Return the families that take "column", "table" or "heads", as a sentence lists them.

    >>> those_that_take("table")
    'MultivariateGaussian'
    """
    return " or a ".join(one.__name__ for one in FAMILIES.values() if one.takes() == kind)


def those_that_allow_blanks() -> str:
    """Return the families of which cells may be blank, as a sentence lists them.

    >>> those_that_allow_blanks()
    'MultivariateGaussian or Independent'
    """
    heads = {made.base: made.head for made in MADE.values()}
    return " or ".join(heads.get(one, one.__name__) for one in PARTLY_SEEN)


def takes_blanks(family: type[Theta]) -> bool:
    """Return whether cells of a table of the family may be blank.

    >>> takes_blanks(family_named("multivariate", "tied")), takes_blanks(family_named("poisson"))
    (True, False)
    """
    return any(ancestor in PARTLY_SEEN for ancestor in family.__mro__)


def partly_seen(family: type[Theta]) -> type[Theta]:
    """Return the form for rows with blanks of a family that takes them.

    >>> tied = family_named("multivariate", "tied")
    >>> issubclass(partly_seen(tied), tied), partly_seen(partly_seen(tied)) is partly_seen(tied)
    (True, True)
    """
    known = next(one for one in family.__mro__ if one in PARTLY_SEEN)
    return PARTLY_SEEN[known](family)


def record_of(family: type[Theta]) -> type[ConjugatePrior]:
    """Return the record of a family's conjugate prior.

    >>> record_of(family_named("student-t")), record_of(family_called("StudentT(df=4)"))
    (<class 'models.student_t.StudentTPrior'>, <class 'models.gaussian.GaussianPrior'>)
    """
    made = made_of(family)
    return PRIORS[name_of(family)] if made is None else made.record(family)


def why_improper(family: type[Theta], prior: ConjugatePrior, d: int) -> str:
    """Return why a valid record is no proper prior of a family in d columns; empty if it is one.

    >>> from models import MultivariateGaussianPrior
    >>> few = MultivariateGaussianPrior(np.zeros(4), 1.0, np.eye(4), 3.0)
    >>> why_improper(family_named("multivariate"), few, 4)
    'prior: degrees is 3; give more than 3'
    >>> why_improper(family_named("multivariate", "diagonal"), few, 4)
    ''
    """
    says = IMPROPER.get(name_of(family))
    return "" if says is None else says(family, prior, d)


def family_called(title: str) -> type[Theta]:
    """Return the family whose class has a title; files store that title.

    >>> family_called("Poisson"), family_called("StudentT(df=2.5)")
    (<class 'models.poisson.Poisson'>, <class 'models.student_t_given.StudentT(df=2.5)'>)
    """
    every = [*FAMILIES.values(), *(one for forms in FORMS.values() for one in forms.values())]
    for family in every:
        if family.__name__ == title:
            return family
    head, _, rest = title.partition("(")
    for made in MADE.values():
        if made.head == head and rest.endswith(")"):
            try:
                return made.read(rest[:-1])
            except ValueError:  # no number, or a part that is not known either
                break
    raise Refusal(f"the posterior is of family {title!r}, which this version does not know")


def arguments_of(text: str) -> list[str]:
    """Return what commas separate outside of parentheses, as in a title.

    >>> arguments_of("Gaussian, Independent(Poisson, StudentT(df=4))")
    ['Gaussian', 'Independent(Poisson, StudentT(df=4))']
    """
    found, depth = [""], 0
    for one in text:
        depth += (one == "(") - (one == ")")
        if one == "," and depth == 0:
            found.append("")
        else:
            found[-1] += one
    return [one.strip() for one in found]


class Titled(type):
    """The type of classes that are made, which a pickle restores from their titles.

    >>> import pickle
    >>> family = family_called("StudentT(df=4)")
    >>> pickle.loads(pickle.dumps(family)) is family
    True
    """


def titled[C](base: type[C], title: str, names: Sequence[str] = (), **own: object) -> type[C]:
    """Return a class of a title: a family or a prior's record, with the methods of a base.

    names: of its fields, if the base has none.
    own: what it is made of, as attributes; of a record `prior_of`, the title of the family.

    >>> titled(family_called("StudentT(df=4)"), "StudentT(df=5)", df=5.0).df
    5.0
    """
    body = {"__slots__": (), "__module__": base.__module__, "__doc__": base.__doc__, **own}
    # first the fields, whose own `__new__` comes before that of the base
    fields: Any = namedtuple("Fields", names) if names else None  # noqa: PYI024
    found: Any = Titled(title, (fields, base) if names else (base,), body)
    made: type[C] = found
    return made


def _pickled(made: type[Any]) -> Any:
    """Return what restores a class from its title, or the name of a class in its module."""
    if (title := made.__dict__.get("prior_of")) is not None:
        return _record_titled, (title,)
    if made.__name__.endswith(")"):
        return family_called, (made.__name__,)
    return made.__qualname__


def _record_titled(title: str) -> type[ConjugatePrior]:
    """Return the record of the prior of the family of a title."""
    return record_of(family_called(title))


copyreg.pickle(Titled, _pickled)


def refuse_inestimable_rows(
    family: type[Theta], sample: Observations, names: Sequence[str] = ()
) -> None:
    """Raise Refusal if the family has no maximum in the whole sample, or doubles lose it.

    names: of the columns, for the message.

    >>> from models import MultivariateGaussian, Sample
    >>> refuse_inestimable_rows(MultivariateGaussian, Sample([[1, 3], [2, 5], [4, 9]]), ["a", "b"])
    Traceback (most recent call last):
    models.refusal.Refusal: column 'b' is 2 times 'a' plus 1 (rank 1 of 2); leave one out
    """
    refuse = ESTIMABLE.get(name_of(family))
    if refuse is not None:
        refuse(family, sample, names)


def why_unidentified(
    family: type[Theta],
    sample: Observations,
    k: int,
    *,
    equal: bool = False,
    names: Sequence[str] = (),
) -> str:
    """Return why rows in no order do not identify k components; empty if they do.

    equal: whether all shares are held at 1 / k.
    names: of the columns, for the message.

    >>> from models import Binomial, Poisson, Sample
    >>> why_unidentified(Poisson, Sample([0, 1]), 2)  # Teicher (1961)
    ''
    >>> why_unidentified(Binomial, Sample([0, 1], trials=1), 2)[:39]
    'sets of 1 trial do not identify 2 coins'
    """
    why = UNIDENTIFIED.get(name_of(family))
    return "" if why is None else why(family, sample, k, equal=equal, names=names)
