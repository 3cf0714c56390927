"""Zeros in excess of what a family expects, or beside a family that has none."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np

from models.checks import column, numbers, positive
from models.family import Field, rebuilt
from models.names import (
    Made,
    family_called,
    name_of,
    option_of,
    record_of,
    refuse_inestimable_rows,
    spelt,
    titled,
)
from models.refusal import Refusal, both
from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.arrays import Array, Labels
    from models.family import ConjugatePrior, Theta
    from models.observations import Observations

__all__ = [
    "MADE_WITH_ZEROS",
    "PARTS",
    "ZeroInflated",
    "ZeroInflatedPrior",
    "above_zero",
    "estimable",
    "part_called",
    "record_for",
    "spelling",
    "unidentified",
    "with_zeros",
]

PARTS: dict[str, bool] = {}
"""Families that may have zeros in excess, by short name, and whether they have zeros themselves."""


class ZeroInflated(tuple["Array", ...]):
    """p(x) = zero [x = 0] + (1 - zero) f(x), where f is the density of a component of the part.

    Every observation is 0 anyway with probability `zero`, otherwise its component's: a mixture of
    K components has one more that is always 0. Of counts it is the zero-inflated family (Lambert
    1992). Where f(0) = 0, as measurements are above 0, it is a hurdle (Cragg 1971).

    The fields are the part's, and zero (K,), which all components share.

    part: the family of the components.

    >>> from models import Poisson
    >>> family = ZeroInflated(Poisson)
    >>> family(np.array([1.0, 5.0]), np.array([0.3, 0.3]))
    ZeroInflated(Poisson)(rate=array([1., 5.]), zero=array([0.3, 0.3]))
    """

    __slots__ = ()
    part: ClassVar[type[Theta]]

    if TYPE_CHECKING:

        def _asdict(self) -> dict[str, Array]: ...

    def __new__(cls, part: type[Theta]) -> type[ZeroInflated]:  # type: ignore[misc]
        """Return the family, always the same for the same part."""
        return _family(part)

    @property
    def parts(self) -> Any:
        """The components of the part.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> two = family(np.array([0.3, 0.3]), np.array([1.0, 5.0]))
        >>> two.parts
        Poisson(rate=array([0.3, 0.3]))
        """
        return rebuilt(self.part, self[:-1])

    @classmethod
    def has_zeros(cls) -> bool:
        """Whether the part has zeros of its own.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> family.has_zeros()
        True
        """
        return _zeros(cls.part)

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """The part's fields, and the probability of a zero in excess.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> list(family.layout())
        ['rate', 'zero']
        """
        return _layout(cls.part)

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """The part's, and zeros.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> family.plain()
        ('a rate of events, with zeros in excess', 'counts of events')
        """
        component, observed = cls.part.plain()
        seen = observed if cls.has_zeros() else "measurements from 0 up"
        return f"{component}, with zeros in excess", seen

    @classmethod
    def takes(cls) -> Literal["column", "table", "heads", "labels"]:
        """What the part takes.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> family.takes()
        'column'
        """
        return cls.part.takes()

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Zeros aside, the part accepts the observations.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> sample = Sample([0, 0, 0, 2, 3, 5])
        >>> family.observe(sample)
        """
        if cls.has_zeros():
            cls.part.observe(sample)
            return
        column(sample)
        arrays = {name: values for name, (_, values) in sample.arrays().items()}
        cls.part.observe(Sample.from_arrays(arrays | {"x": np.where(sample.x == 0, 1, sample.x)}))

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> Any:
        """Return the part's, on the scale of what is above 0, and a uniform one of `zero`.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> sample = Sample([0, 0, 0, 2, 3, 5])
        >>> family.weak_prior(sample, 2).events
        0.0
        """
        return _of(_record(cls.part), cls.part.weak_prior(above_zero(sample), k), 0.0, 0.0)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, ConjugatePrior]]:
        """No other program's is known.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> sample = Sample([0, 0, 0, 2, 3, 5])
        >>> len(family.common_priors(sample, 2))
        0
        """
        return {}

    @classmethod
    def draw_prior(cls, prior: Any, size: tuple[int, int], rng: np.random.Generator) -> Self:
        """Draw components from the part's prior, and for all of them `zero` from a Beta.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> sample = Sample([0, 0, 0, 2, 3, 5])
        >>> prior = family.weak_prior(sample, 2)
        >>> family.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2)
        """
        found = cls.part.draw_prior(prior.parts, size, rng)
        zero = rng.beta(prior.zeros + 1, prior.others + 1, (size[0], 1))
        return _of(cls, found, np.repeat(zero, size[1], axis=1))

    def checked(self, k: int, d: int) -> Self:
        """The part's are checked; `zero` is one probability, given once or for each component.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> two = family(np.array([1.0, 5.0]), np.array([0.3, 0.3]))
        >>> two.checked(2, 1)._fields
        ('rate', 'zero')
        """
        found, zero = self.parts.checked(k, d), numbers("zero", self[-1])
        if zero.shape == ():
            zero = np.full(k, zero)
        if zero.shape != (k,) or not ((zero >= 0) & (zero <= 1)).all() or np.ptp(zero) > 0:
            raise Refusal(f"zero is {zero.tolist()}; give one probability from 0 to 1 for all")
        return _of(type(self), found, zero)

    def order(self) -> Labels:
        """The part's.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> two = family(np.array([1.0, 5.0]), np.array([0.3, 0.3]))
        >>> two.order()
        array([0, 1])
        """
        order: Labels = self.parts.order()
        return order

    def affine(self, scale: Array, shift: Array) -> Self:
        """A zero is a zero in any unit.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> two = family(np.array([1.0, 5.0]), np.array([0.3, 0.3]))
        >>> two.affine(np.array([1.0]), np.array([0.0]))[0]
        array([1., 5.])
        """
        return _of(type(self), self.parts.affine(scale, shift), self[-1])

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw an observation from the component that each label names, or a zero.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> two = family(np.array([1.0, 5.0]), np.array([0.3, 0.3]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None)
        array([2., 0., 0.])
        """
        x: Array = self.parts.draw(labels, rng, trials)
        return np.where(rng.random(len(labels)) < self[-1][labels], 0.0, x)

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """log(zero [x = 0] + (1 - zero) p(x)).

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> two = family(np.array([1.0, 5.0]), np.array([0.3, 0.3]))
        >>> two.log_mass(np.array([2.0]), None).round(2).tolist()
        [[-2.05], [-2.83]]
        """
        zero = self[-1][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):  # a part that has no zeros
            own = self.parts.log_mass(x, trials)
            excess = np.where(x == 0, np.log(zero), -np.inf)
        found: Array = np.logaddexp(excess, np.log1p(-zero) + np.where(np.isnan(own), -np.inf, own))
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """P(X <= c) = zero [c >= 0] + (1 - zero) F(c).

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> two = family(np.array([1.0, 5.0]), np.array([0.3, 0.3]))
        >>> two.cumulative(np.array([2.0]), np.array([[2.0]]), None)[0].round(2).tolist()
        [[[[0.94]], [[0.39]]]]
        """
        below, before = self.parts.cumulative(x, ends, trials)
        zero = self[-1][:, None, None]
        return zero * (ends >= 0) + (1 - zero) * below, before


class ZeroInflatedPrior(tuple[Any, ...]):
    """The part's prior, and zero ~ Beta(zeros + 1, others + 1): one for all components.

    The fields are those of the part's prior, and zeros, others: observations not seen.

    part: the family of the components.

    >>> from models import Poisson, Sample
    >>> ZeroInflated(Poisson).weak_prior(Sample([0, 0, 2, 4]), 2)
    ZeroInflatedPrior(Poisson)(events=0.0, exposure=0.333..., zeros=0.0, others=0.0)
    """

    __slots__ = ()
    part: ClassVar[type[Theta]]

    if TYPE_CHECKING:

        def _asdict(self) -> dict[str, Any]: ...

    def __new__(cls, part: type[Theta]) -> type[ZeroInflatedPrior]:  # type: ignore[misc]
        """Return the class of the records, always the same for the same part."""
        return _record(part)

    @property
    def parts(self) -> Any:
        """The part's prior.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> sample = Sample([0, 0, 0, 2, 3, 5])
        >>> prior = family.weak_prior(sample, 2)
        >>> prior.parts
        PoissonPrior(events=0.0, exposure=0.3)
        """
        make: Any = record_of(self.part)
        return make(*self[:-2])

    def checked(self, sample: Observations) -> Self:
        """The part's fields are checked; neither number of observations is negative.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> sample = Sample([0, 0, 0, 2, 3, 5])
        >>> prior = family.weak_prior(sample, 2)
        >>> prior.checked(sample) == prior
        True
        """
        seen = positive(self, "zeros", "others", zero=True)
        return _of(type(self), self.parts.checked(sample), *seen)

    def affine(self, scale: Array, shift: Array) -> Self:
        """A probability has no unit.

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> sample = Sample([0, 0, 0, 2, 3, 5])
        >>> prior = family.weak_prior(sample, 2)
        >>> prior.affine(np.array([1.0]), np.array([0.0])) == prior
        True
        """
        return _of(type(self), self.parts.affine(scale, shift), *self[-2:])

    def widened(self, factor: float) -> Self:
        """The part's, and Beta((zeros + 1) / factor, (others + 1) / factor).

        >>> from models import Poisson
        >>> family = ZeroInflated(Poisson)
        >>> sample = Sample([0, 0, 0, 2, 3, 5])
        >>> prior = family.weak_prior(sample, 2)
        >>> prior.widened(2.0).zeros
        -0.5
        """
        seen = ((one + 1) / factor - 1 for one in self[-2:])
        return _of(type(self), self.parts.widened(factor), *seen)


def above_zero(sample: Observations, names: Sequence[str] = ()) -> Sample:
    """Return the observations that are not 0, or raise Refusal if there are none.

    names: of the columns, for the message.

    >>> above_zero(Sample([0, 0, 2, 4])).x
    array([2., 4.])
    """
    if not isinstance(sample, Sample):
        raise Refusal(
            "zeros in excess need the rows in memory, and these are not; take a random part of "
            f"them {both('em.subsample', '--some 20000')}"
        )
    seen = (sample.x != 0) & (sample.counts > 0)
    if not seen.any():
        named = f"{names[0]!r}" if names else "x"
        raise Refusal(f"{named} is 0 in every row; there is nothing to estimate")
    return sample.pick(np.flatnonzero(seen))


def with_zeros(part: type[Theta]) -> type[Theta]:
    """Return the family of a part beside zeros in excess, or raise Refusal if they mean nothing.

    >>> from models import Poisson
    >>> with_zeros(Poisson).__name__
    'ZeroInflated(Poisson)'
    """
    return cast("type[Theta]", _family(part))


def estimable(family: type[ZeroInflated], sample: Observations, names: Sequence[str] = ()) -> None:
    """Raise Refusal if there are no zeros, nothing else, or what is left has no maximum.

    names: of the columns, for the message.

    >>> from models import Poisson
    >>> estimable(ZeroInflated(Poisson), Sample([1, 2]), ["visits"])
    Traceback (most recent call last):
    models.refusal.Refusal: 'visits' has no zeros; leave --zeros out, and take Poisson alone
    """
    rest = above_zero(sample, names)
    if rest.observations == sample.observations:
        named = f"{names[0]!r}" if names else "x"
        raise Refusal(
            f"{named} has no zeros; leave --zeros out, and take {family.part.__name__} alone"
        )
    refuse_inestimable_rows(family.part, rest, names)


def unidentified(
    family: object, sample: Observations, k: int, *, equal: bool, names: Sequence[str] = ()
) -> str:
    """Return why rows in no order do not identify k coins beside zeros; empty if they do.

    Heads among n trials determine n moments, and a coin that never falls on heads adds one
    parameter to k coins and their shares (`models/binomial.py`).

    equal: whether all shares are held at 1 / K.

    >>> unidentified(None, Sample([0, 1], trials=1), 1, equal=False)[:47]
    'sets of 1 trial do not identify 1 coin beside z'
    """
    if sample.trials is None:
        return ""
    most, least = int(sample.trials.max()), k + 1 if equal else 2 * k
    if most >= least:
        return ""
    return (
        f"sets of {most} trial{'s' * (most > 1)} do not identify {k} coin{'s' * (k > 1)} beside "
        f"zeros in excess: at least {least} trials are needed; give sets of more trials, or leave "
        "--zeros out"
    )


def part_called(text: str) -> type[ZeroInflated]:
    """Return the family whose part has a title.

    >>> part_called("Poisson").__name__
    'ZeroInflated(Poisson)'
    """
    return _family(family_called(text))


def spelling(family: type[ZeroInflated]) -> tuple[str, frozenset[str]]:
    """Return how Python writes a family, and the names that this needs from `models`.

    >>> spelling(part_called("Poisson"))[0]
    'ZeroInflated(Poisson)'
    """
    text, names = spelt(family.part)
    return f"ZeroInflated({text})", names | {"ZeroInflated"}


def record_for(family: type[ZeroInflated]) -> type[ConjugatePrior]:
    """Return the record of a family's prior.

    >>> record_for(part_called("Poisson")).__name__
    'ZeroInflatedPrior(Poisson)'
    """
    return cast("type[ConjugatePrior]", _record(family.part))


@cache
def _family(part: type[Theta]) -> type[ZeroInflated]:
    """Return the family of a part, always the same."""
    name = "" if issubclass(part, ZeroInflated) else name_of(part)
    if name not in PARTS:
        *most, last = PARTS
        raise Refusal(
            f"{part.__name__} has no zeros in excess, as 0 is a value like others; --zeros needs "
            f"--family {', '.join(most)} or {last}"
        )
    title = f"ZeroInflated({part.__name__})"
    return titled(ZeroInflated, title, [*part.layout(), "zero"], part=part)


@cache
def _layout(part: type[Theta]) -> dict[str, Field]:
    """Return the fields of a part beside zeros; a step of EM looks at them often."""
    return {**part.layout(), "zero": Field(low=0, high=1, shared=True, none=name_of(part))}


@cache
def _zeros(part: type[Theta]) -> bool:
    """Return whether a part has zeros of its own."""
    return PARTS[name_of(part)]


@cache
def _record(part: type[Theta]) -> type[ZeroInflatedPrior]:
    """Return the class of the priors of a part, always the same."""
    own: Any = record_of(part)
    names, title = [*own._fields, "zeros", "others"], f"({part.__name__})"
    kept = {"part": part, "prior_of": f"ZeroInflated{title}"}
    return titled(ZeroInflatedPrior, f"ZeroInflatedPrior{title}", names, **kept)


def _of[C](kind: type[C], own: Any, *more: Any) -> C:
    """Return a record from that of the part, and what it has more."""
    make: Any = kind
    found: C = make(*own, *more)
    return found


MADE_WITH_ZEROS = Made(
    "ZeroInflated",
    cast("type[Theta]", ZeroInflated),
    cast("Callable[[str], type[Theta]]", part_called),
    record_for,
    spelling,
    option=lambda family: f"{option_of(family.part)} --zeros",
    mends=("zeros",),
)
