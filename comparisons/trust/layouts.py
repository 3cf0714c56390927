"""How simulated rows belong together, by the structure that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from em.emission import emission_of
from models import Groups, MultivariateGaussian, Sample, Sequences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.arrays import Array, Labels
    from models.family import Theta
    from models.sequences import Initial
    from models.structure import Structure, Units

    type Lay = Callable[[Array, int | None, tuple[str, ...] | None, Initial | None], Units]

__all__ = ["CATEGORIES", "FLIPS", "LAYOUTS", "SCALE", "Layout", "filled", "laid", "of_scale"]

FLIPS = 10  # of a set of coins
SCALE = np.arange(11.0)  # values that give a weak prior its scale, in each column
CATEGORIES = tuple("abcdef")  # of labels
SEQUENCES, GROUPS = 5, 10


class Layout(NamedTuple):
    """How rows belong together.

    rows, sets: how many there usually are in all: rows, or sets of coins.
    lay: values, flips, categories and how sequences begin -> data.

    >>> LAYOUTS["hidden-markov"].rows
    300
    """

    rows: int
    sets: int
    lay: Lay

    def usual(self, family: type[Theta]) -> int:
        """Return how many rows of a family there usually are.

        >>> from models import Binomial
        >>> LAYOUTS["mixture"].usual(Binomial)
        100
        """
        return self.sets if family.takes() == "heads" else self.rows


def _parted(n: int, parts: int) -> Labels:
    """Return the part, 0 to parts - 1, of each of n rows."""
    return np.arange(n) * parts // n


LAYOUTS: Mapping[str, Layout] = {
    "mixture": Layout(500, 100, lambda x, flips, names, _: Sample(x, flips, categories=names)),
    "hidden-markov": Layout(
        300,
        300,
        lambda x, flips, names, initial: Sequences(
            x, flips, _parted(len(x), SEQUENCES), initial, categories=names
        ),
    ),
    "admixture": Layout(
        500,
        500,
        lambda x, flips, names, _: Groups(
            x, _parted(len(x), GROUPS), trials=flips, categories=names
        ),
    ),
}
"""By the name of the structure on the command line."""


def of_scale(family: type[Theta], flips: int | None = FLIPS) -> Sample:
    """Return rows that give a weak prior its scale.

    flips: of each set of coins.

    >>> from models import Categorical, Poisson
    >>> of_scale(Poisson).observations, of_scale(Categorical).categories[-1]
    (11, 'f')
    """
    x: Array = 1 + SCALE if emission_of(family).relative else SCALE
    if issubclass(family, MultivariateGaussian):
        x = np.stack(np.meshgrid(SCALE, SCALE), axis=-1).reshape(-1, 2)
    if family.takes() == "labels":
        return Sample(np.arange(len(CATEGORIES)), categories=CATEGORIES)
    return Sample(x, flips if family.takes() == "heads" else None)


def laid(
    structure: str,
    family: type[Theta],
    n: int,
    *,
    flips: int | None = FLIPS,
    initial: str | None = None,
) -> Units:
    """Return data of n rows laid out for a structure; `filled` gives them values with a meaning.

    structure: a name of LAYOUTS.
    flips: of each set of coins.
    initial: how sequences begin, as `Sequences` has it.

    >>> from models import Poisson
    >>> laid("admixture", Poisson, 100).sizes
    {'group': 10}
    """
    like = of_scale(family, flips)
    x = like.x[np.arange(n) % like.distinct]
    trials = None if like.trials is None else flips
    names = like.categories or None
    return LAYOUTS[structure].lay(x, trials, names, cast("Initial | None", initial))


def filled(
    truth: Structure, data: Units, rng: np.random.Generator, step: float | None = None
) -> Units:
    """Draw observations of known parameters, laid out as some data are.

    step: of the grid on which they are measured; exact by default.

    >>> from models import Mixture, Poisson
    >>> calls = Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 9.0])))
    >>> filled(calls, laid("mixture", Poisson, 100), np.random.default_rng(1)).sample.observations
    100
    """
    sample = data.sample
    trials = None if sample.trials is None else sample.trials[sample.rows_in_order]
    labels = truth.labels(data, np.arange(sample.observations), rng)
    x = truth.theta.draw(labels, rng, trials)
    return data.like(x if step is None else np.round(x / step) * step)
