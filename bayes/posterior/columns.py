"""What draws say of one column of a table alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes.sampling.compiled import engine_of
from models.names import partly_seen

if TYPE_CHECKING:
    from models.arrays import Array
    from models.question import Question

__all__ = ["column_densities"]


def column_densities(question: Question[Any, Any], positions: Array, at: int, x: Array) -> Array:
    """Return the density (probability, of counts) of values of one column, (n, m), of draws.

    It is the model's own density of rows of which nothing else was seen.

    positions: (n, p) of the draws; at: which column; x: (m,) values of it.

    >>> from bayes.model import asked
    >>> from models import Independent, Mixture, Poisson, Sample
    >>> family = Independent(Poisson, Poisson)
    >>> question = asked(family, Sample([[1, 7], [2, 9]]), 1)
    >>> draw = Mixture(np.ones((1, 1)), family(np.array([[2.0]]), np.array([[8.0]])))
    >>> positions = engine_of(question).pack(question, draw)
    >>> column_densities(question, positions, 0, np.array([0.0, 1.0])).round(3)
    array([[0.135, 0.271]])
    """
    whole = engine_of(question)
    partly = replace(question, family=partly_seen(question.family), given=question.prior)
    rows = np.full((len(x), question.sample.dimension), np.nan)
    rows[:, at] = x
    sample, engine = question.rows.with_rows(rows, None), engine_of(partly)
    if engine is not whole:  # a family that has another form for rows with blanks
        positions = engine.pack(partly, whole.structures(question, positions))
    found: Array = np.exp(engine.log_marginals(partly, positions, sample))
    return found[:, sample.inverse]
