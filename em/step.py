"""What an observer of a climb sees."""

from __future__ import annotations

from typing import NamedTuple

from models.structure import Structure

__all__ = ["Step"]


class Step[S: Structure](NamedTuple):
    """What an observer sees after each step.

    start: the number of the start, from 0.
    step: the number of steps taken from it.
    estimate: the parameters, in the data's units, labels in the order of the start.
    objective: its value there.

    >>> from em import fit
    >>> from models import Poisson, Sample
    >>> steps = []
    >>> few = fit(Poisson, Sample([0, 1, 7, 9]), 2, starts=1, on_step=steps.append)
    >>> steps[0].step, steps[0].objective <= steps[-1].objective
    (1, True)
    """

    start: int
    step: int
    estimate: S
    objective: float

    @property
    def mixture(self) -> S:
        """The estimate of a mixture.

        >>> from em import fit
        >>> from models import Poisson, Sample
        >>> steps = []
        >>> few = fit(Poisson, Sample([0, 1, 7, 9]), 2, starts=1, on_step=steps.append)
        >>> steps[-1].mixture.theta.rate.round(1)
        array([0.5, 8. ])
        """
        return self.estimate
