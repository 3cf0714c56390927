"""The two answers side by side, and what to make of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

import bayes
import em
from comparisons.binned.posterior import BINNED, posterior_in_bins
from comparisons.capacity import refuse_many
from comparisons.finding import OK
from comparisons.kept.atomic import written
from comparisons.kept.facts import Facts
from comparisons.kept.tree import laid_out
from comparisons.thresholds import FORMAT
from comparisons.verdict.estimates import family_of
from comparisons.verdict.evidence import evidence_of, search
from comparisons.verdict.subsample import keep_whole
from models import Gaussian, Sample
from models.checks import whole as whole_number
from models.family import Theta

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    import pandas as pd
    from matplotlib.figure import Figure

    from bayes.posterior.adopt import Name
    from models import Mixture, Prior
    from models.observations import Observations

__all__ = ["Comparison", "compare", "load", "second_opinion"]


class Comparison(Facts):
    """An estimate beside a posterior, a verdict, and what was measured to reach it.

    tree: the posterior's DataTree with groups em, ascent, optima, deviance, density, memberships,
        modes, truth and comparison. It contains everything, so that a file of it is a comparison.
    """

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas data frame."""
        return self.table.to_frame()

    def save(self, path: str | Path) -> None:
        """Write everything to one netCDF file."""
        written(Path(path), self.tree.to_netcdf)

    def report(self, path: str | Path, command: str | None = None) -> None:
        """Write one self-contained HTML page.

        command: how to make the comparison again, for the page to say.
        """
        from comparisons.pages.report import report

        page = report(self, command)
        written(Path(path), lambda target: target.write_text(page, encoding="utf-8"))

    def plot_posterior(self) -> Figure:
        """Draw each parameter's posterior with EM's estimate and its standard-error curve."""
        return self._drawn("posterior")

    def plot_data(self) -> Figure:
        """Draw one column's data with plug-in density, components and predictive band."""
        return self._drawn("data")

    def plot_plane(self) -> Figure:
        """Draw several columns' data with EM's ellipses and the posterior's."""
        return self._drawn("plane")

    def plot_ascent(self) -> Figure:
        """Draw how EM climbed from every start."""
        return self._drawn("ascent")

    def plot_deviance(self) -> Figure:
        """Draw the draws' deviance from the estimate against chi-squared."""
        return self._drawn("deviance")

    def plot_memberships(self) -> Figure:
        """Draw who belongs to which group, by EM and by the posterior."""
        return self._drawn("memberships")

    def plot_pairs(self) -> Figure:
        """Draw pairs of parameters with EM's ellipse."""
        return self._drawn("pairs")

    def _drawn(self, name: str) -> Figure:
        """Draw a picture; matplotlib is imported when one is drawn."""
        from comparisons.pictures.catalogue import KINDS

        return KINDS[name].draw(self)

    def __str__(self) -> str:
        """Return question, table, verdict and whatever is not ok."""
        k, sampling = self.k, self.sampling
        bins = "" if self.bins is None else f" in {self.bins:,} bins"
        columns = ["mle", "se", "mean", "sd", "low", "high", "gap_in_sd", "prior_pull", "skew"]
        frame = self.to_frame()[columns]
        lines = [
            (
                f"{self.title}, {k} component{'s' * (k > 1)}, {self.observations:,} "
                f"observations{bins}: {self.estimate.source} beside {sampling.chains} chains of "
                f"{sampling.draws:,} draws"
            ),
            frame.map(lambda value: f"{value:.4g}").to_string(index_names=False),
            f"verdict: {self.verdict}",
        ]
        lines += [
            f"{finding.severity:<5} {finding.code}: {finding.message}"
            for finding in self.findings
            if finding.severity != OK
        ]
        return "\n".join(lines)

    __repr__ = __str__


def second_opinion[T: Theta](
    family: type[T],
    sample: Observations,
    k: int,
    *,
    estimate: object = None,
    prior: Prior | None = None,
    equal_weights: bool = False,
    starts: int = 20,
    draws: int | Literal["auto"] = "auto",
    tune: int = 1_000,
    chains: int = 4,
    seed: int = 0,
    truth: Mixture[T] | None = None,
    progress: bool = True,
    some: int | None = None,
) -> Comparison:
    """Fit a mixture of k components by EM and by MCMC, and compare.

    Of more than BINNED different measurements in one dimension, and of a Stream, EM sees all, and
    the sampler bins; the finding `binned` says by how much these can have moved a posterior mean.

    estimate: to be judged in place of EM's: whatever `compare` takes.
    prior: of the posterior, by default `models.weak_prior`; EM maximises the likelihood.
    equal_weights: hold all shares at 1 / k on both sides.
    starts: of EM; draws, tune, chains: of the sampler, as in `bayes.sample`.
    seed: of everything random.
    truth: where it is known, for the pictures and the table.
    progress: show bars on a terminal.
    some: how many observations, drawn at random, the opinion is on; EM of all is held against it.
    """
    whole = None
    if some is not None and whole_number("some", some, k) < sample.observations:
        options = {"equal_weights": equal_weights, "starts": starts, "seed": seed}
        whole = search(family, sample, k, **options, progress=progress).fit
        sample = em.subsample(family, sample, some, seed)
    in_bins = family is Gaussian and (not isinstance(sample, Sample) or sample.distinct > BINNED)
    refuse_many(family, sample, k)
    found = search(
        family, sample, k, equal_weights=equal_weights, starts=starts, seed=seed, progress=progress
    )

    def drawn(rows: Sample) -> xr.DataTree:
        return bayes.sample(
            family,
            rows,
            k,
            prior=prior,
            equal_weights=equal_weights,
            draws=draws,
            tune=tune,
            chains=chains,
            seed=seed,
            progress=progress,
        )

    tree = posterior_in_bins(drawn, sample, found.fit) if in_bins else drawn(sample)
    if whole is not None:
        keep_whole(tree, whole)
    return Comparison(laid_out(tree, evidence_of(estimate, tree, found), truth))


def compare(
    estimate: object,
    posterior: xr.DataTree,
    *,
    sample: Sample | None = None,
    names: Mapping[str, Name] | None = None,
    prior: Prior | None = None,
    equal_weights: bool = False,
    truth: Mixture | None = None,
) -> Comparison:
    """Compare an estimate with a posterior; EM judges the estimate whoever made it.

    estimate: an em.Fit, a Mixture, a fitted scikit-learn GaussianMixture, or the path of a JSON
        file such as {"weight": [0.4, 0.6], "mean": [163, 175], "sd": [6, 7]}.
    posterior: of `bayes.sample` or `bayes.adopt`, or of another sampler: then give the sample and,
        as `bayes.adopt` takes them, names, prior and equal_weights.
    truth: where it is known, for the pictures and the table.
    """
    if not isinstance(posterior, xr.DataTree):
        raise ValueError(f"posterior is a {type(posterior).__name__}; give an xarray.DataTree")
    if "labels" not in posterior.children:
        family = family_of(estimate)
        if sample is None or family is None:
            raise ValueError(
                "the posterior is another sampler's: give its sample=, and names= from ours to "
                "its variables"
            )
        posterior = bayes.adopt(
            family, sample, posterior, names, prior=prior, equal_weights=equal_weights
        )
    elif sample is not None or names is not None or prior is not None or equal_weights:
        raise ValueError("the posterior has its own sample, names, prior and weights; omit yours")
    return Comparison(laid_out(posterior, evidence_of(estimate, posterior), truth))


def load(path: str | Path) -> Comparison:
    """Read a comparison that was saved."""
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path} does not exist; give a file of Comparison.save")
    tree = xr.open_datatree(path)
    tree.load()
    tree.close()
    if "verdict" not in tree.attrs or tree.attrs.get("format") != FORMAT:
        raise ValueError(f"{path} is no comparison of format {FORMAT}; save it anew")
    return Comparison(tree)
