"""The two answers side by side, with a verdict."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

import bayes
import em
from bayes.posterior.older import renewed
from bayes.posterior.tree import posterior_of
from comparisons.binned.posterior import posterior_in_bins, to_be_binned
from comparisons.capacity import refuse_many
from comparisons.finding import OK
from comparisons.kept.atomic import written
from comparisons.kept.head import comparison_at
from comparisons.kept.largest import largest
from comparisons.kept.opened import opened
from comparisons.kept.tree import laid_out
from comparisons.pictures.methods import Pictured
from comparisons.prediction.predictor import predictor_of
from comparisons.prediction.rows import units_of
from comparisons.progress import announce
from comparisons.thresholds import WITHIN
from comparisons.verdict.distance import refuse_within
from comparisons.verdict.estimates import family_of
from comparisons.verdict.measured import measured_of
from comparisons.verdict.search import search
from comparisons.verdict.subsample import keep_whole, some_rows
from models.checks import whole as whole_number
from models.estimable import refuse_inestimable
from models.frames import understood
from models.question import asked
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    import pandas as pd

    from bayes.posterior.adopt import Name
    from comparisons.prediction.predictor import Predictor, Shares
    from comparisons.verdict.search import Search
    from models import Prior
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.frames import Columns, Frame
    from models.question import Question
    from models.structure import Data, Structure, Units

    type By = Literal["em", "posterior"]

__all__ = ["Comparison", "compare", "compared_anew", "load", "opinion_of", "second_opinion"]


class Comparison(Pictured):
    """An estimate beside a posterior, a verdict, and the measurements behind it.

    tree: the posterior's DataTree with groups em, ascent, optima, deviance, density (columns, of
        a table), memberships, modes, truth and comparison. It contains everything, so that a file
        of it is a comparison.

    >>> comparison.verdict
    'agree'
    >>> comparison.to_frame()["mle"].round(2).tolist()
    [0.58, 0.42, 1.09, 7.34]
    """

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas data frame.

        >>> comparison.to_frame()[["mle", "low", "high"]].round(2).loc["rate[1]"].tolist()
        [7.34, 6.36, 8.24]
        """
        return self.table.to_frame()

    def to_dataset(self) -> xr.Dataset:
        """Return the estimate as the posterior's variables, which ArviZ's own figures take.

        >>> import arviz
        >>> figure = arviz.plot_dist(comparison.tree, kind="hist")
        >>> figure = arviz.add_lines(figure, values=comparison.to_dataset())
        >>> figure.savefig("estimate.png")
        """
        return self.tree["em"].to_dataset()[[*self.names]]

    def save(self, path: str | Path) -> None:
        """Write everything to one netCDF file.

        >>> comparison.save("counts.nc")
        """
        written(Path(path), self.tree.to_netcdf)

    def predict(self, data: object, by: By = "em") -> Labels:
        """Return the most likely component of each row, counted from 0, (n,).

        Of rows in time these are by EM the states on the most likely path, and by the posterior
        each row's likeliest state. Rows in groups are in new groups, whose shares are folded in.

        data: a Sample, Sequences or Groups like that of the comparison; a data frame, whose columns
            are found by name; or numbers.
        by: "em", or "posterior": the average over draws.

        >>> comparison.predict([0, 9, 1])
        array([0, 1, 0])
        """
        units = units_of(self, data)
        if _by(by) == "em":
            return units.expand(self._predictor.by_em(units).labels)
        return units.expand(self._predictor.by_posterior(units).members.argmax(axis=1))

    def predict_proba(self, data: object, by: By = "em") -> Array:
        """Return the probability of each component for each row, (n, K).

        The arguments are those of `predict`. Of rows in time, given all rows of the sequence.

        >>> comparison.predict_proba([0, 9, 4], by="posterior").round(1)
        array([[1. , 0. ],
               [0. , 1. ],
               [0.3, 0.7]])
        """
        units = units_of(self, data)
        found = self._predictor.by_em(units) if _by(by) == "em" else None
        members = self._predictor.by_posterior(units).members if found is None else found.members
        return units.expand(members)

    def score_samples(self, data: object, by: By = "em") -> Array:
        """Return the log density of each row, (n,).

        By EM at the estimate, by the posterior the log of the density's average over draws. Of rows
        in time, given the rows before; NaN where nothing was seen.

        The arguments are those of `predict`.

        >>> comparison.score_samples([0, 9]).round(2)
        array([-1.64, -3.07])
        """
        units = units_of(self, data)
        if _by(by) == "em":
            return units.expand(self._predictor.by_em(units).scores)
        return units.expand(self._predictor.by_posterior(units).scores)

    def fold_in(self, data: object) -> Shares:
        """Return the shares of groups that were not seen before, by EM and by the posterior.

        data: Groups like those of the comparison; the components are held.

        >>> comparison.fold_in([0, 9])
        Traceback (most recent call last):
        models.refusal.Refusal: the rows of the comparison are in no groups; shares need data in ...
        """
        if "group" not in self.question.data.sizes:
            raise Refusal("the rows of the comparison are in no groups; shares need data in Groups")
        return self._predictor.shares(units_of(self, data))

    @cached_property
    def _predictor(self) -> Predictor:
        return predictor_of(self)

    def report(self, path: str | Path, command: str | None = None) -> None:
        """Write one self-contained HTML page.

        command: how to make the comparison again, for the page to say.

        >>> comparison.report("report.html")
        """
        from comparisons.pages.report import report

        page = report(self, command)
        written(Path(path), lambda target: target.write_text(page, encoding="utf-8"))

    def __str__(self) -> str:
        """Return question, table, verdict and whatever is not ok."""
        k, sampling = self.k, self.sampling
        bins = "" if self.bins is None else f" in {self.bins:,} bins"
        columns = ["mle", "se", "mean", "sd", "low", "high", "gap_in_sd", "prior_pull", "skew"]
        rows, hidden = largest(self)
        frame = self.to_frame().loc[[row.label for row in rows], columns]
        frame.index = [row.title for row in rows]
        lines = [
            (
                f"{self.title}, {k} {self.noun}{'s' * (k > 1)}, {self.observations:,} "
                f"observations{bins}: {self.estimate.source} beside {sampling.chains} chains of "
                f"{sampling.draws:,} draws"
            ),
            frame.map(lambda value: f"{value:.4g}").to_string(index_names=False),
            *([f"not shown: {hidden}; to_frame() has all"] if hidden else []),
            f"verdict: {self.verdict}",
        ]
        lines += [
            f"{finding.severity:<5} {finding.code}: {finding.message}"
            for finding in self.findings
            if finding.severity != OK
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from comparisons.pages.notebook import shown

        return shown(self)


def _by(given: str) -> str:
    """Return which answer is asked, or raise Refusal for another."""
    if given not in ("em", "posterior"):
        raise Refusal(f"by is {given!r}; give 'em' or 'posterior'")
    return given


def second_opinion[T: Theta](
    family: type[T] | str,
    sample: Data | Frame,
    k: int,
    *,
    columns: Columns | None = None,
    group_names: Sequence[str] = (),
    estimate: object = None,
    prior: Prior | None = None,
    equal_weights: bool = False,
    starts: int | None = None,
    draws: int | Literal["auto"] = "auto",
    tune: int = 1_000,
    chains: int = 4,
    seed: int = 0,
    truth: Structure | None = None,
    progress: bool = True,
    some: int | None = None,
    force: bool = False,
    accept_misfit: bool = False,
    within: float = WITHIN,
) -> Comparison:
    """Fit k components by EM and by MCMC, and return their comparison with its verdict.

    EM sees all observations. The sampler sees bins of data that do not fit in memory, and of more
    than 5,000 distinct measurements of one column; the finding `binned` bounds how far bins can
    move a posterior mean.

    family: or its name, such as "gaussian".
    sample: the observations; their type determines the structure. Or a data frame of pandas or
        polars, an Arrow table, one column of them, an array or a list, whose rows are in no order.
    columns: of the data frame, by name; by default all.
    group_names: what to call the components, in the order of their labels; numbers by default.
    estimate: your own estimate, judged in place of EM's; anything that `compare` takes.
    prior: for the posterior, by default `models.weak_prior`; EM maximises the likelihood.
    equal_weights: fix all shares at 1 / k on both sides.
    starts: number of EM's starts, by default 20 or more (`em.fit`).
    draws, tune, chains: for the sampler, as in `bayes.sample`.
    seed: for all random numbers.
    truth: the true parameters if they are known, for the pictures and the table.
    progress: show bars on a terminal.
    some: the size of a random subsample to compare on; EM of all is checked against it. Of rows in
        order it takes whole sequences, or a stretch of a long one; of rows in groups whole groups.
    force: continue even if no amount of data identifies the parameters.
    accept_misfit: make a misfit of the model a note, so that *agree* stays possible.
    within: distance of the estimate from the maximum, in standard errors, that is only a note.

    >>> from models import Poisson, Sample
    >>> events = [0, 1, 1, 0, 2, 1, 0, 7, 9, 8, 6, 7, 10, 8]
    >>> second_opinion(Poisson, Sample(events), 2, draws=500, seed=1, progress=False).verdict
    'agree'
    >>> second_opinion(Poisson, Sample([1, 2]), 3)
    Traceback (most recent call last):
    models.refusal.Refusal: k is 3, but x has 2 distinct values; give at most as many components
    """
    kind, data = understood(family, sample, columns)
    question = asked(
        kind, data, k, prior=prior, equal_weights=equal_weights, group_names=group_names
    )
    return opinion_of(
        question,
        estimate=estimate,
        starts=starts,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        truth=truth,
        progress=progress,
        some=some,
        force=force,
        accept_misfit=accept_misfit,
        within=within,
    )


def opinion_of(
    question: Question[Any, Any],
    *,
    estimate: object = None,
    starts: int | None = None,
    draws: int | Literal["auto"] = "auto",
    tune: int = 1_000,
    chains: int = 4,
    seed: int = 0,
    truth: Structure | None = None,
    progress: bool = True,
    some: int | None = None,
    force: bool = False,
    accept_misfit: bool = False,
    within: float = WITHIN,
    found: Search | None = None,
) -> Comparison:
    """Answer a question by EM and by MCMC, and compare, with the options of `second_opinion`.

    found: EM's own search of the question, if it was made already.

    >>> from models import Poisson, Sample
    >>> opinion_of(asked(Poisson, Sample([1, 2, 9]), 2), some=1)
    Traceback (most recent call last):
    models.refusal.Refusal: some is 1...
    """
    refuse_inestimable(question, force=force, typed=False)
    whole = None
    refuse_within(within)
    look = partial(search, starts=starts, seed=seed, progress=progress)
    if some is not None and whole_number("some", some, question.k) < question.sample.observations:
        fewer = some_rows(question, some, seed)
        if em.out_of_reach(question):
            announce("EM of all rows is left out: they are not in memory")
        else:
            whole = (look(question) if found is None else found).fit
        question, found = replace(question, data=fewer), None
    refuse_many(question)
    found = look(question) if found is None else found

    def drawn(data: Units) -> xr.DataTree:
        rows = replace(question, data=data)
        return bayes.sampled(
            rows, draws=draws, tune=tune, chains=chains, seed=seed, progress=progress
        )

    if to_be_binned(question):
        tree = posterior_in_bins(drawn, question.sample, found.fit)
    else:
        tree = drawn(question.units)
    if whole is not None:
        keep_whole(tree, whole, question.data)
    measured = measured_of(estimate, posterior_of(tree), found)
    return Comparison(laid_out(tree, measured, truth, within, accept_misfit=accept_misfit))


def compared_anew(comparison: Comparison, found: Search) -> Comparison:
    """Return a comparison of the same draws with another fit of EM's.

    >>> from comparisons.verdict.search import search
    >>> compared_anew(comparison, search(fit.question)).verdict
    'agree'
    """
    tree = comparison.tree
    return Comparison(laid_out(tree, measured_of(None, posterior_of(tree), found), None, WITHIN))


def compare(
    estimate: object,
    posterior: xr.DataTree,
    *,
    sample: Units | None = None,
    names: Mapping[str, Name] | None = None,
    prior: Prior | None = None,
    equal_weights: bool = False,
    truth: Structure | None = None,
    accept_misfit: bool = False,
    within: float = WITHIN,
) -> Comparison:
    """Compare an estimate with a posterior; EM judges the estimate whoever made it.

    estimate: an em.Fit, a Mixture, HiddenMarkov or Admixture, a fitted model of scikit-learn or
        hmmlearn (GaussianMixture; NMF, LatentDirichletAllocation; GaussianHMM, PoissonHMM), or the
        path of a JSON file such as {"weight": [0.4, 0.6], "mean": [163, 175], "sd": [6, 7]}.
    posterior: of `bayes.sample` or `bayes.adopt`, or of another sampler: then give the sample and,
        as `bayes.adopt` takes them, names, prior and equal_weights.
    truth: where it is known, for the pictures and the table.
    accept_misfit: let a model that does not fit the data be a note, which prevents no agreement.
    within: standard errors up to which a distance of the estimate from the maximum is a note only.

    >>> from models import Mixture, Poisson
    >>> compare(fit, posterior).verdict
    'agree'
    >>> compare(Mixture([0.5, 0.5], Poisson([1.0, 8.0])), posterior).verdict
    'disagree'
    """
    if not isinstance(posterior, xr.DataTree):
        raise Refusal(f"posterior is a {type(posterior).__name__}; give an xarray.DataTree")
    if "labels" not in posterior.children:
        family = family_of(estimate)
        if sample is None or family is None:
            raise Refusal(
                "the posterior is another sampler's: give its sample=, and names= from ours to "
                "its variables"
            )
        posterior = bayes.adopt(
            family, sample, posterior, names, prior=prior, equal_weights=equal_weights
        )
    elif sample is not None or names is not None or prior is not None or equal_weights:
        raise Refusal("the posterior has its own sample, names, prior and weights; omit yours")
    refuse_within(within)
    posterior = renewed(posterior)
    measured = measured_of(estimate, posterior_of(posterior))
    return Comparison(laid_out(posterior, measured, truth, within, accept_misfit=accept_misfit))


def load(path: str | Path) -> Comparison:
    """Read a comparison that was saved.

    path: a file of `Comparison.save`, or the folder that --out wrote.

    >>> comparison.save("counts.nc")
    >>> load("counts.nc").verdict
    'agree'
    """
    return Comparison(opened(comparison_at(path)))
