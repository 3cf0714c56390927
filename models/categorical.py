"""Labels: one of several categories, such as words, brands or answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np

from models.checks import fields, no_trials, numbers, refuse_row
from models.family import Field, width
from models.refusal import Refusal, both

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["Categorical", "CategoricalPrior", "single_rows_unidentified"]

ROUNDING = 1e-6  # by which probabilities that were written down may miss a sum of 1
SPARSE = 1_000  # codes up to here may leave out as many as they like,
SELDOM = 10  # beyond it at least one of so many has to occur


class Categorical(NamedTuple):
    """p(x | prob) = prob_x, for x one of the categories 0, 1, ..., V - 1.

    prob: (K, V) probability of each category.

    >>> from models import Sample
    >>> words = Sample(["to", "be", "or", "not", "to", "be"])
    >>> words.categories, width(Categorical, words)
    (('be', 'not', 'or', 'to'), 4)
    """

    prob: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """Probabilities that sum to one.

        >>> list(Categorical.layout())
        ['prob']
        """
        return {"prob": Field(("component", "category"), low=0, high=1, simplex=True)}

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """How likely each label is.

        >>> Categorical.plain()
        ('a distribution over labels', 'labels')
        """
        return "a distribution over labels", "labels"

    @classmethod
    def takes(cls) -> Literal["labels"]:
        """Labels.

        >>> Categorical.takes()
        'labels'
        """
        return "labels"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Labels are text, or whole numbers from 0, and there are two categories at least.

        >>> from models import Sample
        >>> Categorical.observe(Sample(["no", "yes", "yes"]))
        """
        if sample.x.ndim != 1:
            raise Refusal(
                f"x is a table of {sample.dimension} columns; give one column of labels, such as "
                'x["name"] of a data frame; for a table of counts give Groups.from_table(x)'
            )
        no_trials(sample)
        refuse_row(sample, sample.x < 0, "is below 0; give labels as text, or codes from 0")
        whole = sample.x == np.rint(sample.x)
        refuse_row(sample, ~whole, "is not a whole number; give labels as text, or codes from 0")
        v = width(cls, sample)
        if v > SPARSE and v > SELDOM * sample.distinct:
            raise Refusal(
                f"x: the largest code is {v - 1:,}, but only {sample.distinct:,} categories occur; "
                "give labels as text, or number them from 0"
            )
        if v < 2:
            raise Refusal("x has one category only; there is nothing to estimate")

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> CategoricalPrior:
        """Return the uniform prior, Dirichlet(1, ..., 1).

        >>> from models import Sample
        >>> sample = Sample(["no", "yes", "yes"])
        >>> Categorical.weak_prior(sample, 2)
        CategoricalPrior(unseen=array([0., 0.]))
        """
        return CategoricalPrior(np.zeros(width(cls, sample)))

    @classmethod
    def common_priors(
        cls, sample: Observations, k: int
    ) -> dict[str, tuple[float, CategoricalPrior]]:
        """Return Laplace's prior as the posterior mean has it: every category once more.

        >>> from models import Sample
        >>> sample = Sample(["no", "yes", "yes"])
        >>> len(Categorical.common_priors(sample, 2))
        1
        """
        once = CategoricalPrior(np.ones(width(cls, sample)))
        return {"every category once more (add-one smoothing)": (0.0, once)}

    @classmethod
    def draw_prior(
        cls, prior: CategoricalPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw probabilities from Dirichlet(1 + unseen).

        >>> from models import Sample
        >>> sample = Sample(["no", "yes", "yes"])
        >>> prior = Categorical.weak_prior(sample, 2)
        >>> Categorical.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2, 2)
        """
        return cls(rng.dirichlet(1 + np.asarray(prior.unseen), size))

    def checked(self, k: int, d: int) -> Self:
        """Probabilities sum to one.

        >>> two = Categorical(np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> two.checked(2, 2)._fields
        ('prob',)
        """
        (prob,) = fields(self, {"prob": (k, d)})
        if (prob < 0).any():
            component, category = np.argwhere(prob < 0)[0]
            raise Refusal(
                f"prob[{component}, {category}] is {prob[component, category]:g}; give "
                "probabilities from 0 to 1"
            )
        total = prob.sum(axis=1, keepdims=True)
        worst = int(np.abs(total - 1).argmax())
        if abs(total[worst, 0] - 1) > ROUNDING:
            raise Refusal(f"prob[{worst}] sums to {total[worst, 0]:.10g}; divide it by its sum")
        return type(self)(prob / total)

    def order(self) -> Labels:
        """By the probability of the first category in which components differ.

        >>> two = Categorical(np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> two.order()
        array([1, 0])
        """
        return np.lexsort(np.moveaxis(self.prob, -1, 0)[::-1])

    def affine(self, scale: Array, shift: Array) -> Self:
        """Labels have no unit to change.

        >>> two = Categorical(np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> two.affine(np.array([2.0]), np.array([1.0]))[0]
        array([[0.9, 0.1],
               [0.2, 0.8]])
        """
        return self

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a category from the component that each label names.

        >>> two = Categorical(np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None).round(2)
        array([0., 1., 0.])
        """
        found, chance = np.empty(len(labels)), rng.random(len(labels))
        for component, prob in enumerate(self.prob):
            own = labels == component
            below = np.cumsum(prob)
            found[own] = np.searchsorted(below / below[-1], chance[own], side="right")
        return found

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """log prob_x.

        >>> two = Categorical(np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> two.log_mass(np.array([1.0]), None).round(2).tolist()
        [[-2.3], [-0.22]]
        """
        with np.errstate(divide="ignore"):  # a category that a component does not have
            found: Array = np.log(self.prob)[:, x.astype(np.intp)]
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """P(X <= c), in the order of the codes.

        >>> two = Categorical(np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> two.cumulative(np.array([1.0]), np.array([[0.0]]), None)[0].round(2).tolist()
        [[[[0.9]], [[0.2]]]]
        """
        k, v = self.prob.shape
        sums = np.concatenate([np.zeros((k, 1)), np.cumsum(self.prob, axis=1)], axis=1)
        below = sums[:, np.clip(np.floor(ends), -1, v - 1).astype(np.intp) + 1]
        return np.minimum(below, 1)[None], np.zeros((1, k, len(x)))


class CategoricalPrior(NamedTuple):
    """Dirichlet(1 + unseen): a prior written as observations not seen.

    unseen: (V,) the number of each category, from 0 up; or one number for all of them.

    >>> from models import Sample
    >>> CategoricalPrior(2).checked(Sample(["a", "b", "a"]))
    CategoricalPrior(unseen=array([2., 2.]))
    """

    unseen: Any

    def checked(self, sample: Observations) -> Self:
        """No number is negative.

        >>> from models import Sample
        >>> sample = Sample(["no", "yes", "yes"])
        >>> prior = Categorical.weak_prior(sample, 2)
        >>> prior.checked(sample)
        CategoricalPrior(unseen=array([0., 0.]))
        """
        v = width(Categorical, sample)
        given = numbers("prior: unseen", self.unseen)
        if given.shape not in ((), (v,)):
            raise Refusal(
                f"prior: unseen has shape {given.shape}; give one number, or one for each of {v} "
                "categories"
            )
        if not ((given >= 0) & np.isfinite(given)).all():
            raise Refusal(f"prior: unseen is {given.tolist()}; give numbers from 0 up")
        return type(self)(np.broadcast_to(given, (v,)).copy())

    def affine(self, scale: Array, shift: Array) -> Self:
        """Labels have no unit to change.

        >>> from models import Sample
        >>> sample = Sample(["no", "yes", "yes"])
        >>> prior = Categorical.weak_prior(sample, 2)
        >>> prior.affine(np.array([2.0]), np.array([1.0]))
        CategoricalPrior(unseen=array([0., 0.]))
        """
        return self

    def widened(self, factor: float) -> Self:
        """Dirichlet((1 + unseen) / factor).

        >>> from models import Sample
        >>> sample = Sample(["no", "yes", "yes"])
        >>> prior = Categorical.weak_prior(sample, 2)
        >>> prior.widened(2.0)
        CategoricalPrior(unseen=array([-0.5, -0.5]))
        """
        return type(self)((1 + np.asarray(self.unseen)) / factor - 1)


def single_rows_unidentified(
    family: object, sample: Observations, k: int, *, equal: bool, names: Sequence[str] = ()
) -> str:
    """Return why single labels in no order do not identify components; empty if k is 1.

    V - 1 shares of the categories are all that such rows determine, whatever their number. Any of
    them can be one component, and K components with shares of their own have
    K (V - 1) + K - 1 parameters.

    >>> from models import Sample
    >>> single_rows_unidentified(Categorical, Sample(["a", "b", "c"]), 2, equal=False)[:43]
    'one label a row cannot tell 2 groups apart:'
    """
    if k == 1:
        return ""
    v = width(Categorical, sample)
    free = k * (v - 1) + (0 if equal else k - 1)
    return (
        f"one label a row cannot tell {k} groups apart: they have {free} parameters, and the "
        f"shares of {v} categories determine only {v - 1}; give more columns of labels "
        f"{both('Independent(Categorical, ...)', '-c NAME:categorical for each')}, rows in groups "
        f"{both('Groups(x, group)', '--group')}, rows in time "
        f"{both('Sequences(x)', '--in-order')}, or 1 group"
    )
