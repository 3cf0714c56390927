"""Whether doubles resolve the spread of measurements far from zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.checks import scatter_about_mean
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.observations import Observations

__all__ = ["columns_called", "refuse_lost_digits"]

LOST = 0.05
"""Standard errors of a mean that its rounding to a double may make. At half the spacing of doubles
it is spacing / 2 / (sd / sqrt n); as much is what an estimate may be away from its maximum."""

NEAR = 100.0  # spreads by which the offset may miss the data, so that it is a round number


def columns_called(sample: Observations, names: Sequence[str] = ()) -> list[str]:
    """Return what messages call the columns: as given, as a data frame does, or by place.

    >>> from models import Sample
    >>> columns_called(Sample([[1.0, 2.0]])), columns_called(Sample([1.0]))
    (['x[:, 0]', 'x[:, 1]'], ['x'])
    """
    given = list(names) or list(getattr(sample, "columns", ()))
    if len(given) == sample.dimension:
        return [name if name.startswith("column ") else repr(name) for name in given]
    return [f"x[:, {at}]" for at in range(sample.dimension)] if sample.table else ["x"]


def refuse_lost_digits(sample: Observations, names: Sequence[str] = ()) -> None:
    """Raise Refusal if a column is so far from zero that doubles do not resolve its spread.

    names: of the columns, for the message.

    >>> import numpy as np
    >>> from models import Sample
    >>> refuse_lost_digits(Sample(1.7e17 + np.array([0.0, 32.0, 64.0, 96.0])), ["time"])
    Traceback (most recent call last):
    models.refusal.Refusal: 'time' has a spread of ..., but doubles near 1.7e+17 are 32 apart; ...
    """
    largest = np.maximum(np.abs(sample.low), np.abs(sample.high))
    spacing = np.spacing(largest)
    # no pass over the rows where even the whole range is far above the spacing
    reach = (sample.high - sample.low) / np.sqrt(sample.observations)
    doubtful = spacing * np.sqrt(sample.observations) > LOST * reach
    if not doubtful.any():
        return
    mean, cov = scatter_about_mean(sample)
    sd = np.sqrt(np.diagonal(cov))
    error = sd / np.sqrt(sample.observations)
    for at, name in enumerate(columns_called(sample, names)):
        constant = sample.high[at] == sample.low[at]
        if constant and spacing[at] < 1:
            continue  # another refusal names a constant
        if np.isfinite(sd[at]) and not spacing[at] / 2 <= LOST * error[at]:
            spread = f"a spread of {sd[at]:.3g}, but" if not constant else "one value:"
            raise Refusal(
                f"{name} has {spread} doubles near {mean[at]:.3g} are {spacing[at]:.3g} apart; "
                f"subtract {_offset(mean[at], max(sd[at], spacing[at])):.15g} before the numbers "
                "become doubles"
            )


def _offset(mean: float, sd: float) -> float:
    """Return the roundest number within NEAR spreads of the mean."""
    for power in range(int(np.log10(abs(mean))) + 1, -300, -1):
        unit = 10.0**power
        rounded = float(round(mean / unit) * unit)
        if rounded != 0 and abs(rounded - mean) <= NEAR * sd:
            return rounded
    return mean
