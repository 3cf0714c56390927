"""A posterior in ArviZ's layout: how it is written, and how it is read."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes.posterior.diagnose import measured
from bayes.posterior.older import FORMAT, HEIGHTS, refuse_unread, renewed
from bayes.posterior.pointwise import pointwise_of
from bayes.posterior.prospects import Hopeless
from bayes.sampling.modes import Abandoned
from models.arrays import spaced
from models.blanks import blank_as
from models.names import family_called, record_of
from models.prior import Prior, draw_prior
from models.question import asked
from models.refusal import Refusal
from models.sample import Sample
from models.structure import (
    STRUCTURES,
    axes_of,
    data_of,
    drawn_at,
    fields_of,
    from_fields,
    ordered,
    permuted,
    structure_called,
    title_of,
)

if TYPE_CHECKING:
    from bayes.posterior.labels import Alignment
    from bayes.posterior.pointwise import Pointwise
    from bayes.sampling.compiled import Engine
    from bayes.sampling.nuts import Chains
    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure

__all__ = ["Posterior", "drawn", "posterior_of", "relabel", "structure_of", "tree_of"]

PRIOR_DRAWS = 1_000
PREDICTIVE_DRAWS = 200  # as many replicates as a picture can bear
MOST_PREDICTED = 1 << 22  # doubles of so few, 32 MB; more observations mean fewer of them
MOST_OBSERVED = 1 << 20  # observations kept one by one
INNER = ("dimension", "dimension_bis")
OURS = "bayes.sample"  # what made a posterior whose density is known in the coordinates it explored


@dataclass(frozen=True, eq=False)
class Posterior:
    """A tree of `sample` or `adopt` as typed values.

    >>> kept = Posterior(posterior)
    >>> kept.sizes, kept.question.k, kept.draws.theta.rate.shape
    ((4, 500), 2, (2000, 2))
    """

    tree: xr.DataTree

    @cached_property
    def question(self) -> Question[Any, Any]:
        """What was asked; under the weak default where the prior is unknown."""
        attrs = self.tree.attrs
        family = family_called(attrs["family"])
        structure = structure_of(self.tree)
        stored = self.tree["constant_data"].to_dataset()
        arrays = {str(name): one.to_numpy() for name, one in stored.data_vars.items()}
        data, k = data_of(structure).from_arrays(arrays), int(attrs["components"])
        equal = bool(attrs["equal_weights"]) and k > 1  # a single component has all the weight
        question = asked(family, data, k, prior=self._prior(family), equal_weights=equal)
        titles = json.loads(attrs.get("component_names", "[]"))
        known = tuple(json.loads(attrs.get("measured_in", "[]")))
        question = replace(question, measured_in=known) if known else question
        return question.with_titles(titles) if titles else question

    def _prior(self, family: type[Any]) -> Prior | None:
        """Return the prior that is stored, if one is known and it is not the weak default."""
        written = json.loads(self.tree.attrs["prior"])
        if written is None:
            return None
        theta = {name: np.array(value)[()] for name, value in written["theta"].items()}
        return Prior(written["weight"], record_of(family)(**theta))

    @property
    def prior(self) -> Prior | None:
        """The prior under which the draws were made, None where it is unknown."""
        return None if self.tree.attrs["prior"] == "null" else self.question.prior

    @property
    def ours(self) -> bool:
        """Whether `sample` made it, so that what the sampler explored is known."""
        return bool(self.tree.attrs.get("made_by") == OURS)

    @property
    def by_assignment(self) -> bool:
        """Whether labels were aligned by assignment, not by order."""
        return bool(self.tree.attrs["labels"] == "assignment")

    @property
    def hopeless(self) -> Hopeless | None:
        """Why the sampler ended early, None if it did not."""
        kept = self.tree.attrs.get("hopeless")
        return None if kept is None else Hopeless(**json.loads(kept))

    @property
    def abandoned(self) -> Abandoned | None:
        """Chains that were given up before these were drawn, None if none were."""
        kept = self.tree.attrs.get("abandoned")
        return None if kept is None else Abandoned(**json.loads(kept))

    @property
    def diverged(self) -> float | None:
        """The share of the first draws that diverged, for which all were drawn again; or None."""
        kept = self.tree.attrs.get("diverged")
        return None if kept is None else float(kept)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many chains there are, and draws of each."""
        sizes = self.tree["posterior"].sizes
        return sizes["chain"], sizes["draw"]

    @cached_property
    def draws(self) -> Structure:
        """The draws, labels aligned, chain after chain, each field (n, ...)."""
        question = self.question
        names = axes_of(question.structure, question.family)
        stored = {name: self.tree["posterior"][name].to_numpy() for name in names}
        fields = {name: field.reshape(-1, *field.shape[2:]) for name, field in stored.items()}
        draws: Structure = from_fields(question.structure, question.family, fields)
        return draws

    @cached_property
    def as_drawn(self) -> Structure:
        """The draws as the sampler drew them."""
        return permuted(self.draws, self.permutation.argsort(axis=1))

    @property
    def permutation(self) -> Labels:
        """Which component of a draw became the first, second, ..., (n, K)."""
        found: Labels = self.tree["labels"]["permutation"].to_numpy()
        return found.reshape(-1, found.shape[-1])

    @property
    def ambiguous(self) -> float:
        """Share of draws that could as well be labelled otherwise."""
        return float(self.tree["labels"]["ambiguous"].mean())

    @property
    def heights(self) -> Array:
        """PyMC's log-likelihood of every draw, (n,)."""
        found: Array = self.tree["sample_stats"][HEIGHTS].to_numpy().ravel()
        return found

    @property
    def replicates(self) -> tuple[Array, Array]:
        """The observations (n,) or (n, d), and at most 200 replicates (r, n) or (r, n, d)."""
        every = self.tree["posterior_predictive"]["x"]
        few = spaced(every.sizes["draw"], max(1, PREDICTIVE_DRAWS // every.sizes["chain"]))
        imagined: Array = every.isel(draw=np.unique(few)).to_numpy()
        seen: Array = self.tree["observed_data"]["x"].to_numpy()
        return seen, imagined.reshape(-1, *imagined.shape[2:])

    @property
    def explored(self) -> Array:
        """The log density that the sampler explored, or else the log-likelihood, (n,)."""
        statistics = self.tree["sample_stats"]
        found: Array = statistics["lp" if "lp" in statistics else HEIGHTS].to_numpy()
        return found.ravel()

    def measured(self, labels: str) -> xr.Dataset:
        """Return R-hat and effective sizes of the draws "as drawn" or "aligned"."""
        return self.tree["diagnostics"].to_dataset().sel(labels=labels)


def structure_of(tree: xr.DataTree) -> type[Structure]:
    """Return the structure of a tree; old files without a name have the structure of a Sample.

    >>> structure_of(posterior).__name__
    'Mixture'
    """
    return structure_called(tree.attrs.get("structure", STRUCTURES[Sample].__name__))


def posterior_of(tree: xr.DataTree) -> Posterior:
    """Return a tree as typed values, or raise Refusal if `sample` or `adopt` did not make it.

    >>> posterior_of(posterior).ours
    True
    """
    if "labels" not in tree.children or "constant_data" not in tree.children:
        raise Refusal(
            "the tree has no group labels; give what bayes.sample or bayes.adopt returned"
        )
    refuse_unread(tree, "the posterior")
    return Posterior(renewed(tree))


def tree_of(
    engine: Engine,
    question: Question[Any, Any],
    chains: Chains,
    structures: Structure,
    alignment: Alignment,
    settings: dict[str, object],
    *,
    measures: xr.Dataset | None = None,
    prior_known: bool = True,
) -> xr.DataTree:
    """Return the posterior with all groups that ArviZ's functions read.

    structures: of every draw as it was drawn, each field (n, ...).
    settings: the options of the call, which become attributes.
    measures: R-hat and effective sizes of the aligned draws, if already known.
    prior_known: whether the draws were made under the question's prior; if so, it is added.

    >>> list(posterior.children)[:5]
    ['posterior', 'sample_stats', 'log_likelihood', 'log_prior', 'prior']
    """
    sizes, seed = chains.positions.shape[:2], settings.get("seed", 0)
    assert isinstance(seed, int)
    rng = np.random.default_rng(seed)
    pointwise = pointwise_of(engine, question, chains.positions)
    statistics = {**chains.statistics, HEIGHTS: pointwise.heights}
    groups = {
        "posterior": drawn(structures, sizes),
        "sample_stats": xr.Dataset(
            {name: (("chain", "draw"), one) for name, one in statistics.items()}, _counted(sizes)
        ),
        pointwise.group: pointwise.values,
    }
    if prior_known:
        log_prior = engine.log_priors(question, chains.positions)
        groups["log_prior"] = xr.Dataset({"prior": (("chain", "draw"), log_prior)}, _counted(sizes))
        groups["prior"] = _imagined(question, rng)
    groups |= {
        "posterior_predictive": _predicted(question, structures, sizes, rng, pointwise),
        "observed_data": _observed(question.rows),
        "constant_data": _stored(question),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = _attributes(question, settings)
    if not prior_known:
        tree.attrs["prior"] = json.dumps(None)
    return relabel(tree, structures, alignment, str(settings["labels"]), measures)


def relabel(
    tree: xr.DataTree,
    structures: Structure,
    alignment: Alignment,
    by: str,
    measures: xr.Dataset | None = None,
) -> xr.DataTree:
    """Return the tree with its draws' components permuted, and the diagnostics before and after.

    structures: of every draw as the sampler drew it, each field (n, ...).
    measures: R-hat and effective sizes of the aligned draws, if already known.

    >>> from bayes.posterior.labels import Alignment
    >>> swapped = Alignment(np.tile([1, 0], (2000, 1)), margin=np.ones(2000))
    >>> found = relabel(posterior, posterior_of(posterior).draws, swapped, "order")
    >>> found["posterior"]["rate"].mean(("chain", "draw")).to_numpy().round()
    array([7., 1.])
    """
    sizes = tuple(tree["posterior"].sizes[dim] for dim in ("chain", "draw"))
    before = measured(drawn(structures, sizes))
    aligned = drawn(permuted(structures, alignment.permutation), sizes)
    after = measured(aligned) if measures is None else measures
    both = xr.concat([before, after], xr.IndexVariable("labels", ["as drawn", "aligned"]))
    each = ("chain", "draw")
    places = alignment.permutation.reshape(*sizes, -1)
    labels = xr.Dataset(
        {
            "permutation": ((*each, "component"), places),
            "margin": (each, alignment.margin.reshape(sizes)),
            "ambiguous": (each, alignment.ambiguous.reshape(sizes)),
        },
        _counted(sizes) | {"component": np.arange(places.shape[-1])},
    )
    groups = {"posterior": aligned, "labels": labels, "diagnostics": both}
    found = tree.copy()
    for name, group in groups.items():
        found[name] = xr.DataTree(group)
    found.attrs = {**tree.attrs, "labels": by}
    return found


def drawn(structures: Structure, sizes: tuple[int, ...]) -> xr.Dataset:
    """Return structures, each field (chains * draws, ...), as a Dataset.

    >>> from models import Mixture, Poisson
    >>> dict(drawn(Mixture(np.full((6, 2), 0.5), Poisson(np.ones((6, 2)))), (2, 3)).sizes)
    {'chain': 2, 'draw': 3, 'component': 2}
    """
    axes = axes_of(type(structures), type(structures.theta))
    coords, variables = _counted(sizes), {}
    for name, field in fields_of(structures).items():
        variables[name] = (("chain", "draw", *axes[name]), field.reshape(*sizes, *field.shape[1:]))
        coords |= {axis: np.arange(n) for axis, n in zip(axes[name], field.shape[1:], strict=True)}
    return xr.Dataset(variables, coords)


def _counted(sizes: tuple[int, ...]) -> dict[str, Labels]:
    """Return the coordinates of chains and draws."""
    return {"chain": np.arange(sizes[0]), "draw": np.arange(sizes[1])}


def _imagined(question: Question[Any, Any], rng: np.random.Generator) -> xr.Dataset:
    """Return draws of the prior, labels in order."""
    structures = draw_prior(
        question.structure,
        question.family,
        question.prior,
        question.k,
        PRIOR_DRAWS,
        rng,
        sizes=question.data.sizes,
        held=question.held,
    )
    return drawn(ordered(structures), (1, PRIOR_DRAWS))


def _predicted(
    question: Question[Any, Any],
    structures: Structure,
    sizes: tuple[int, int],
    rng: np.random.Generator,
    pointwise: Pointwise,
) -> xr.Dataset:
    """Return replicates of the observations, under draws spread over the chains.

    Where each observation has log-likelihoods, replicates are under the same draws, as functions
    need that weigh the ones by the others. They are blank where the data are.
    """
    sample = question.rows
    places, rows, coords = _kept(sample)
    trials = None if sample.trials is None else sample.trials[rows]
    size = len(rows) * sample.dimension
    most = max(1, min(PREDICTIVE_DRAWS, MOST_PREDICTED // size) // sizes[0])
    draws = np.unique(spaced(sizes[1], most))
    if pointwise.by_row:
        draws = pointwise.values["draw"].to_numpy()
    replicates = np.empty((sizes[0], len(draws), len(rows), *sample.x.shape[1:]))
    for chain in range(sizes[0]):
        for place, draw in enumerate(draws):
            one = drawn_at(structures, chain * sizes[1] + int(draw))
            labels = one.labels(question.data, places, rng)
            whole = one.theta.draw(labels, rng, trials)
            replicates[chain, place] = blank_as(whole, sample.x[rows])
    dims = ("chain", "draw", "observation", *INNER[: sample.x.ndim - 1])
    chosen = {"chain": np.arange(sizes[0]), "draw": draws}
    return xr.Dataset({"x": (dims, replicates)}, chosen | coords)


def _observed(sample: Sample) -> xr.Dataset:
    """Return the observations one by one, in the order given where each was given once."""
    _, rows, coords = _kept(sample)
    dims = ("observation", *INNER[: sample.x.ndim - 1])
    return xr.Dataset({"x": (dims, sample.x[rows])}, coords)


def _kept(sample: Sample) -> tuple[Labels, Labels, dict[str, object]]:
    """Return place and distinct row of each observation kept, and the observations' coordinates.

    At most MOST_OBSERVED observations are kept, at even distances in their order.
    """
    n = sample.observations
    each = np.arange(n) if n <= MOST_OBSERVED else np.arange(MOST_OBSERVED) * (n / MOST_OBSERVED)
    places = each.astype(np.intp)
    rows = sample.units_at(places)
    coords: dict[str, object] = {"observation": np.arange(len(rows)), "row": ("observation", rows)}
    if sample.trials is not None:
        coords["trials"] = ("observation", sample.trials[rows])
    if sample.x.ndim == 2:
        coords["dimension"] = np.arange(sample.dimension)
    return places, rows, coords


def _stored(question: Question[Any, Any]) -> xr.Dataset:
    """Return the data of the question, from which the question can be restored."""
    arrays = question.units.arrays()
    lengths = {
        axis: n for axes, one in arrays.values() for axis, n in zip(axes, one.shape, strict=True)
    }
    coords = {axis: np.arange(n) for axis, n in lengths.items() if axis != "given"}
    return xr.Dataset(arrays, coords)


def _attributes(question: Question[Any, Any], settings: dict[str, object]) -> dict[str, object]:
    """Return the attributes of a file, as text and numbers."""
    theta = {
        name: np.asarray(value).tolist() for name, value in question.prior.theta._asdict().items()
    }
    return {
        "format": FORMAT,
        "structure": title_of(question.structure),
        "family": question.family.__name__,
        "components": question.k,
        "observations": question.sample.observations,
        "component_names": json.dumps(question.titles),
        "measured_in": json.dumps(question.measured_in),
        "equal_weights": int(bool(question.held)),
        "prior": json.dumps({"weight": question.prior.weight, "theta": theta}),
        "inference_library": "nutpie",
        "versions": _versions(),
        **settings,
    }


@cache
def _versions() -> str:
    """Return the versions of what a posterior is made with, as JSON; to find them takes 5 ms."""
    packages = ("second-opinion", "pymc", "pytensor", "nutpie", "arviz", "numpy")
    return json.dumps({name: version(name) for name in packages})
