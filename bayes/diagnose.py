"""Whether chains can be believed: ArviZ's diagnostics beside the thresholds of the design."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import arviz as az
import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Check", "Diagnosis", "diagnose", "measured", "worst_of"]

R_HAT = 1.01  # Vehtari et al. (2021, section 5)
ESS = 400.0  # there too: 100 a chain, so that R-hat and the Monte Carlo errors can be trusted
DIVERGING = 0.001  # share of draws; a few are no bias to speak of, many are (Betancourt 2017)
BFMI = 0.3  # Betancourt (2016, section 3.2)
DEPTH = 0.01  # share of draws whose path was cut off: it costs speed before it biases


class Check(NamedTuple):
    """One measure of the chains.

    name, value, threshold: as they are told.
    passed: whether the value is on the good side of the threshold.
    """

    name: str
    value: float
    threshold: float
    passed: bool


class Diagnosis(NamedTuple):
    """All measures of the chains.

    checks: the worst parameter or chain of each measure.
    parameters: R-hat and effective sample sizes of every parameter, along `measure`; NaN where a
        parameter is constant.
    """

    checks: tuple[Check, ...]
    parameters: xr.Dataset

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(check.passed for check in self.checks)

    def __str__(self) -> str:
        lines = [
            f"{'ok  ' if one.passed else 'FAIL'} {one.name:<28}{one.value:>10.4g}"
            f"   threshold {one.threshold:g}"
            for one in self.checks
        ]
        return "\n".join(lines)


def diagnose(tree: xr.DataTree) -> Diagnosis:
    """Measure a posterior's chains: R-hat, effective sizes, divergences, E-BFMI, tree depth.

    tree: as `sample` returns it; of another sampler's, a measure is left out where its
        statistic is.
    """
    if "posterior" not in getattr(tree, "children", ()):
        raise ValueError("the tree has no group posterior; give what bayes.sample returned")
    parameters = measured(tree["posterior"].to_dataset())
    hat, bulk, tail = worst_of(parameters)
    checks = [
        Check("largest R-hat", hat, R_HAT, hat < R_HAT),
        Check("least bulk ESS", bulk, ESS, bulk >= ESS),
        Check("least tail ESS", tail, ESS, tail >= ESS),
    ]
    statistics = tree["sample_stats"].to_dataset() if "sample_stats" in tree.children else {}
    if "diverging" in statistics:
        share = float(statistics["diverging"].mean())
        checks.append(Check("share of divergences", share, DIVERGING, share <= DIVERGING))
    if "energy" in statistics:
        bfmi = float(np.min(az.bfmi(tree)["energy"].to_numpy()))
        checks.append(Check("least E-BFMI", bfmi, BFMI, bfmi > BFMI))
    if "reached_max_treedepth" in statistics:
        share = float(statistics["reached_max_treedepth"].mean())
        checks.append(Check("share at the deepest tree", share, DEPTH, share <= DEPTH))
    return Diagnosis(tuple(checks), parameters)


def measured(posterior: xr.Dataset) -> xr.Dataset:
    """Return R-hat and effective sample sizes of every parameter, along `measure`."""
    if posterior.sizes["chain"] == 1:  # halves of a chain can be compared as well
        half = posterior.sizes["draw"] // 2
        parts = [posterior.isel(draw=slice(at, at + half)) for at in (0, half)]
        posterior = xr.concat(
            [part.assign_coords(draw=np.arange(half), chain=[at]) for at, part in enumerate(parts)],
            "chain",
        )
    each = ("chain", "draw")
    finite = np.isfinite(posterior).all(each)
    span = posterior.max(each) - posterior.min(each)
    constant = span <= 1e-12 * abs(posterior).max(each)
    with np.errstate(divide="ignore", invalid="ignore"):  # of constants
        found = {
            "r_hat": az.rhat(posterior, method="rank"),
            "ess_bulk": az.ess(posterior, method="bulk"),
            "ess_tail": az.ess(posterior, method="tail"),
        }
    worst = {"r_hat": np.inf, "ess_bulk": 0.0, "ess_tail": 0.0}
    return xr.concat(
        [one.where(finite, worst[name]).where(~constant) for name, one in found.items()],
        xr.IndexVariable("measure", list(found)),
    )


class Worst(NamedTuple):
    """The largest R-hat and the least effective sizes of all parameters that vary; NaN if none."""

    r_hat: float
    ess_bulk: float
    ess_tail: float


def worst_of(parameters: xr.Dataset) -> Worst:
    """Return the worst of what `measured` found."""

    def column(name: str) -> NDArray[np.float64]:
        every = [one.sel(measure=name).to_numpy().ravel() for one in parameters.data_vars.values()]
        values = np.concatenate(every)
        known: NDArray[np.float64] = values[~np.isnan(values)]
        return known if len(known) else np.array([np.nan])

    return Worst(
        float(column("r_hat").max()),
        float(column("ess_bulk").min()),
        float(column("ess_tail").min()),
    )
