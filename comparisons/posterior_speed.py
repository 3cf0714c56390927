"""How fast is the posterior drawn here? Everything that the README claims, measured in one run.

    uv run python -m comparisons.speed --posterior

Ours and stock PyMC take turns, each pair on data of its own. What counts is the least bulk
effective sample size a second of sampling, over every parameter that varies, once the components
of all draws are in order of mean. Tuning is sampling; compilation and imports are not.
"""

from __future__ import annotations

import platform
import time
import warnings
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from itertools import product
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import nutpie
import pymc as pm
from pymc.distributions import transforms
from pymc.model.transform.conditioning import change_value_transforms
from rich.console import Console
from rich.table import Table

from bayes import ChainsWarning, build, sample
from bayes.diagnose import DIVERGING, R_HAT, measured, worst_of
from bayes.engine import engine_of
from bayes.labels import relabelled
from bayes.mixture import asked
from bayes.starts import start_of
from bayes.tree import drawn
from comparisons.speed import Spread, heights, python, spinner, spread
from em.rows import available
from models import (
    Binomial,
    Gaussian,
    Mixture,
    MultivariateGaussian,
    Sample,
    ordered,
    simulate,
    weak_prior,
)
from models.mixture import take

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr
    from nutpie.compile_pymc import CompiledPyMCModel

    from bayes.mixture import Question
    from models.family import Array

    type Draw = Callable[[np.random.Generator], Sample]
    type Make = Callable[[Sample, int], pm.Model]

__all__ = ["main"]

COINS = 5  # times that the coins are sampled
WARM = 3  # processes that find on disk what the first one compiled
SEEDS = 4  # of each setting in the table of coordinates
CHAINS, TUNE, DRAWS = 4, 1_000, 1_000
ADAPTATIONS = ("diag", "low_rank")
TARGETS = (0.8, 0.9, 0.95)


class Judged(NamedTuple):
    """What chains are worth.

    rate: least bulk effective draws a second of sampling.
    r_hat: the largest.
    diverging: how many of all draws did.
    """

    rate: float
    r_hat: float
    diverging: int


class Duel(NamedTuple):
    """Our chains against stock PyMC's, pair by pair, and what the ratio of rates should be."""

    name: str
    ours: list[Judged]
    theirs: list[Judged]
    goal: float


class Compiled(NamedTuple):
    """Seconds until machine code is there, first with nothing on disk, and what they should be."""

    name: str
    cold: float
    cold_goal: float
    warm: Spread
    warm_goal: float


class Coordinates(NamedTuple):
    """Coordinates in which chains move.

    model: nutpie's model of a question.
    mixture: every draw's mixture, each field (n, K, ...), from what nutpie stored.
    """

    name: str
    model: Callable[[Question], CompiledPyMCModel]
    mixture: Callable[[Question, xr.Dataset], Mixture]


class Case(NamedTuple):
    """Data, and the coordinates that are compared on them."""

    name: str
    family: type
    k: int
    draw: Draw
    coordinates: tuple[Coordinates, ...]


class Setting(NamedTuple):
    """What is to be chosen: coordinates, and nutpie's adaptation and target of acceptance."""

    coordinates: Coordinates
    adaptation: str
    target: float


def rounded_heights(n: int, rng: np.random.Generator) -> Sample:
    """Draw n heights to the millimetre, in cm."""
    exact = heights(n, rng)
    return Sample(np.round(exact.expand(exact.x), 1))


def three_groups(n: int, d: int, rng: np.random.Generator) -> Sample:
    """Draw n rows of d columns from groups of unit covariance, at 0, 3 and 6 in every column."""
    group = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    rows = rng.normal(3 * group[:, None], 1, (n, d))
    return Sample(rows if d > 1 else rows[:, 0])


def flips(n: int, rng: np.random.Generator) -> Sample:
    """Draw n sets of ten flips of two coins."""
    truth = Mixture(np.array([0.6, 0.4]), Binomial(np.array([0.45, 0.70])))
    return simulate(truth, n, rng, trials=10)[0]


def stock(sample: Sample, k: int) -> pm.Model:
    """Return the model of k Gaussians that one writes in PyMC, a row for every observation.

    Its prior is ours, so that both draw from the same posterior, theirs with the means in order.
    """
    x, prior = sample.expand(sample.x), weak_prior(Gaussian, sample, k).theta
    start = np.quantile(x, (np.arange(k) + 0.5) / k)
    with pm.Model(coords={"component": range(k)}) as model:
        weight = pm.Dirichlet("weight", np.ones(k), dims="component")
        variance = pm.InverseGamma(
            "variance", prior.degrees / 2, prior.squares / 2, dims="component"
        )
        sd = pm.Deterministic("sd", pm.math.sqrt(variance), dims="component")
        mean = pm.Normal(
            "mean",
            prior.mean,
            sd / np.sqrt(prior.n),
            transform=transforms.ordered,
            initval=start,
            dims="component",
        )
        pm.NormalMixture("x", weight, mean, sd, observed=x)
    return model


def judged(mixture: Mixture, trace: xr.DataTree, seconds: float) -> Judged:
    """Put every draw's components in order, and judge the chains.

    mixture: of every draw, each field (chains * draws, K, ...).
    """
    diverging = trace["sample_stats"]["diverging"].to_numpy()
    aligned = relabelled(mixture, mixture.theta.order())
    worst = worst_of(measured(drawn(aligned, diverging.shape)))
    return Judged(worst.ess_bulk / seconds, worst.r_hat, int(diverging.sum()))


def gaussians(posterior: xr.Dataset) -> Mixture[Gaussian]:
    """Return every draw's mixture where weight, mean and sd were stored."""
    weight, mean, sd = (
        posterior[name].to_numpy().reshape(-1, posterior.sizes["component"])
        for name in ("weight", "mean", "sd")
    )
    return Mixture(weight, Gaussian(mean, sd))


def ours(x: Sample, seed: int) -> Judged:
    """Draw two Gaussians by `bayes.sample`."""
    tree = sample(Gaussian, x, 2, draws=DRAWS, tune=TUNE, chains=CHAINS, seed=seed, progress=False)
    mixture = gaussians(tree["posterior"].to_dataset())
    return judged(mixture, tree, tree.attrs["sampling_seconds"])


def theirs(x: Sample, seed: int) -> Judged:
    """Draw them by `pm.sample` as it comes."""
    with stock(x, 2):
        tree = pm.sample(
            DRAWS, tune=TUNE, chains=CHAINS, random_seed=seed, progressbar=False, quiet=True
        )
    mixture = gaussians(tree["posterior"].to_dataset())
    return judged(mixture, tree, tree["posterior"].attrs["sampling_time"])


def duel(name: str, draw: Draw, pairs: int, goal: float) -> Duel:
    """Take turns."""
    samples = [draw(np.random.default_rng(seed)) for seed in range(pairs)]
    ours(samples[0], 0)  # the first sampling of a process still compiles a little
    found = [(ours(x, seed), theirs(x, seed)) for seed, x in enumerate(samples)]
    return Duel(name, [mine for mine, _ in found], [other for _, other in found], goal)


def coins() -> Spread:
    """Return the seconds of sampling from 1,000 sets of flips, other ones each time."""

    def once(seed: int) -> float:
        x = flips(1_000, np.random.default_rng(seed))
        tree = sample(
            Binomial, x, 2, draws=DRAWS, tune=TUNE, chains=CHAINS, seed=seed, progress=False
        )
        return tree.attrs["sampling_seconds"]

    return spread([once(seed) for seed in range(COINS)])


COMPILE = """
import time
import numpy as np
from bayes.engine import engine_of, machine_code
from bayes.mixture import asked
from models import {family}, Sample
x = np.random.default_rng(0).normal(size={shape})
question = asked({family}, Sample(x), {k}, None, False)
begun = time.perf_counter()
machine_code(engine_of(question))
print(time.perf_counter() - begun)
"""


def compiled(
    name: str, family: type, shape: tuple[int, ...], k: int, goals: tuple[float, float]
) -> Compiled:
    """Compile in one process after the other, all sharing a folder that is empty at first."""
    code = COMPILE.format(family=family.__name__, shape=shape, k=k)
    with TemporaryDirectory() as folder:
        cold, *warm = (
            float(python(code, PYTENSOR_FLAGS=f"base_compiledir={folder}")) for _ in range(1 + WARM)
        )
    return Compiled(name, cold, goals[0], spread(warm), goals[1])


def exchangeable(sample: Sample, k: int) -> pm.Model:
    """Return our model of k Gaussians, in the components' own parameters."""
    return build(Gaussian, sample, k)


def in_order(sample: Sample, k: int) -> pm.Model:
    """Return the same model with its means held in order."""
    model = change_value_transforms(exchangeable(sample, k), {"mean": transforms.ordered})
    model.check_bounds = False  # as `build` has it; a copy forgets
    return model


def unconstrained(model: pm.Model, mixture: Mixture[Gaussian]) -> Array:
    """Return where a mixture, its components in order, lies in a model's coordinates."""
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


def by_pymc(make: Make, question: Question) -> CompiledPyMCModel:
    """Return nutpie's model of one of PyMC's, its chains starting where ours do."""
    model, code = machine_code(make, question.k)
    engine = engine_of(question)
    start = start_of(engine, question)

    def point(seed: int) -> Array:
        return unconstrained(model, ordered(take(engine.mixtures(question, start(seed)[None]), 0)))

    return replace(code.with_data(**question.data()), initial_point_func=point)


def by_engine(question: Question) -> CompiledPyMCModel:
    """Return nutpie's model as `bayes.sample` has it."""
    engine = engine_of(question)
    return engine.nutpie_model(question, start_of(engine, question))


def stored(question: Question, posterior: xr.Dataset) -> Mixture:
    """Return the mixtures that PyMC's model stores."""
    return gaussians(posterior)


def mapped(question: Question, posterior: xr.Dataset) -> Mixture:
    """Return the mixtures at the positions that the engine stores."""
    positions = posterior["position"].to_numpy()
    return engine_of(question).mixtures(question, positions.reshape(-1, positions.shape[2]))


OURS = Coordinates("ours", by_engine, mapped)
ALL = (  # means in order; the components' own parameters; those with overall mean and sd
    Coordinates("ordered", partial(by_pymc, in_order), stored),
    Coordinates("own", partial(by_pymc, exchangeable), stored),
    OURS,
)
CASES = (
    Case("10,000 heights to the millimetre", Gaussian, 2, partial(rounded_heights, 10_000), ALL),
    Case("200 heights", Gaussian, 2, partial(heights, 200), ALL),
    Case("1,000 from three groups", Gaussian, 3, partial(three_groups, 1_000, 1), ALL),
    Case(
        "1,000 from three groups in four dimensions",
        MultivariateGaussian,
        3,
        partial(three_groups, 1_000, 4),
        (OURS,),
    ),
)


def chains(setting: Setting, question: Question, seed: int) -> Judged:
    """Sample as the setting says."""
    model = setting.coordinates.model(question)
    begun = time.perf_counter()
    trace = nutpie.sample(
        model,
        draws=DRAWS,
        tune=TUNE,
        chains=CHAINS,
        cores=CHAINS,
        seed=seed,
        adaptation=setting.adaptation,
        target_accept=setting.target,
        save_warmup=False,
        progress_bar=False,
    )
    seconds = time.perf_counter() - begun
    mixture = setting.coordinates.mixture(question, trace["posterior"].to_dataset())
    return judged(mixture, trace, seconds)


def compared(case: Case) -> dict[Setting, list[Judged]]:
    """Let all settings take turns, each round on data of its own."""
    found = {Setting(*choice): [] for choice in product(case.coordinates, ADAPTATIONS, TARGETS)}
    for seed in range(SEEDS):
        x = case.draw(np.random.default_rng(seed))
        question = asked(case.family, x, case.k, None, False)
        for setting, judgements in found.items():
            judgements.append(chains(setting, question, seed))
    return found


def show_duels(duels: list[Duel]) -> list[Table]:
    """Show the rates, and whether the chains behind them can be believed."""
    rates = Table("least bulk ESS a second", "pairs", "ours", "stock PyMC", "ratio", "goal")
    worst = Table("worst of these chains", "", "ours", "stock PyMC", "limit")
    for one in duels:
        sides = (one.ours, one.theirs)
        rates.add_row(
            one.name,
            str(len(one.ours)),
            *(f"{median([each.rate for each in side]):,.0f}" for side in sides),
            f"{spread([mine.rate / other.rate for mine, other in zip(*sides, strict=True)]):.3g}",
            f"{one.goal:.0f}",
        )
        hats = [max(each.r_hat for each in side) for side in sides]
        shares = [max(each.diverging for each in side) / (CHAINS * DRAWS) for side in sides]
        worst.add_row(one.name, "R-hat", *(f"{hat:.3f}" for hat in hats), f"{R_HAT:g}")
        worst.add_row("", "diverging", *(f"{share:.2%}" for share in shares), f"{DIVERGING:.1%}")
    return [rates, worst]


def show_rest(flipped: Spread, compilations: list[Compiled]) -> Table:
    """Show the seconds that have no peer."""
    table = Table("the rest", "measured", "goal")
    table.add_row(
        f"sampling 1,000 sets of ten flips, {CHAINS} x {DRAWS:,} draws", f"{flipped:.2f} s", "0.3 s"
    )
    for one in compilations:
        table.add_row(f"compiling {one.name}", f"{one.cold:.1f} s", f"{one.cold_goal:.0f} s")
        table.add_row("... found on disk", f"{one.warm:.1f} s", f"{one.warm_goal:.0f} s")
    return table


def show_settings(case: Case, found: dict[Setting, list[Judged]]) -> Table:
    """Show medians of every setting, and its worst seed."""
    title = f"{case.name}, medians of {SEEDS} seeds (the worst one)"
    table = Table("coordinates", "settings", "ESS/s", "R-hat", "diverging", title=title)
    for setting, judgements in found.items():
        rate, hat, diverging = (spread(list(values)) for values in zip(*judgements, strict=True))
        table.add_row(
            setting.coordinates.name,
            f"{setting.adaptation} {setting.target:g}",
            f"{rate.median:,.0f} ({rate.least:,.0f})",
            f"{hat.median:.3f} ({hat.most:.3f})",
            f"{diverging.median:g} ({diverging.most})",
        )
    return table


def main() -> None:
    """Measure and print everything."""
    warnings.simplefilter("ignore", ChainsWarning)  # the tables say how the chains fared
    console = Console()
    packages = ", ".join(f"{name} {version(name)}" for name in ("pymc", "pytensor", "nutpie"))
    console.print(
        f"Python {platform.python_version()}, {packages}, {available()} processors, "
        f"{platform.machine()}; {CHAINS} chains, {TUNE:,} draws of tuning and {DRAWS:,} more"
    )
    with spinner(console) as progress:
        task = progress.add_task("")

        def saying(text: str) -> None:
            progress.update(task, description=text)

        duels = []
        for name, draw, pairs, goal in (
            ("10,000 heights to the millimetre", partial(rounded_heights, 10_000), 2, 150),
            ("200 heights", partial(heights, 200), 5, 3),
        ):
            saying(f"{name}, {pairs} times each")
            duels.append(duel(name, draw, pairs, goal))
        console.print(*show_duels(duels))
        saying("coins")
        flipped = coins()
        compilations = []
        for name, family, shape, k, goals in (
            ("Gaussian, K = 2", Gaussian, (100,), 2, (18, 4)),
            ("MultivariateGaussian, d = 4, K = 3", MultivariateGaussian, (100, 4), 3, (30, 4)),
        ):
            saying(f"compiling {name}")
            compilations.append(compiled(name, family, shape, k, goals))
        console.print(show_rest(flipped, compilations))
        for case in CASES:
            saying(f"{case.name}, {SEEDS} times every setting")
            console.print(show_settings(case, compared(case)))
