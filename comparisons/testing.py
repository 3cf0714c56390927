"""Assertions for regression tests of your own: parameters recovered, results unchanged.

from comparisons.testing import assert_recovered, assert_unchanged

def test_heights():
    comparison = second_opinion(Gaussian, sample, 2, seed=1)
    assert_recovered(comparison, truth)
    assert_unchanged(comparison, "heights.nc")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.comparison import Comparison, load
from comparisons.verdict.matching import matched
from models.family import components
from models.refusal import Refusal
from models.structure import checked, from_fields, ordered, permuted, picked

if TYPE_CHECKING:
    from pathlib import Path

    from models.structure import Structure

__all__ = ["assert_recovered", "assert_unchanged"]

ROUNDING = 1e-9  # relative; beyond what two machines make of the same sum


def assert_recovered(comparison: Comparison, truth: Structure, k: float = 4.0) -> None:
    """Assert that both answers lie within k of their own errors of the truth.

    |mle - truth| <= k se, and |mean - truth| <= k sqrt(sd^2 + mcse^2), for every parameter.

    truth: components in any order.

    >>> from models import Mixture, Poisson
    >>> assert_recovered(comparison, Mixture([0.6, 0.4], Poisson([1.0, 8.0])))
    >>> assert_recovered(comparison, Mixture([0.6, 0.4], Poisson([1.0, 20.0])))
    Traceback (most recent call last):
    AssertionError: not recovered to within 4 errors:
    ...
    """
    __tracebackhide__ = True
    frame = comparison.to_frame()
    kind, family = comparison.structure, comparison.family
    structure = ordered(checked(truth, kind, family, comparison.width))
    given, here = components(structure.theta), comparison.k
    if given != here:
        raise Refusal(f"truth has {given} components, the comparison {here}")
    if comparison.assigned:
        draws = from_fields(kind, family, comparison.draws)
        structure = permuted(structure, matched(structure, draws))
    true = np.array([picked(structure, row.parameter) for row in comparison.parameters], float)
    posterior = np.hypot(frame["sd"], frame["mcse"])
    rows = {"EM": (frame["mle"], frame["se"]), "posterior": (frame["mean"], posterior)}
    failures = []
    for source, (value, error) in rows.items():
        far = np.abs(value - true) / error
        bad = ~(far <= k)
        failures += [
            f"  {source:<9} {label}: {value[label]:.6g}, truth {true[at]:.6g}, "
            f"{far[label]:.2f} errors of {error[label]:.3g} away"
            for at, label in enumerate(frame.index)
            if bad[label]
        ]
    if failures:
        raise AssertionError(f"not recovered to within {k:g} errors:\n" + "\n".join(failures))


def assert_unchanged(
    comparison: Comparison, saved: Comparison | str | Path, k: float = 4.0
) -> None:
    """Assert that a comparison is the saved one, but for rounding and Monte Carlo noise.

    EM's estimates may differ by the decrements at which both climbs stopped, in standard errors,
    and the errors relatively by twice that; posterior means and sds by k of the Monte Carlo errors
    of their difference. The verdict has to be the same.

    saved: another comparison, or the file of one.

    >>> assert_unchanged(comparison, comparison)
    """
    __tracebackhide__ = True
    before = saved if isinstance(saved, Comparison) else load(saved)
    new, old = comparison.to_frame(), before.to_frame()
    if list(new.index) != list(old.index):
        raise AssertionError(f"other parameters: {list(new.index)}, saved {list(old.index)}")
    failures = []
    if comparison.verdict != before.verdict:
        failures.append(f"  verdict {comparison.verdict}, saved {before.verdict}")
    left = sum(np.nan_to_num(one.estimate.decrement) for one in (comparison, before))
    allowed = {
        "mle": left * np.nan_to_num(new["se"]),
        "se": 2 * left * np.nan_to_num(new["se"]),
        "mean": k * np.hypot(new["mcse"], old["mcse"]),
        "sd": k * np.hypot(new["mcse_sd"], old["mcse_sd"]),
    }
    for name, tolerance in allowed.items():
        moved = np.abs(new[name] - old[name])
        room = np.nan_to_num(tolerance) + ROUNDING * np.abs(old[name])
        same = (moved <= room) | (new[name].isna() & old[name].isna())
        failures += [
            f"  {name} of {label}: {new.loc[label, name]:.8g}, saved {old.loc[label, name]:.8g}, "
            f"moved {moved[label]:.2g}, allowed {room[label]:.2g}"
            for label in new.index[~same]
        ]
    if failures:
        raise AssertionError("changed:\n" + "\n".join(failures))
