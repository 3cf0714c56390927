"""The candidates side by side: the table, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from comparisons.choice.elect import (
    elected,
    probabilities,
    probability_errors,
    recommended,
    undecided,
)
from comparisons.choice.predicted import difference
from comparisons.choice.reasons import advice, differences, elections
from comparisons.choice.rows import noun_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from comparisons.choice.rows import Row

__all__ = ["Candidates"]


@dataclass(frozen=True, eq=False, repr=False)
class Candidates:
    """Candidates for the number of groups, a row each, and what follows from them.

    interrupted: whether it ended by Ctrl-C before all was computed.

    >>> from comparisons.choice.rows import Row
    >>> every = Candidates((Row(fit.family, 2, fit),))
    >>> every.recommended.k, every.to_frame().index.tolist()
    (2, ['2'])
    """

    rows: tuple[Row, ...]
    interrupted: bool = False

    @property
    def noun(self) -> str:
        """What a component is called: group; of rows in time state; of rows in groups component.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.noun
        'group'
        """
        fit = next((row.fit for row in self.rows if row.fit is not None), None)
        return "group" if fit is None else noun_of(fit)

    @property
    def family(self) -> str:
        """The family, or all that are compared.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.family
        'Poisson'
        """
        if not self.rows[0].named:
            return self.rows[0].family.__name__
        return ", ".join(dict.fromkeys(row.family.__name__ for row in self.rows))

    @property
    def elected(self) -> dict[str, int]:
        """The number of groups that each criterion elects, by the criterion's name.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.elected
        {'AIC': 2, 'BIC': 2, 'ICL': 2}
        """
        return {name: one.row.k for name, one in elected(self.rows).items()}

    @property
    def recommended(self) -> Row | None:
        """The candidate that most criteria elect.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.recommended.title
        '2'
        """
        return recommended(self.rows)

    @property
    def sentences(self) -> list[str]:
        """The advice, what each criterion elects, and why they differ.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> len(choice.sentences)
        2
        """
        said = [advice(self.rows, self.noun), elections(self.rows, self.noun)]
        said += differences(self.rows, self.noun)
        best = self.recommended
        top = max(row.k for row in self.rows)
        if best is not None and best.k == top and len(self.rows) > 1:
            said.append(f"{top} is the largest number that was tried: try more.")
        return said

    @property
    def agree(self) -> bool:
        """Whether all criteria elect the same candidate.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.agree
        True
        """
        return len({id(one.row) for one in elected(self.rows).values()}) < 2

    @property
    def tested(self) -> bool:
        """Whether the bootstrap tested any candidate, or was to.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.tested
        False
        """
        return any(row.step is not None for row in self.rows)

    @property
    def legend(self) -> str:
        """What the columns of the table mean.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.legend.partition(". ")[0]
        'A star marks the choice of each criterion'
        """
        how = {row.predicted.how for row in self.rows if row.predicted is not None}
        left = f" (log density of {' or '.join(sorted(how))})" if how else ""
        test = (
            "p: bootstrap test of K against K + 1, at most the number shown where no replicate is "
            "as large. "
        )
        return (
            "A star marks the choice of each criterion. AIC, BIC, ICL: lower is better. "
            f"{test * self.tested}"
            f"LOO{left} and log evidence: higher is better; LOO chooses the fewest parameters "
            "within two standard errors of the best. P(K): under equal prior odds"
            f"{', with its Monte Carlo error' * (undecided(self.rows) is not None)}."
        )

    @property
    def missing(self) -> list[str]:
        """What could not be computed, and for which candidates.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.missing
        []
        """
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            for note in (row.reason, *row.notes, row.saturated):
                if note:
                    found.setdefault(note, []).append(row)
        return [f"{_heading(rows)}: {note}." for note, rows in found.items()]

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas data frame, a row for each candidate.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.to_frame()[["parameters", "bic"]].round(1).loc["2"].tolist()
        [3.0, 478.8]
        """
        import pandas as pd

        found = pd.DataFrame(self.records())
        return found.set_index("K")

    def records(self) -> list[dict[str, object]]:
        """Return the table's rows by column; NaN where something could not be computed.

        >>> from comparisons.choice.rows import Row
        >>> choice = Candidates((Row(fit.family, 2, fit),))
        >>> choice.records()[0]["parameters"]
        3
        """
        chances = probabilities(self.rows)
        errors = probability_errors(self.rows)
        known = [row for row in self.rows if row.predicts]
        best = max(known, key=lambda row: row.elpd, default=None)
        return [_record(*one, best) for one in zip(self.rows, chances, errors, strict=True)]


def _heading(rows: Sequence[Row]) -> str:
    """Return what some candidates are called together."""
    if rows[0].named:
        return "; ".join(row.heading for row in rows)
    return f"K = {', '.join(row.title for row in rows)}"


def _record(row: Row, chance: float, error: float, best: Row | None) -> dict[str, object]:
    """Return a row by column."""
    behind: tuple[float, float] = (np.nan, np.nan)
    if row.predicted is not None and best is not None and best.predicted is not None:
        behind = difference(row.predicted, best.predicted)
    step, found = row.step, row.evidence
    return {
        "K": row.title,
        "parameters": row.parameters,
        "log_likelihood": row.log_likelihood,
        "aic": row.aic,
        "bic": row.bic,
        "icl": row.icl,
        "statistic": np.nan if step is None else step.statistic,
        "p": np.nan if step is None else step.p,
        "exceeding": 0 if step is None else step.exceeding,
        "replicates": 0 if step is None else step.replicates,
        "elpd": row.elpd,
        "elpd_error": np.nan if row.predicted is None else row.predicted.error,
        "elpd_difference": behind[0],
        "elpd_difference_error": behind[1],
        "log_evidence": row.log_evidence,
        "log_evidence_error": np.nan if found is None else found.error,
        "log_evidence_half": np.nan if found is None else found.half.log,
        "log_evidence_twice": np.nan if found is None else found.twice.log,
        "probability": chance,
        "probability_error": error,
        "verdict": None if row.comparison is None else row.comparison.verdict,
        "fits": row.fits,
        "note": row.reason or "; ".join(row.notes) or None,
    }
