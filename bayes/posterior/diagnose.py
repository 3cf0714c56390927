"""Whether chains can be trusted: ArviZ's diagnostics and their thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import arviz_stats as az
import numpy as np
import xarray as xr

from bayes.posterior.effective import measures_of
from models.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Check", "Diagnosis", "checked", "diagnose", "measured", "worst_of"]

R_HAT = 1.01  # Vehtari et al. (2021, section 5)
ESS = 400.0  # there too: 100 a chain, so that R-hat and the Monte Carlo errors can be trusted
DIVERGING = 0.001  # share of draws; a few are no bias to speak of, many are (Betancourt 2017)
BFMI = 0.3  # Betancourt (2016, section 3.2)
DEPTH = 0.01  # share of draws whose path was cut off: it costs speed before it biases
TAIL = (0.11, 0.89)  # quantiles whose effective size is that of the tails, as ArviZ has them
MEASURES = ("r_hat", "ess_bulk", "ess_tail")


class Check(NamedTuple):
    """One measure of the chains.

    name, value, threshold: as they are printed.
    passed: whether the value meets the threshold.

    >>> diagnose(posterior).checks[3]
    Check(name='share of divergences', value=0.0, threshold=0.001, passed=True)
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

    >>> diagnosis = diagnose(posterior)
    >>> diagnosis.passed, list(diagnosis.parameters)
    (True, ['weight', 'rate'])
    """

    checks: tuple[Check, ...]
    parameters: xr.Dataset

    @property
    def passed(self) -> bool:
        """Whether every check passed.

        >>> diagnose(posterior).passed
        True
        """
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

    tree: as `sample` returns it; a measure whose statistic is missing is left out.

    >>> [check.name for check in diagnose(posterior).checks][:3]
    ['largest R-hat', 'least bulk ESS', 'least tail ESS']
    """
    if "posterior" not in getattr(tree, "children", ()):
        raise Refusal("the tree has no group posterior; give what bayes.sample returned")
    return checked(measured(tree["posterior"].to_dataset()), tree)


def checked(parameters: xr.Dataset, tree: xr.DataTree) -> Diagnosis:
    """Return the diagnosis of a posterior whose parameters have been measured.

    >>> checked(measured(posterior["posterior"].to_dataset()), posterior).passed
    True
    """
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
    """Return R-hat and effective sample sizes of every parameter, along `measure`.

    >>> measured(posterior["posterior"].to_dataset())["rate"].dims
    ('measure', 'component')
    """
    if posterior.sizes["chain"] == 1:  # halves of a chain can be compared as well
        half = posterior.sizes["draw"] // 2
        parts = [posterior.isel(draw=slice(at, at + half)) for at in (0, half)]
        posterior = xr.concat(
            [part.assign_coords(draw=np.arange(half), chain=[at]) for at, part in enumerate(parts)],
            "chain",
        )
    found = {}
    for name, one in posterior.data_vars.items():
        inner = [dim for dim in one.dims if dim not in ("chain", "draw")]
        found[name] = (
            ["measure", *inner],
            _measured(one.transpose(*inner, "chain", "draw").values),
        )
    coords = {name: posterior.coords[name] for name in posterior.coords if name in posterior.dims}
    coords = {name: one for name, one in coords.items() if name not in ("chain", "draw")}
    return xr.Dataset(found, {"measure": list(MEASURES), **coords})


def _measured(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the three measures (3, ...) of draws (..., chains, draws)."""
    finite = np.isfinite(draws).all(axis=(-2, -1))
    highest = np.abs(draws).max(axis=(-2, -1))
    constant = np.ptp(draws, axis=(-2, -1)) <= 1e-12 * highest
    known = np.where(finite[..., None, None], draws, 0.0).reshape(-1, *draws.shape[-2:])
    with np.errstate(divide="ignore", invalid="ignore"):  # of constants
        measures = measures_of(known, TAIL).reshape(len(MEASURES), *finite.shape)
    worst = [np.inf, 0.0, 0.0]
    kept = [np.where(finite, one, bad) for one, bad in zip(measures, worst, strict=True)]
    return np.where(finite & constant, np.nan, np.stack(kept))


class Worst(NamedTuple):
    """The largest R-hat and the least effective sizes of all parameters that vary; NaN if none."""

    r_hat: float
    ess_bulk: float
    ess_tail: float


def worst_of(parameters: xr.Dataset) -> Worst:
    """Return the worst of what `measured` found.

    >>> worst_of(measured(posterior["posterior"].to_dataset())).r_hat < R_HAT
    True
    """

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
