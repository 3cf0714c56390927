"""The public functions `sample`, and `align` for another labelling."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from bayes.component import component_of
from bayes.posterior.diagnose import DIVERGING, R_HAT, checked, measured, worst_of
from bayes.posterior.labels import alignment_of, best_alignment_of
from bayes.posterior.prospects import SEVERAL, hopeless_of, stalled
from bayes.posterior.tree import OURS, drawn, posterior_of, relabel, tree_of
from bayes.sampling.compiled import Engine, engine_of
from bayes.sampling.modes import restart_of
from bayes.sampling.nuts import Chains, run
from models.checks import whole
from models.family import first
from models.frames import understood
from models.question import asked
from models.refusal import Refusal
from models.sample import Sample
from models.structure import fields_of, from_fields, permuted, shares_of

if TYPE_CHECKING:
    from bayes.posterior.labels import Alignment, Labelling
    from bayes.posterior.prospects import Hopeless
    from bayes.sampling.modes import Restart
    from models.arrays import Array
    from models.family import Theta
    from models.frames import Columns, Frame
    from models.prior import Prior
    from models.question import Question
    from models.structure import Structure, Units

__all__ = ["ChainsWarning", "align", "log_likelihood", "sample", "sampled"]

AUTO = [1_000, 2_000, 4_000, 8_000, 16_000]
"""Draws of each chain after which draws="auto" checks whether there are enough."""

SEEDS = 1 << 64
"""The number of different seeds that the sampler takes."""

UNITS = 200
"""Units, at even distances, whose densities are looked at if components can be remixed."""

AUTO_ESS = 1_000.0
"""Bulk and tail effective draws of every parameter at which draws="auto" stops."""


class ChainsWarning(UserWarning):
    """A warning that chains fail a check of `diagnose`.

    >>> issubclass(ChainsWarning, UserWarning)
    True
    """


def sample[T: Theta](
    family: type[T] | str,
    sample: Units | Frame,
    k: int,
    *,
    columns: Columns | None = None,
    prior: Prior | None = None,
    equal_weights: bool = False,
    draws: int | Literal["auto"] = 1_000,
    tune: int = 1_000,
    chains: int = 4,
    seed: int = 0,
    progress: bool = True,
) -> xr.DataTree:
    """Draw from the posterior of k components of a family.

    Labels are aligned: by order in one dimension, by assignment in several, and in one dimension
    too where only that identifies the groups (equal means, other widths). The groups are
    posterior, sample_stats, log_likelihood, prior, posterior_predictive, observed_data,
    constant_data, labels (what was relabelled, and how surely) and diagnostics (R-hat and effective
    sizes of the draws as drawn and as aligned).

    log_likelihood has a line for each observation, or of several sequences for each sequence, as
    ArviZ's `loo`, `compare` and `loo_pit` need. Where that takes more than 64 MB under 4,000 draws,
    a group pointwise, which ArviZ does not read, has a line for each distinct row instead, and
    `bayes.loo` counts them. Of a single sequence it has a line for each row given those before it.

    family: or its name, such as "gaussian".
    sample: the observations; their type determines the structure. Or a data frame, one of its
        columns, an array or a list, whose rows are in no order.
    columns: of the data frame, by name; by default all.
    prior: by default `models.weak_prior`.
    equal_weights: hold all shares at 1 / k.
    draws: draws of each chain, after tuning. "auto" goes on to 2,000, 4,000, 8,000 and 16,000 until
        R-hat is below 1.01 and bulk and tail effective sizes are 1,000 or more for every parameter,
        or until it is clear why more draws will not help (the attribute `hopeless`). Chains that
        stay in modes of negligible mass begin again in heavier ones, once (`abandoned`).
        Whatever is given, chains of which more than 0.1% of the draws diverge are drawn again
        with shorter steps, once (the attribute `diverged` is the share before).
    tune: draws of each chain that adapt the sampler and are thrown away.
    seed: of all random numbers; the same seed gives the same draws.
    progress: show bars on a terminal.

    >>> dict(posterior["posterior"].sizes)  # of sample(Poisson, Sample(counts), 2, draws=500)
    {'chain': 4, 'draw': 500, 'component': 2}
    """
    if isinstance(family, Sample):
        raise Refusal("family is a Sample; the order is sample(family, sample, k)")
    kind, data = understood(family, sample, columns)
    component_of(kind)  # refuses what is none
    question = asked(kind, data, k, prior=prior, equal_weights=equal_weights)
    return sampled(question, draws=draws, tune=tune, chains=chains, seed=seed, progress=progress)


def sampled(
    question: Question[Any, Any],
    *,
    draws: int | Literal["auto"] = 1_000,
    tune: int = 1_000,
    chains: int = 4,
    seed: int = 0,
    progress: bool = True,
) -> xr.DataTree:
    """Draw from the posterior of a question, with the options of `sample`.

    >>> posterior.attrs["draws"], posterior.attrs["seed"]
    (500, 1)
    """
    tune, chains, seed = whole("tune", tune, 1), whole("chains", chains, 1), whole("seed", seed, 0)
    if seed >= SEEDS:
        raise Refusal(f"seed is {seed}; give a whole number below 2**64")
    lengths = AUTO if draws == "auto" else [whole("draws", draws, 1)]

    last: list[Look] = []
    anew = Anew()
    seconds = 0.0

    def look(engine: Engine, found: Chains) -> Look:
        if not last or last[0].chains is not found:
            with threadpool_limits(1, user_api="blas"):  # its threads wait for those of the chains
                last[:] = [_looked(engine, question, found)]
        return last[0]

    def enough(engine: Engine, found: Chains) -> bool:
        seen = look(engine, found)
        return seen.will_do or seen.hopeless is not None

    def finish(engine: Engine, found: Chains) -> xr.DataTree | None:
        nonlocal seconds
        seen = look(engine, found)
        seconds += found.seconds
        if anew.needed(engine, question, seen, seed, restart=draws == "auto"):
            return None
        settings: dict[str, object] = {
            "made_by": OURS,
            "draws": found.positions.shape[1],
            "tune": tune,
            "chains": chains,
            "seed": seed,
            "labels": seen.by,
            "sampling_seconds": seconds,
        }
        settings |= anew.kept
        if draws == "auto":
            settings |= _gates(seen)
        return tree_of(
            engine,
            question,
            found,
            seen.structures,
            seen.alignment,
            settings,
            measures=seen.measures,
        )

    tree = None
    while tree is None:  # at other starts, or with shorter steps, each at most once
        tree = run(
            question,
            lengths,
            tune,
            chains,
            seed,
            enough,
            finish,
            start=None if anew.restart is None else anew.restart.start,
            shorter=anew.diverged is not None,
            progress=progress,
        )
    _warn(tree, question, last[0].told, asked_for=draws)
    return tree


def _of_units(
    engine: Engine, question: Question[Any, Any], positions: Array, sizes: tuple[int, int]
) -> xr.Dataset:
    """Return R-hat and effective sizes of the densities of units, some of them if they are many."""
    few = question.of(question.units.spaced(UNITS))
    logs = engine.pointwise(few, positions).reshape(*sizes, -1)
    coords = {"chain": np.arange(sizes[0]), "draw": np.arange(sizes[1])}
    return measured(xr.Dataset({"density": (("chain", "draw", "unit"), np.exp(logs))}, coords))


def _warn(
    tree: xr.DataTree, question: Question[Any, Any], told: xr.Dataset, asked_for: int | str
) -> None:
    """Warn, two calls further up, of chains that fail a check.

    told: R-hat and effective sizes of what the data tell.
    """
    failed = [check for check in checked(told, tree).checks if not check.passed]
    if "hopeless" in tree.attrs:
        reason = json.loads(tree.attrs["hopeless"])["reason"]
        warnings.warn(
            f"{reason} More draws would not help: the chains ended after {tree.attrs['draws']:,}. "
            f"{f'Check the number of {question.noun}s' if question.k > 1 else 'Look at the data'}",
            ChainsWarning,
            stacklevel=3,
        )
    elif failed:
        measures = ", ".join(f"{check.name} {check.value:.4g}" for check in failed)
        remedy = "draw longer" if asked_for == "auto" else 'give draws="auto" (--draws auto)'
        if "diverged" in tree.attrs and all("divergences" in check.name for check in failed):
            remedy = "shorter steps did not help"
        warnings.warn(
            f"the chains did not converge: {measures}; {remedy}",
            ChainsWarning,
            stacklevel=3,
        )


def align(tree: xr.DataTree, by: Labelling) -> xr.DataTree:
    """Return a posterior of `sample` with its labels aligned anew.

    by: "order" of the components as the family orders them, or "assignment" of each draw's
        memberships to average ones (Stephens 2000).

    >>> align(posterior, "assignment").attrs["labels"]
    'assignment'
    """
    if by not in ("order", "assignment"):
        raise Refusal(f"by is {by!r}; give 'order' or 'assignment'")
    posterior = posterior_of(tree)
    question, structures = posterior.question, posterior.as_drawn
    if not question.structure.exchangeable():
        raise Refusal("the data determine the labels, so there are none to align")
    engine = engine_of(question)
    positions = engine.pack(question, structures)
    alignment = alignment_of(engine, question, positions, structures, posterior.explored, by)
    return relabel(posterior.tree, structures, alignment, by)


def log_likelihood[T: Theta](family: type[T], sample: Units, structure: Structure) -> float:
    """Return the log-likelihood of parameters by PyMC's model of them.

    structure: inside the parameter space: no share, probability or rate of 0.

    >>> from models import Mixture, Poisson
    >>> two = Mixture(np.array([0.5, 0.5]), Poisson(np.array([1.0, 8.0])))
    >>> round(log_likelihood(Poisson, Sample([1, 2, 9]), two), 3)
    -6.795
    """
    question = asked(family, sample, len(first(structure.theta)))
    for name, share in shares_of(structure).items():
        if not (share > 0).all():
            raise Refusal(f"{name} is {share.tolist()}; give shares above 0")
    engine = engine_of(question)
    fields = {name: np.asarray(field)[None] for name, field in fields_of(structure).items()}
    one = from_fields(question.structure, family, fields)
    return float(engine.log_likelihoods(question, engine.pack(question, one))[0])


class Look(NamedTuple):
    """Chains so far, with their labels aligned and measured.

    structures: of every draw as it was drawn, each field (n, ...).
    by: how labels were aligned; the draws so far choose it.
    measures: R-hat and effective sizes of aligned draws.
    told: the same of what the data tell: of the parameters, unless components can be remixed.
    hopeless: why more draws would not help; None where they may.
    """

    chains: Chains
    structures: Structure
    by: Labelling
    alignment: Alignment
    measures: xr.Dataset
    told: xr.Dataset
    hopeless: Hopeless | None = None

    @property
    def will_do(self) -> bool:
        """Whether everything that the data tell has mixed and is known well enough."""
        worst = worst_of(self.told)
        return worst.r_hat < R_HAT and min(worst.ess_bulk, worst.ess_tail) >= AUTO_ESS

    @property
    def apart(self) -> bool:
        """Whether chains stay in different modes."""
        return self.hopeless is not None and self.hopeless.code == SEVERAL


@dataclass
class Anew:
    """Why chains are drawn again, each reason at most once.

    restart: where they begin instead of in modes of negligible mass.
    diverged: the share of the draws that diverged, which shorter steps mend.

    >>> Anew().kept
    {}
    """

    restart: Restart | None = None
    diverged: float | None = None

    def needed(
        self, engine: Engine, question: Question[Any, Any], seen: Look, seed: int, *, restart: bool
    ) -> bool:
        """Whether these chains are to be drawn again, for a reason that is new.

        restart: whether they may begin elsewhere.
        """
        if restart and self.restart is None and seen.apart:
            self.restart = restart_of(engine, question, seen.chains.positions[:, -1], seed)
            if self.restart is not None:
                return True
        share = float(seen.chains.statistics["diverging"].mean())
        if self.diverged is not None or share <= DIVERGING or seen.hopeless is not None:
            return False
        self.diverged = share
        return True

    @property
    def kept(self) -> dict[str, object]:
        """The reasons, as the posterior keeps them."""
        found: dict[str, object] = {}
        if self.restart is not None:
            found["abandoned"] = json.dumps(self.restart.abandoned._asdict())
        if self.diverged is not None:
            found["diverged"] = self.diverged
        return found


def _gates(seen: Look) -> dict[str, object]:
    """Return what is kept of the look at chains that draw until there are enough."""
    found: dict[str, object] = {"gates": "met" if seen.will_do else "not met"}
    if seen.hopeless is not None:
        found = {"gates": "hopeless", "hopeless": json.dumps(seen.hopeless._asdict())}
    return found


def _looked(engine: Engine, question: Question[Any, Any], found: Chains) -> Look:
    """Return the look at some chains."""
    positions = found.positions.reshape(-1, found.positions.shape[2])
    structures = engine.structures(question, positions)
    height = found.statistics["lp"].ravel()
    by, alignment = best_alignment_of(engine, question, positions, structures, height)
    aligned = permuted(structures, alignment.permutation)
    sizes = found.positions.shape[:2]
    measures = measured(drawn(aligned, sizes))
    remixes = engine.grouping.remixes(question)
    told = _of_units(engine, question, positions, sizes) if remixes else measures
    seen = Look(found, structures, by, alignment, measures, told)
    if seen.will_do:
        return seen
    if remixes:  # labels have to be ambiguous, and chains to be in different places
        return seen._replace(hopeless=stalled(told, sizes[1], longest=AUTO[-1], needed=AUTO_ESS))
    hopeless = hopeless_of(
        question, aligned, sizes, alignment, seen.measures, longest=AUTO[-1], needed=AUTO_ESS
    )
    return seen._replace(hopeless=hopeless)
