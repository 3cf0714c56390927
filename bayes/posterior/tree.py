"""A posterior in ArviZ's layout, and the question that it answers read back from it."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes.component import component_of
from bayes.mixture import Question
from bayes.posterior.diagnose import measured
from bayes.posterior.labels import relabelled
from models import Mixture, Prior, Sample, weak_prior
from models.family import Theta, entries, rebuilt
from models.mixture import draw_prior
from models.names import family_called

if TYPE_CHECKING:
    from bayes.posterior.labels import Alignment
    from bayes.sampling.compiled import Engine
    from bayes.sampling.nuts import Chains
    from models.arrays import Array

__all__ = ["drawn", "draws_of", "mixture_of", "question_of", "relabel", "tree_of"]

PRIOR_DRAWS = 1_000
PREDICTIVE_DRAWS = 200  # as many replicates as a picture can bear
MOST_PREDICTED = 1 << 22  # doubles of replicates, 32 MB; more observations mean fewer of them
MOST_OBSERVED = 1 << 20  # observations kept one by one
MOST_POINTWISE = 1 << 24  # doubles of pointwise log-likelihood, 128 MB; more rows mean fewer draws
INNER = ("dimension", "dimension_bis")


def tree_of(
    engine: Engine,
    question: Question,
    chains: Chains,
    mixture: Mixture,
    alignment: Alignment,
    settings: dict[str, object],
    *,
    prior_known: bool = True,
) -> xr.DataTree:
    """Return the posterior and everything that ArviZ's functions want beside it.

    mixture: of every draw as it was drawn, each field (n, K, ...).
    settings: what was asked for, which becomes attributes.
    prior_known: whether the draws were made under the question's prior, so that it can be shown.
    """
    sizes, rng = chains.positions.shape[:2], np.random.default_rng(settings.get("seed", 0))
    unaligned = drawn(mixture, sizes)
    pointwise, height = _pointwise(engine, question, chains.positions)
    statistics = {**chains.statistics, "log_likelihood": height}
    groups = {
        "posterior": unaligned,
        "sample_stats": xr.Dataset(
            {name: (("chain", "draw"), one) for name, one in statistics.items()},
            _counted(sizes),
        ),
        "log_likelihood": pointwise,
    }
    if prior_known:
        log_prior = engine.log_priors(question, chains.positions)
        groups["log_prior"] = xr.Dataset({"prior": (("chain", "draw"), log_prior)}, _counted(sizes))
        groups["prior"] = _imagined(question, rng)
    groups |= {
        "posterior_predictive": _predicted(question, mixture, sizes, rng),
        "observed_data": _observed(question.sample),
        "constant_data": _distinct(question.sample),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = _attributes(question, settings)
    if not prior_known:
        tree.attrs["prior"] = json.dumps(None)
    return relabel(tree, mixture, alignment, str(settings["labels"]))


def relabel(tree: xr.DataTree, mixture: Mixture, alignment: Alignment, by: str) -> xr.DataTree:
    """Return the tree with its draws' components permuted, and the diagnostics before and after.

    mixture: of every draw as the sampler drew it, each field (n, K, ...).
    """
    sizes = tuple(tree["posterior"].sizes[dim] for dim in ("chain", "draw"))
    before = measured(drawn(mixture, sizes))
    aligned = drawn(relabelled(mixture, alignment.permutation), sizes)
    after = measured(aligned)
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


def drawn(mixture: Mixture, sizes: tuple[int, ...]) -> xr.Dataset:
    """Return mixtures, each field (chains * draws, K, ...), as a Dataset."""
    fields = {"weight": mixture.weight, **entries(mixture.theta)}
    coords = _counted(sizes) | {"component": np.arange(mixture.weight.shape[1])}
    variables = {}
    for name, field in fields.items():
        dims = ("chain", "draw", "component", *INNER[: field.ndim - 2])
        variables[name] = (dims, field.reshape(*sizes, *field.shape[1:]))
        coords |= {dim: np.arange(n) for dim, n in zip(dims[3:], field.shape[2:], strict=True)}
    return xr.Dataset(variables, coords)


def draws_of(tree: xr.DataTree, family: type[Theta]) -> Mixture:
    """Return the aligned draws of a tree, chain after chain, each field (n, K, ...)."""
    names = ["weight", *family._fields]  # type: ignore[attr-defined]
    fields = [tree["posterior"][name].to_numpy() for name in names]
    weight, *rest = [field.reshape(-1, *field.shape[2:]) for field in fields]
    return Mixture(weight, rebuilt(family, rest))


def mixture_of(tree: xr.DataTree, family: type[Theta]) -> Mixture:
    """Return the draws of a tree as the sampler drew them, each field (n, K, ...)."""
    aligned = draws_of(tree, family)
    back = tree["labels"]["permutation"].to_numpy().reshape(aligned.weight.shape).argsort(axis=1)
    return relabelled(aligned, back)


def question_of(tree: xr.DataTree) -> Question:
    """Return the question that a tree answers."""
    component = component_of(family_called(tree.attrs["family"]))
    data = tree["constant_data"].to_dataset()
    trials = data["trials"].to_numpy() if "trials" in data else None
    x, counts = data["x"].to_numpy(), data["counts"].to_numpy()
    # doubles are of rows that stand for others
    sample = Sample.weighed(x, counts) if counts.dtype.kind == "f" else Sample(x, trials, counts)
    k, equal = int(tree.attrs["components"]), bool(tree.attrs["equal_weights"])
    written = json.loads(tree.attrs["prior"])
    if written is None:
        # an adopted posterior's prior is unknown; a question has one, so the default stands in,
        # which neither labels nor likelihood read
        prior = weak_prior(component.family, sample, k)
    else:
        theta = {name: np.array(value)[()] for name, value in written["theta"].items()}
        prior = Prior(written["weight"], component.prior(**theta))
    return Question(component, sample, k, prior, equal)


def _counted(sizes: tuple[int, ...]) -> dict[str, Array]:
    """Return the coordinates of chains and draws."""
    return {"chain": np.arange(sizes[0]), "draw": np.arange(sizes[1])}


def _pointwise(engine: Engine, question: Question, positions: Array) -> tuple[xr.Dataset, Array]:
    """Return log p of each distinct row, with its count, and every draw's log-likelihood.

    The former of fewer draws where it would be too large; the latter (chains, draws) of all.
    """
    sample = question.sample
    step = -(-positions.shape[0] * positions.shape[1] * sample.distinct // MOST_POINTWISE)
    kept = positions[:, ::step]
    flat = kept.reshape(-1, positions.shape[2])
    pointwise = engine.log_rows(question, flat).reshape(*kept.shape[:2], -1)
    if step == 1:
        height = pointwise @ sample.counts
    else:
        every = positions.reshape(-1, positions.shape[2])
        height = engine.log_likelihoods(question, every).reshape(positions.shape[:2])
    found = xr.Dataset(
        {"x": (("chain", "draw", "row"), pointwise)},
        {
            "chain": np.arange(len(positions)),
            "draw": np.arange(positions.shape[1])[::step],
            "row": np.arange(sample.distinct),
            "counts": ("row", sample.counts),
        },
    )
    return found, height


def _imagined(question: Question, rng: np.random.Generator) -> xr.Dataset:
    """Return draws of the prior, labels in order."""
    mixture = draw_prior(
        question.component.family,
        question.prior,
        question.k,
        PRIOR_DRAWS,
        rng,
        equal_weights=question.equal_weights,
    )
    return drawn(relabelled(mixture, mixture.theta.order()), (1, PRIOR_DRAWS))


def _predicted(
    question: Question, mixture: Mixture, sizes: tuple[int, ...], rng: np.random.Generator
) -> xr.Dataset:
    """Return replicates of the observations, under draws spread over the chains."""
    sample = question.sample
    rows, coords = _kept(sample)
    trials = None if sample.trials is None else sample.trials[rows]
    size = len(rows) * sample.dimension
    most = max(1, min(PREDICTIVE_DRAWS, MOST_PREDICTED // size) // sizes[0])
    draws = np.unique(np.linspace(0, sizes[1] - 1, min(most, sizes[1])).astype(np.intp))
    replicates = np.empty((sizes[0], len(draws), len(rows), *sample.x.shape[1:]))
    for chain in range(sizes[0]):
        for place, draw in enumerate(draws):
            at = chain * sizes[1] + draw
            theta = rebuilt(
                question.component.family, [field[at] for field in entries(mixture.theta).values()]
            )
            edges = np.cumsum(mixture.weight[at, :-1])
            labels = np.searchsorted(edges, rng.random(len(rows)), side="right")
            replicates[chain, place] = theta.draw(labels, rng, trials)
    dims = ("chain", "draw", "observation", *INNER[: sample.x.ndim - 1])
    chosen = {"chain": np.arange(sizes[0]), "draw": draws}
    return xr.Dataset({"x": (dims, replicates)}, chosen | coords)


def _observed(sample: Sample) -> xr.Dataset:
    """Return the observations one by one, in the order given where each was given once."""
    rows, coords = _kept(sample)
    dims = ("observation", *INNER[: sample.x.ndim - 1])
    return xr.Dataset({"x": (dims, sample.x[rows])}, coords)


def _kept(sample: Sample) -> tuple[np.ndarray, dict[str, object]]:
    """Return the distinct row of each observation kept, and the observations' coordinates.

    Of more than MOST_OBSERVED observations, as many are kept, at even distances in their order.
    """
    n = sample.observations
    places = np.arange(n) if n <= MOST_OBSERVED else np.arange(MOST_OBSERVED) * (n / MOST_OBSERVED)
    if np.array_equal(np.bincount(sample.inverse, minlength=sample.distinct), sample.counts):
        rows = sample.inverse[places.astype(np.intp)].astype(np.intp)
    else:
        rows = np.searchsorted(np.cumsum(sample.counts), places.astype(np.int64), side="right")
    coords: dict[str, object] = {
        "observation": np.arange(len(rows)),
        "row": ("observation", rows),
    }
    if sample.trials is not None:
        coords["trials"] = ("observation", sample.trials[rows])
    if sample.x.ndim == 2:
        coords["dimension"] = np.arange(sample.dimension)
    return rows, coords


def _distinct(sample: Sample) -> xr.Dataset:
    """Return the distinct rows and their counts."""
    variables = {
        "x": (("row", *INNER[: sample.x.ndim - 1]), sample.x),
        "counts": (("row",), sample.counts),
    }
    if sample.trials is not None:
        variables["trials"] = (("row",), sample.trials)
    coords = {"row": np.arange(sample.distinct)}
    if sample.x.ndim == 2:
        coords["dimension"] = np.arange(sample.dimension)
    return xr.Dataset(variables, coords)


def _attributes(question: Question, settings: dict[str, object]) -> dict[str, object]:
    """Return what a file has to say of itself, as text and numbers."""
    theta = {
        name: np.asarray(value).tolist() for name, value in question.prior.theta._asdict().items()
    }
    packages = ("second-opinion", "pymc", "pytensor", "nutpie", "arviz", "numpy")
    return {
        "family": question.component.family.__name__,
        "components": question.k,
        "observations": question.sample.observations,
        "equal_weights": int(question.equal_weights),
        "prior": json.dumps({"weight": question.prior.weight, "theta": theta}),
        "inference_library": "nutpie",
        "versions": json.dumps({name: version(name) for name in packages}),
        **settings,
    }
