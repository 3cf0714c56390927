"""The findings if only EM was run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comparisons.verdict.judge_em import em_finished, spiked
from models.structure import by_name, parameters

if TYPE_CHECKING:
    import em
    from comparisons.finding import Finding

__all__ = ["findings_of"]


def findings_of(fit: em.Fit[Any]) -> list[Finding]:
    """Return whether EM finished, and whether its optimum is a spike.

    >>> from em import fit
    >>> from models import Gaussian, Sample
    >>> [one.code for one in findings_of(fit(Gaussian, Sample([1, 2, 3]), 1))][:3]
    ['stopped_early', 'not_a_maximum', 'spike']
    """
    listed, names = parameters(fit.estimate, fit.question.held), fit.question.names
    found = [*em_finished(fit, fit, fit), *spiked(fit, fit)]
    return [
        one._replace(
            message=by_name(one.message, listed, names), remedy=by_name(one.remedy, listed, names)
        )
        for one in found
    ]
