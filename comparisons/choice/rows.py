"""A candidate for the number of groups, and everything that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.finding import OK, Finding
from models.names import FORMS, name_of
from models.sample import Sample
from models.structure import in_time

if TYPE_CHECKING:
    import em
    from bayes.posterior.evidence import Evidence
    from comparisons.choice.bootstrap import Bootstrap
    from comparisons.choice.predicted import Predicted
    from comparisons.comparison import Comparison
    from models.family import Theta

__all__ = ["Row", "form_of"]

UNSOUND = {"hopeless_chains", "spike"}
UNMIXED = "unmixed_chains"  # the code of chains that do not agree
MIXED = 1.05  # R-hat up to which sums over draws are good enough, as for the evidence
SEVERAL = 3  # of what was left out with a Pareto k above 0.7, from which LOO does not count
MISFIT = "misfit"  # the code of a model that does not fit


def noun_of(fit: em.Fit[Any]) -> str:
    """Return what a component is called: of rows in time state, of rows in groups component.

    >>> noun_of(fit)
    'group'
    """
    if in_time(fit.question.structure):
        return "state"
    return "component" if "group" in fit.question.data.sizes else "group"


class Row(NamedTuple):
    """A family with a number of groups, and what is known of it so far.

    step: the bootstrap test of k groups against k + 1; None for the last k, or if not run.
    predicted: leave-one-out densities; None where nothing can be left out.
    reason: why there is no fit; empty if there is one.
    notes: what is missing besides, and why, in sentences.
    named: whether several families are compared, so that the title names this one.

    >>> row = Row(fit.family, 2, fit)
    >>> row.parameters, row.title, round(row.bic - row.aic, 2)
    (3, '2', 7.82)
    """

    family: type[Theta]
    k: int
    fit: em.Fit[Any] | None = None
    comparison: Comparison | None = None
    predicted: Predicted | None = None
    evidence: Evidence | None = None
    step: Bootstrap | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    named: bool = False

    @property
    def title(self) -> str:
        """The number of groups, after the family of several, or the form of a covariance."""
        if self.named:
            return f"{self.family.__name__} {self.k}"
        form = form_of(self.family)
        return f"{form} {self.k}" if form else str(self.k)

    @property
    def heading(self) -> str:
        """The same where it stands alone: the number of groups, or the family and the number.

        >>> Row(fit.family, 2).heading, Row(fit.family, 1, named=True).heading
        ('K = 2', 'Poisson, 1 group')
        """
        if not self.named:
            return f"K = {self.title}"
        noun = "group" if self.fit is None else noun_of(self.fit)
        return f"{self.family.__name__}, {self.k} {noun}{'s' * (self.k > 1)}"

    @property
    def spiked(self) -> bool:
        """Whether EM found only spikes, whose likelihood means nothing."""
        fit = self.fit
        return fit is not None and (fit.optima[0].spike or not np.isfinite(fit.log_likelihood))

    @property
    def parameters(self) -> int | None:
        """The number of free parameters; of labels in groups their rank."""
        return None if self.fit is None else self.fit.charged

    @property
    def log_likelihood(self) -> float:
        """EM's maximum; NaN where there is none."""
        return np.nan if self.fit is None or self.spiked else self.fit.log_likelihood

    @property
    def aic(self) -> float:
        """Akaike's criterion: lower is better."""
        return np.nan if self.fit is None or self.spiked else self.fit.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion: lower is better."""
        return np.nan if self.fit is None or self.spiked else self.fit.bic

    @property
    def icl(self) -> float:
        """Biernacki's criterion: BIC and the cost of overlap; lower is better.

        As mclust computes it, from each observation's likeliest group; of rows in time from the
        entropy of the path, of rows not in memory from that of the groups.
        """
        fit = self.fit
        if fit is None or self.spiked:
            return np.nan
        alone = isinstance(fit.question.sample, Sample) and not len(fit.question.units.followers())
        return fit.icl_hard if alone else fit.icl

    @property
    def log_evidence(self) -> float:
        """The logarithm of the marginal likelihood; NaN where it is not known."""
        return np.nan if self.evidence is None else self.evidence.log

    @property
    def elpd(self) -> float:
        """The expected log density of observations that are left out; NaN if nothing can be."""
        return np.nan if self.predicted is None else self.predicted.elpd

    @property
    def sound(self) -> bool:
        """Whether draws can be relied on for sums: the chains have mixed, and on no spikes."""
        known = self.comparison
        return known is not None and not any(
            one.stands and (one.code in UNSOUND or (one.code == UNMIXED and one.value > MIXED))
            for one in known.findings
        )

    @property
    def predicts(self) -> bool:
        """Whether LOO means what it says: sound draws, and importance sampling that has worked."""
        known = self.predicted
        return self.sound and known is not None and known.failed < SEVERAL

    @property
    def misfit(self) -> Finding | None:
        """Whether the model fits the data."""
        if self.comparison is None:
            return None
        return next((one for one in self.comparison.findings if one.code == MISFIT), None)

    @property
    def saturated(self) -> str:
        """That the model fits every table exactly, if it does; otherwise empty."""
        fit = self.fit
        return "" if fit is None or not fit.saturated else "saturated: the model cannot misfit"

    @property
    def fits(self) -> bool | None:
        """Whether the model fits, as far as the data tell; None if it was not measured.

        A saturated model cannot misfit, which is not to fit.
        """
        found = self.misfit
        if found is None or not np.isfinite(found.value):
            return None
        return found.severity == OK or found.value < found.threshold


def form_of(family: type[Theta]) -> str:
    """Return the name of a covariance form; empty for a family that has none.

    >>> from models import Poisson
    >>> from models.names import family_named
    >>> form_of(family_named("multivariate", "tied")), form_of(Poisson)
    ('tied', '')
    """
    known = FORMS.get(name_of(family), {})
    forms = {one: name for name, one in known.items()}
    return next((forms[one] for one in family.__mro__ if one in forms), "")
