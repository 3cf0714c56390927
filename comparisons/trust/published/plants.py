"""Genetic linkage (Rao; Dempster, Laird & Rubin 1977): EM's path, its rate and the error."""

from __future__ import annotations

from functools import cache, partial

from comparisons.studies.linkage import START, Plants, information, path, rate
from comparisons.trust.published import Case, Number
from em import climb

__all__ = ["CASES"]


ALL = 30  # steps, each of which leaves an eighth of the way: more digits than a double has


@cache
def after(steps: int) -> float:
    """Return t after a number of steps of plain EM."""
    end = climb(Plants(), START, accelerate=False, tolerance=0.0, max_steps=steps)
    return float(end.parameters)


def missing() -> float:
    """Return the fraction of information that is missing at the estimate."""
    observed, complete = information(after(ALL))
    return 1 - observed / complete


def error() -> float:
    """Return the standard error at the estimate."""
    return float(information(after(ALL))[0] ** -0.5)


CASES = (
    Case(
        "Genetic linkage: 125, 18, 20, 34 plants, EM from 0.5",
        "Rao; Dempster, Laird & Rubin 1977, J. Roy. Statist. Soc. B 39, 1; recomputed",
        (
            Number("t after 1 step", "0.608247", partial(after, 1)),
            Number("t after 2 steps", "0.624321", partial(after, 2)),
            Number("t after 3 steps", "0.626489", partial(after, 3)),
            Number("t, estimate", "0.6268214979", partial(after, ALL)),
            Number("a step leaves", "0.132779", lambda: rate(path(tolerance=1e-8)[0])),
            Number("information missing", "0.132779", missing),
            Number("standard error", "0.051467", error),
        ),
    ),
)
