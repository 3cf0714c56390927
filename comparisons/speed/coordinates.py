"""The coordinates in which chains could move: what decided where they do."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import nutpie
from pymc.distributions import transforms
from pymc.model.transform.conditioning import change_value_transforms

from bayes import build
from bayes.model import data_of
from bayes.sampling.compiled import engine_of
from bayes.sampling.starts import start_of
from comparisons.speed.posterior import judged, worth
from comparisons.speed.problems import people, rounded_heights, three_groups
from comparisons.speed.records import Found, timed
from comparisons.speed.samplers import CHAINS, Drawn, gaussians
from models import Gaussian, Mixture, MultivariateGaussian, Sample, ordered
from models.question import asked
from models.structure import drawn_at

if TYPE_CHECKING:
    from collections.abc import Callable

    import pymc as pm
    import xarray as xr
    from nutpie.compile_pymc import CompiledPyMCModel

    from comparisons.speed.posterior import Judged
    from comparisons.speed.records import Say, Scale
    from models.arrays import Array
    from models.family import Theta
    from models.question import Question

    type Draw = Callable[[np.random.Generator], Sample]
    type Make = Callable[[Sample, int], pm.Model]

__all__ = ["exchangeable", "in_order", "measure", "unconstrained"]

SEEDS = 4  # of each setting
ADAPTATIONS = ("diag", "low_rank")
TARGETS = (0.8, 0.9, 0.95)


class Coordinates(NamedTuple):
    """Coordinates in which chains move.

    model: nutpie's model of a question.
    mixture: every draw's mixture, each field (n, K, ...), from what nutpie stored.
    """

    name: str
    model: Callable[[Question[Any, Any]], CompiledPyMCModel]
    mixture: Callable[[Question[Any, Any], xr.Dataset], Mixture[Any]]


class Case(NamedTuple):
    """Data, and the coordinates that are compared on them."""

    name: str
    family: type[Theta]
    k: int
    draw: Draw
    coordinates: tuple[Coordinates, ...]


class Setting(NamedTuple):
    """What is to be chosen: coordinates, and nutpie's adaptation and target of acceptance."""

    coordinates: Coordinates
    adaptation: str
    target: float


def measure(scale: Scale, say: Say) -> Found:
    """Let all settings take turns on each case, each round on data of its own."""
    found = []
    seeds, targets = (SEEDS, TARGETS) if scale.thorough else (1, TARGETS[1:2])
    for case in cases(scale):
        settings = [Setting(*each) for each in product(case.coordinates, ADAPTATIONS, targets)]
        taken: dict[Setting, list[Judged]] = {setting: [] for setting in settings}
        for seed in range(seeds):
            say(f"coordinates: {case.name}, round {seed + 1} of {seeds}")
            x = case.draw(np.random.default_rng(seed))
            question: Question[Any, Any] = asked(case.family, x, case.k)
            for setting in settings:
                taken[setting].append(judged(chains(setting, question, seed, scale.draws)))
        for (coordinates, adaptation, target), each in taken.items():
            who = f"{coordinates.name}, {adaptation} {target:g}"
            found.append(worth(case.name, who, each, each))
    return Found(chains=tuple(found))


def cases(scale: Scale) -> tuple[Case, ...]:
    """Return the data on which settings are compared."""

    def few(rng: np.random.Generator) -> Sample:
        return Sample(people(scale.people, rng))

    many = partial(rounded_heights, scale.heights)
    return (
        Case(f"{scale.heights:,} heights to the millimetre", Gaussian, 2, many, ALL),
        Case(f"{scale.people:,} heights", Gaussian, 2, few, ALL),
        Case("1,000 from three groups", Gaussian, 3, partial(three_groups, 1_000, 1), ALL),
        Case(
            "1,000 from three groups in four dimensions",
            MultivariateGaussian,
            3,
            partial(three_groups, 1_000, 4),
            (OURS,),
        ),
    )


def chains(setting: Setting, question: Question[Any, Any], seed: int, draws: int) -> Drawn:
    """Sample as the setting says."""
    model = setting.coordinates.model(question)
    draw = partial(
        nutpie.sample,
        model,
        draws=draws,
        tune=draws,
        chains=CHAINS,
        cores=CHAINS,
        seed=seed,
        adaptation=setting.adaptation,
        target_accept=setting.target,
        save_warmup=False,
        progress_bar=False,
    )
    trace, took = timed(draw)
    mixture = setting.coordinates.mixture(question, trace["posterior"].to_dataset())
    return Drawn(mixture, trace["sample_stats"]["diverging"].to_numpy(), took)


def exchangeable(sample: Sample, k: int) -> pm.Model:
    """Return our model of k Gaussians, in the components' own parameters.

    >>> from models import Sample
    >>> [variable.name for variable in exchangeable(Sample([160.0, 165, 175, 180]), 2).free_RVs]
    ['weight', 'variance', 'mean']
    """
    return build(Gaussian, sample, k)


def in_order(sample: Sample, k: int) -> pm.Model:
    """Return the same model with its means held in order.

    >>> from models import Sample
    >>> model = in_order(Sample([160.0, 165.0, 175.0, 180.0]), 2)
    >>> type(model.rvs_to_transforms[model["mean"]]).__name__
    'Ordered'
    """
    model = change_value_transforms(exchangeable(sample, k), {"mean": transforms.ordered})
    model.check_bounds = False  # as `build` has it; a copy forgets
    return model


def unconstrained(model: pm.Model, mixture: Mixture[Gaussian]) -> Array:
    """Return where a mixture, its components in order, lies in a model's coordinates.

    >>> from models import Sample
    >>> mixture = Mixture(np.full(2, 0.5), Gaussian(np.array([160.0, 180.0]), np.ones(2)))
    >>> unconstrained(exchangeable(Sample([160.0, 165, 175, 180]), 2), mixture).tolist()
    [0.0, 0.0, 0.0, 160.0, 180.0]
    """
    weight, (mean, sd) = mixture
    gaps = model.rvs_to_transforms[model["mean"]] is not None
    values = {
        "weight": np.log(weight[:-1] / weight[-1]),
        "variance": 2 * np.log(sd),
        "mean": np.append(mean[0], np.log(np.diff(mean))) if gaps else mean,
    }
    return np.concatenate([values[variable.name] for variable in model.free_RVs])


@cache
def machine_code(make: Make, k: int) -> tuple[pm.Model, CompiledPyMCModel]:
    """Make a model of k components, compile it by nutpie, and leave the data to be swapped."""
    model = make(Sample(np.arange(k)), k)
    return model, nutpie.compile_pymc_model(model)


def by_pymc(make: Make, question: Question[Any, Any]) -> CompiledPyMCModel:
    """Return nutpie's model of one of PyMC's, its chains starting where ours do."""
    model, code = machine_code(make, question.k)
    engine = engine_of(question)
    start = start_of(engine, question)

    def point(seed: int) -> Array:
        first = ordered(drawn_at(engine.structures(question, start(seed)[None]), 0))
        return unconstrained(model, cast("Mixture[Gaussian]", first))  # PyMC's are of Gaussians

    return replace(code.with_data(**data_of(question)), initial_point_func=point)


def by_engine(question: Question[Any, Any]) -> CompiledPyMCModel:
    """Return nutpie's model as `bayes.sample` has it."""
    engine = engine_of(question)
    return engine.nutpie_model(question, start_of(engine, question))


def stored(question: Question[Any, Any], posterior: xr.Dataset) -> Mixture[Any]:
    """Return the mixtures that PyMC's model stores."""
    return gaussians(posterior)


def mapped(question: Question[Any, Any], posterior: xr.Dataset) -> Mixture[Any]:
    """Return the mixtures at the positions that the engine stores."""
    positions = posterior["position"].to_numpy()
    found = engine_of(question).structures(question, positions.reshape(-1, positions.shape[2]))
    return cast("Mixture[Any]", found)  # all cases are of a Sample


OURS = Coordinates("ours", by_engine, mapped)
ALL = (  # means in order; the components' own parameters; those with overall mean and sd
    Coordinates("ordered", partial(by_pymc, in_order), stored),
    Coordinates("own", partial(by_pymc, exchangeable), stored),
    OURS,
)
