"""What is asked: structure, family, data, number of components, prior, what is held fixed.

A question is made once, from a call, the command line or a file. EM, PyMC and the judge get the
same object.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from models.checks import refuse_blanks, whole
from models.digits import refuse_lost_digits
from models.family import by_column, labelled, width
from models.groups import Groups
from models.names import (
    ESTIMABLE,
    mends,
    name_of,
    partly_seen,
    record_of,
    takes_blanks,
    why_improper,
    why_unidentified,
)
from models.observations import OutOfCore
from models.prior import Prior, checked_prior
from models.refusal import Refusal
from models.sample import Sample
from models.structure import in_time, structure_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from models.family import Theta
    from models.observations import Observations
    from models.structure import Data, Structure, Units

__all__ = ["Question", "asked", "mending", "observed", "refuse_single_categories", "weak_prior"]


ORDERED = {
    "column": "mean",
    "heads": "probability",
    "labels": "probability of the first category",
    "table": "mean in the first column",
}
"""By what groups are numbered, in the words of people, by what a family takes."""


@dataclass(frozen=True, eq=False)
class Question[S: Structure, T: Theta]:
    """What is to be estimated.

    k: the number of components.
    given: the prior of the posterior as it was given, None for the weak default.
    held: the fields of shares that are not estimated but fixed at 1 / K.
    origin: data whose place and spread fix a sampler's coordinates, None if these data do.
    wide: the length of a component's own axes, None if these data say it.
    titles: what people call the components, in the order of their labels, if they have names.
    measured_in: the units of the columns, "" of one without; none if no unit is known.

    >>> from models import Mixture, Poisson
    >>> Question(Mixture, Poisson, Sample([0, 2, 4]), 2).prior
    Prior(weight=0.0, theta=PoissonPrior(events=0.0, exposure=0.5))
    """

    structure: type[S]
    family: type[T]
    data: Data
    k: int
    given: Prior | None = None
    held: frozenset[str] = frozenset()
    origin: Data | None = None
    wide: int | None = None
    titles: tuple[str, ...] = ()
    measured_in: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names along axes that have some: columns, categories, groups, components.

        >>> from models import Mixture, Poisson
        >>> two = Question(Mixture, Poisson, Sample([0, 2, 4]), 2, titles=("quiet", "busy"))
        >>> two.names["component"]
        ('quiet', 'busy')
        """
        own = dict.fromkeys(("component", "component_next"), self.titles) if self.titles else {}
        return dict(self.data.names) | own

    @property
    def sample(self) -> Observations:
        """The distinct rows."""
        return self.data.sample

    @property
    def width(self) -> int:
        """The length of a component's own axes: how many columns, or categories."""
        return width(self.family, self.sample) if self.wide is None else self.wide

    @property
    def units(self) -> Units:
        """The data as MCMC needs them; Refusal if they are not in memory."""
        if not isinstance(self.data.sample, Sample):
            raise Refusal("the rows are not in memory; take a random part of them, em.subsample")
        return cast("Units", self.data)

    @property
    def rows(self) -> Sample:
        """The distinct rows; Refusal if they are not in memory."""
        return self.units.sample

    @property
    def unidentified(self) -> str:
        """Why the data do not identify the parameters, known before any work; empty if they do.

        Rows in time are not looked at: where labels depend on each other, several rows together
        identify what one alone does not. Rows in groups are not: what they identify is measured.
        """
        return self.why_unidentified()

    def why_unidentified(self, names: Sequence[str] = ()) -> str:
        """Return `unidentified`, with the names of the columns."""
        if not isinstance(self.data, Sample | OutOfCore):
            return ""
        return why_unidentified(
            self.family, self.sample, self.k, equal=bool(self.held), names=names
        )

    @cached_property
    def prior(self) -> Prior:
        """The prior of the posterior; EM by default maximises the likelihood and ignores it."""
        return self._usual if self.given is None else self.given

    @cached_property
    def _usual(self) -> Prior:
        return weak_prior(self.family, self.sample, self.k)

    @cached_property
    def usual(self) -> bool:
        """Whether the prior is the weak default."""
        if self.given is None:
            return True
        try:
            usual = self._usual
        except Refusal:  # collinear columns have no weak default
            return False
        mine, theirs = self.given.theta._asdict(), usual.theta._asdict()
        return self.given.weight == usual.weight and all(
            np.allclose(mine[name], theirs[name], rtol=1e-9, atol=0) for name in mine
        )

    @property
    def noun(self) -> str:
        """What people call a component: a group, of rows in time a state.

        Where the rows are in groups of their own already, it stays a component.
        """
        if in_time(self.structure):
            return "state"
        return "component" if "group" in self.data.sizes else "group"

    def called(self, component: int) -> str:
        """Return what people call one component: its name, or its number from 1.

        >>> from models import Mixture, Poisson
        >>> Question(Mixture, Poisson, Sample([0, 2, 4]), 2).called(1)
        'group 2'
        """
        return self.titles[component] if self.titles else f"{self.noun} {component + 1}"

    def with_titles(self, titles: Sequence[str]) -> Self:
        """Return the same question with names of the components, in the order of their labels.

        >>> from models import Mixture, Poisson
        >>> Question(Mixture, Poisson, Sample([0, 2, 4]), 2).with_titles(["quiet"])
        Traceback (most recent call last):
        models.refusal.Refusal: 1 name is given for 2 groups; give one for each, from the ...
        """
        found = tuple(str(one).strip() for one in titles)
        if len(found) != self.k:
            given = f"{len(found)} name{'s are' if len(found) != 1 else ' is'}"
            raise Refusal(
                f"{given} given for {self.k} group{'s' * (self.k > 1)}; give one for each, from "
                f"the smallest {ORDERED[self.family.takes()]} to the largest"
            )
        for one in found:
            if not one or found.count(one) > 1:
                what = f"two groups are called {one!r}" if one else "a group's name is empty"
                raise Refusal(f"{what}; give each group a name of its own")
        return replace(self, titles=found)

    def coded(self, sample: Sample) -> Sample:
        """Return rows whose labels have the codes of these data; Refusal for labels without one.

        >>> from models import Admixture, Categorical
        >>> words = Groups(["no", "yes", "no"], ["a", "a", "b"])
        >>> Question(Admixture, Categorical, words, 1).coded(Sample(["yes"])).x
        array([1.])
        """
        labels = [labelled(self.family, at) for at in range(sample.dimension)]
        mine = self.sample.levels
        if sample.levels == mine or not any(labels):
            return sample
        return sample.coded_as(mine, labels)

    def of(self, data: Data) -> Self:
        """Return the same question of other data, under the same prior."""
        origin = self.data if self.origin is None else self.origin
        return replace(self, data=data, given=self.prior, origin=origin, wide=self.width)


def asked[T: Theta](
    family: type[T],
    data: Data,
    k: int,
    *,
    prior: Prior | None = None,
    equal_weights: bool = False,
    group_names: Sequence[str] = (),
) -> Question[Any, T]:
    """Return a question, or raise Refusal for what cannot be estimated.

    Where cells of the data are blank, the family becomes its form for rows with blanks.

    equal_weights: fix all shares at 1 / k.
    group_names: what people call the components, in the order of their labels.

    >>> from models import Gaussian, Sample
    >>> asked(Gaussian, Sample([1.0, 2.0, 4.0]), 2).structure.__name__
    'Mixture'
    """
    _refuse_table(family, data)
    structure = structure_for(data)
    sample = data.sample
    observed(family, sample)
    if sample.seen_in_part:
        family = cast("type[T]", partly_seen(family))
    if isinstance(data, Groups):
        data.refuse_inestimable()
    k = whole("k", k, 1)
    _refuse_more_than_sides(family, data, k)
    enough(family, sample, k)
    refuse_single_categories(family, sample)
    if prior is not None:
        prior = checked_prior(prior, record_of(family), sample)
        if improper := why_improper(family, prior.theta, sample.dimension):
            raise Refusal(improper)
    axes = structure.axes()
    if equal_weights and in_time(structure):
        raise Refusal(
            "equal_weights (--equal-weights) fixes all shares at 1 / k, so that no state would "
            "depend on the one before it; leave it out, or fit the rows in no order"
        )
    held = frozenset(axes if equal_weights or k == 1 else ())
    question = Question(structure, family, data, k, prior, held)
    return question.with_titles(group_names) if len(group_names) else question


def weak_prior[T: Theta](family: type[T], sample: Observations, k: int) -> Prior:
    """Return the weak, proper default: uniform shares and the family's own weak record.

    >>> from models import Poisson, Sample
    >>> weak_prior(Poisson, Sample([0, 2, 4]), 2)
    Prior(weight=0.0, theta=PoissonPrior(events=0.0, exposure=0.5))
    """
    observed(family, sample)
    k = whole("k", k, 1)
    return Prior(0.0, family.weak_prior(sample, k))


def observed[T: Theta](family: type[T], sample: Observations) -> None:
    """Raise Refusal unless the sample is a sample that the family accepts.

    >>> from models import Poisson
    >>> observed(Poisson, Sample([1, -1]))
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 1 (counted from 0) is -1, which is below 0; counts start at 0
    """
    if isinstance(sample, Sample):
        refuse_blanks(sample, allowed=takes_blanks(family))
        family.observe(sample)
    elif isinstance(sample, OutOfCore):
        family.observe(sample.extremes)
    else:
        raise Refusal(f"sample is a {type(sample).__name__}; give Sample(x)")


def mending(cause: str, family: type[Theta], sample: Observations) -> list[type[Theta]]:
    """Return the other families that allow for the cause of a misfit and accept the sample.

    >>> from models import Gaussian
    >>> [one.__name__ for one in mending("right skewness", Gaussian, Sample([1.0, 9.0]))]
    ['LogNormal', 'Gamma']
    >>> mending("right skewness", Gaussian, Sample([-1.0, 9.0]))
    []
    """
    found = []
    for one in mends(cause, family):
        if one.takes() == family.takes() and not issubclass(family, one):
            try:
                observed(one, sample)
            except Refusal:
                continue
            found.append(one)
    return found


def _refuse_table(family: type[Theta], data: object) -> None:
    """Raise Refusal for a table of counts where groups of labels are needed."""
    if family.takes() == "labels" and np.ndim(cast("ArrayLike", data)) == 2:
        raise Refusal(
            f"sample is a table ({type(data).__name__}); if it has counts, one row per group and "
            "one column per category, give Groups.from_table(table)"
        )


def _refuse_more_than_sides(family: type[Theta], data: Data, k: int) -> None:
    """Raise Refusal for more components than a table of labels has rows or columns.

    The rows of a table of rank r lie on r components, so that no more than the smaller of its
    sides are ever needed.
    """
    groups = data.sizes.get("group")
    if groups is None or family.takes() != "labels":
        return
    wide = width(family, data.sample)
    side = min(groups, wide)
    if k > side:
        raise Refusal(
            f"k is {k}, but a table of {groups:,} groups and {wide:,} categories is fitted exactly "
            f"by {side:,} components; give at most {side:,}"
        )


def refuse_single_categories(family: type[Theta], sample: Observations) -> None:
    """Raise Refusal if one of several columns has labels of one category only.

    New rows of a fit may be such ones.

    >>> from models import Categorical, Independent, Poisson, Sample
    >>> refuse_single_categories(Independent(Poisson, Categorical), Sample([[1, "a"], [2, "a"]]))
    Traceback (most recent call last):
    models.refusal.Refusal: x[:, 1] has one category only; there is nothing to estimate, ...
    """
    if not (by_column(family) and isinstance(sample, Sample)):
        return
    for at, wide in enumerate(width(family, sample)):
        if labelled(family, at) and wide < 2:
            where = f"column {sample.columns[at]!r}" if sample.columns else f"x[:, {at}]"
            raise Refusal(
                f"{where} has one category only; there is nothing to estimate, leave it out"
            )


def enough(family: type[Theta], sample: Observations, k: int) -> None:
    """Raise Refusal unless there are as many distinct rows as components."""
    seen = np.count_nonzero(sample.counts) if isinstance(sample, Sample) else sample.distinct
    if k > seen:
        if name_of(family) in ESTIMABLE:  # far from zero doubles may have made rows equal
            refuse_lost_digits(sample)
        raise Refusal(
            f"k is {k}, but x has {seen} distinct values; give at most as many components"
        )
