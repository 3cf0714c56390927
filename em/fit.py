"""The entry point of EM: `fit`."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from em.climb.refine import information_at, refined
from em.climb.search import CHEAP, SAME_HEIGHT, Climber, End, Found, search
from em.climb.starts import starting_points
from em.climb.stopping import FIRST, MOST, most_starts, settled, times_reached
from em.data.blocks import default_floor
from em.data.threads import executor_for
from em.emission import Emission, Exponential, emission_of
from em.errors.information import SADDLE, Information, unavailable
from em.grouped import single_celled
from em.model import Model, model_of
from em.result import Fit, Optimum
from models.checks import number, numbers, whole
from models.frames import understood
from models.names import mends
from models.prior import Prior
from models.question import asked
from models.refusal import Refusal, both
from models.sample import Sample
from models.silent import said_of_silent, silent
from models.structure import (
    by_name,
    checked,
    coordinates,
    parameters,
    shares_of,
    uniform,
    with_shares,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from numpy.typing import ArrayLike

    from em.data.blocks import Rows
    from em.step import Step
    from models.arrays import Array
    from models.family import Theta
    from models.frames import Columns, Frame
    from models.question import Question
    from models.structure import Data, Structure

__all__ = ["fit", "fitted", "fitted_at", "out_of_reach", "refuse_few_rows"]

MANY_WIDTHS = 5  # columns from which their least sds are not listed
MOST_CHECKED = 500  # coordinates: with more, an information takes longer than the climb before it
RARELY = 0.05  # chance of missing an optimum as rare as the best one, from which on it is said
MANY_EDGES = 3  # parameters on an edge that have a note each; the others share one
FLAT = "the observations have no spread in some direction"


def fit[S: Structure](
    family: type[Theta] | str,
    sample: Data | Frame,
    k: int,
    *,
    columns: Columns | None = None,
    group_names: Sequence[str] = (),
    start: S | None = None,
    starts: int | None = None,
    hard: bool = False,
    equal_weights: bool = False,
    prior: Prior | None = None,
    seed: int = 0,
    accelerate: bool = True,
    max_steps: int = 10_000,
    tolerance: float = 1e-4,
    floor: ArrayLike | None = None,
    on_step: Callable[[Step[S]], None] | None = None,
) -> Fit[S]:
    """Fit k components of a family by EM and return the best optimum.

    family: or its name, such as "gaussian".
    sample: the observations; the structure follows from their kind. Or a data frame, one of its
        columns, an array or a list, whose rows are in no order.
    columns: of the data frame, by name; by default all.
    group_names: what to call the components, in the order of their labels; numbers by default.
    start: a Mixture to climb from, instead of all other starts.
    starts: the number of starts: quantiles, k-means++, random seeds and random groups. By default
        20, and more, up to 100, where the best optimum was reached fewer than five times and others
        may be unseen (`em.climb.stopping`).
    hard: classification EM: each observation belongs wholly to its most likely component.
    equal_weights: fix all shares at 1 / k.
    prior: maximise the posterior density under this prior instead of the likelihood.
    seed: of the random starts.
    accelerate: extrapolate from past steps; the objective still never falls.
    max_steps: the largest number of steps of a climb.
    tolerance: Newton decrement, in standard errors, at which a climb is over; 0 takes exactly
        max_steps steps.
    floor: least sd of a component (in any direction), one number or one a column, in the data's
        units. By default 1e-9 of the overall sd in one dimension and 1e-7 in several (the sd
        rounded down to a power of two). `em.climb.spikes.spikes` says what else is a spike.
    on_step: called with a Step after each step. Climbs then stay out of machine code, and end the
        same but for rounding.

    >>> from em import fit
    >>> from models import Poisson
    >>> fit(Poisson, Sample([0, 1, 7, 9]), 2).estimate.theta.rate.round(2)
    array([0.5 , 7.97])
    """
    if isinstance(family, Sample):
        raise Refusal("family is a Sample; the order is fit(family, sample, k)")
    family, sample = understood(family, sample, columns)
    emission_of(family)  # refuses what is none
    question: Question[S, Any] = asked(
        family, sample, k, prior=prior, equal_weights=equal_weights, group_names=group_names
    )
    if question.given is None and start is None:
        refuse_few_rows(question)
    return fitted(
        question,
        prior=question.given,
        start=start,
        starts=starts,
        hard=hard,
        seed=seed,
        accelerate=accelerate,
        max_steps=max_steps,
        tolerance=tolerance,
        floor=floor,
        on_step=on_step,
    )


def fitted[S: Structure](
    question: Question[S, Any],
    *,
    prior: Prior | None = None,
    start: S | None = None,
    starts: int | None = None,
    hard: bool = False,
    seed: int = 0,
    accelerate: bool = True,
    max_steps: int = 10_000,
    tolerance: float = 1e-4,
    floor: ArrayLike | None = None,
    on_step: Callable[[Step[S]], None] | None = None,
) -> Fit[S]:
    """Answer a question by EM, with the options of `fit`.

    prior: maximise the posterior density under it; None maximises the likelihood, whatever the
        question's own prior.

    >>> from models import Poisson
    >>> fitted(asked(Poisson, Sample([0, 1, 7, 9]), 2)).converged
    True
    """
    if number("tolerance", tolerance) < 0:
        raise Refusal(f"tolerance is {tolerance}; give a number from 0 up")
    if on_step is not None and not callable(on_step):
        raise Refusal(f"on_step is {on_step!r}; give a function of a Step")
    starts = None if starts is None else whole("starts", starts, 1)
    max_steps = whole("max_steps", max_steps, 0)
    seed, emission = whole("seed", seed, 0), emission_of(question.family)
    if out_of_reach(question):
        raise Refusal(
            f"{question.family.__name__} needs all distinct rows in memory, and these "
            f"{question.sample.distinct:,} are not; take a random part of them "
            f"{both('em.subsample', '--some 20000')}"
        )
    if start is not None:
        start = _checked_start(start, question)
    with executor_for(question.sample, emission, question.k) as workers:
        rows, believed = workers.rows, prior
        if prior is not None:
            prior = Prior(prior.weight, rows.units.move_in(prior.theta))
        least_inside = _floor(floor, rows, emission)
        model = model_of(question, workers, floor=least_inside, hard=hard, prior=prior)
        flat = _without_width(model) if floor is None and prior is None else None
        if question.k == 1 and flat is not None:
            return _degenerate(model, flat)
        points = _begin(model, None if start is None else model.inside(start), starts, seed)
        begin = list(islice(points, starts or FIRST))
        run = Climber(model, accelerate and not hard, tolerance, on_step)
        found = search(
            model, begin, run, max_steps, floor is not None, seed, more=points, enough=settled
        )
        best, known = refined(run, found.ends[0], max_steps)
        ends, saddles = _without_saddles(model, [best, *found.ends[1:]])
        log_prior = model.log_prior(best.parameters)
    least = rows.units.floor_out(model.floor)
    if known.open:
        ends = _as_high(ends)
    listed, names = parameters(best.parameters, question.held), question.names
    told = _told(model, least)
    said = _notes(found._replace(ends=ends), known, saddles, max_steps, tolerance, told, question)
    notes = [by_name(note, listed, names) for note in said]
    if start is None and question.k > 1:
        notes += _seldom(found)
    notes += [*_of_zeros(question, best.parameters), *single_celled(question.data)]
    if flat is not None:
        notes.insert(0, f"{FLAT}: a column is constant, or a sum of others")
    return Fit(
        question=question,
        estimate=model.outside(best.parameters),
        log_likelihood=best.height - log_prior,
        trace=best.climb.trace,
        steps=best.steps,
        evaluations=best.climb.evaluations,
        converged=best.climb.converged,
        standard_errors=known.standard_errors,
        information=known.matrix,
        coordinates=known.names,
        decrement=known.decrement,
        missing=known.missing,
        optima=tuple(_optimum(model, end) for end in ends),
        starts=found.begun,
        floor=least,
        notes=tuple(notes),
        units=rows.units,
        inside=best.parameters,
        entropy=known.entropy,
        edges=known.edges,
        information_inside=known.inside,
        shift=known.shift,
        open=known.open,
        closed=known.closed,
        told=known.told,
        reason=known.reason,
        prior=believed,
    )


def fitted_at[S: Structure](question: Question[S, Any], structure: S) -> Fit[S]:
    """Return the fit whose estimate is some parameters, with their labels; no step is taken.

    >>> fitted_at(fit.question, fit.estimate).members(Sample([0, 9])).round(2)
    array([[1., 0.],
           [0., 1.]])
    """
    found = fitted(question, start=structure, max_steps=0)
    theta = found.units.move_in(structure.theta)
    inside = with_shares(type(structure), shares_of(structure), theta)
    return replace(found, estimate=structure, inside=inside)


def out_of_reach(question: Question[Any, Any]) -> bool:
    """Return whether the M-step needs the rows themselves, and they are not in memory.

    >>> from models import Poisson
    >>> out_of_reach(asked(Poisson, Sample([0, 1, 7, 9]), 2))
    False
    """
    in_memory = isinstance(question.sample, Sample)
    return not in_memory and not isinstance(emission_of(question.family), Exponential)


def refuse_few_rows(question: Question[Any, Any]) -> None:
    """Raise Refusal where components of many columns have too few rows for their covariances.

    Every climb would end on a spike, after minutes.

    >>> from models import MultivariateGaussian
    >>> rows = np.random.default_rng(1).normal(size=(100, 50))
    >>> refuse_few_rows(asked(MultivariateGaussian, Sample(rows), 2))
    Traceback (most recent call last):
    models.refusal.Refusal: 2 full covariances of 50 columns need at least 102 distinct rows, ...
    """
    family, wide = question.family, question.width
    least = emission_of(family).fewest(wide, question.k)
    if question.sample.distinct >= least:
        return
    tied = emission_of(family).pools
    needs = "a tied covariance" if tied else f"{question.k} full covariances"
    raise Refusal(
        f"{needs} of {wide} columns need{'s' * tied} at least {least:,} distinct rows, and there "
        f"are {question.sample.distinct:,}; take diagonal covariances "
        f"{both('.with_covariance("diagonal")', '--covariance diagonal')}, "
        "or fewer columns"
    )


def _begin[S: Structure](
    model: Model[S], start: S | None, starts: int | None, seed: int
) -> Iterator[S]:
    """Return the starts, in working coordinates; more than are needed if their number is open."""
    if start is not None:
        if not model.wide_enough(start.theta):
            raise Refusal("start has a component whose width is below floor; give a wider one")
        return iter([start])
    if model.k == 1:
        return iter([model.maximize(model.everything())])
    if starts is None:
        starts = most_starts(model.size, CHEAP)
    return starting_points(model, starts, np.random.default_rng(seed))


def _without_saddles[S: Structure](model: Model[S], ends: list[End[S]]) -> tuple[list[End[S]], int]:
    """Return the ends without saddles (the first stays), and how many starts ended on saddles.

    Only small samples are checked, because each end costs a pass over the rows, and few parameters,
    because the time of an information grows with their cube.
    """
    found = coordinates(ends[0].parameters, model.question.held)
    if model.size > CHEAP or len(found) > MOST_CHECKED:
        return ends, 0
    kept, ended = ends[:1], 0
    for end in ends[1:]:
        if information_at(model, end).missing > SADDLE:
            ended += end.starts
        else:
            kept.append(end)
    return kept, ended


def _as_high[S: Structure](ends: list[End[S]]) -> list[End[S]]:
    """Return the ends with those of one height as one: flat directions join such places."""
    found: list[End[S]] = []
    for end in ends:
        if found and 0 <= found[-1].height - end.height <= SAME_HEIGHT:
            found[-1] = found[-1]._replace(starts=found[-1].starts + end.starts)
        else:
            found.append(end)
    return found


def _without_width[S: Structure](model: Model[S]) -> S | None:
    """Return the estimate of a single component if its width is below the floor, otherwise None."""
    one = replace(model, question=replace(model.question, k=1))
    theta = one.components(one.everything())
    if model.wide_enough(theta) and not model.emission.on_floor(theta, model.floor).any():
        return None
    shares = uniform(model.question.structure, 1, model.question.data.sizes)
    return with_shares(model.question.structure, shares, theta)


def _checked_start[S: Structure](start: S, question: Question[S, Any]) -> S:
    """Return the start as float arrays, or raise Refusal that names the bad field."""
    wide, sizes = question.width, question.data.sizes
    structure = checked(start, question.structure, question.family, wide, sizes)
    given = len(structure.theta._asdict()[next(iter(question.family.layout()))])
    if given != question.k:
        raise Refusal(f"start has {given} components, k is {question.k}; give k of them")
    for name, field in shares_of(structure).items():
        if name in question.held and np.ptp(field) > 1e-8:
            raise Refusal(f"{name} of start is {field.tolist()}; give equal shares")
    return structure


def _floor(floor: ArrayLike | None, rows: Rows, emission: Emission[Any]) -> Array:
    """Return the least widths in working coordinates, (d,), or a (d, d) root of their squares."""
    d, table = rows.sample.dimension, rows.sample.table
    if floor is None:
        return default_floor(rows, emission)
    widths = numbers("floor", floor)
    if widths.shape not in ((), (d,)) or not ((widths > 0) & np.isfinite(widths)).all():
        raise Refusal(
            f"floor is {floor}; give the least sd allowed, above 0: one number, or one per column"
        )
    given = np.broadcast_to(widths.max() if emission.isotropic else widths, (d,))
    inside = rows.units.floor_in(given)
    return np.diag(inside) if table and inside.ndim == 1 else inside


def _optimum[S: Structure](model: Model[S], end: End[S]) -> Optimum[S]:
    """Return an end as the user sees it."""
    return Optimum(
        model.outside(end.parameters),
        end.height - model.log_prior(end.parameters),
        end.starts,
        bool(end.spike.any()),
        bool(end.empty.any()),
        end.climb.converged,
    )


def _degenerate[S: Structure](model: Model[S], inside: S) -> Fit[S]:
    """Return the fit of one component without width, whose likelihood is infinite."""
    rows, estimate = model.rows, model.outside(inside)
    known = unavailable(model, inside, FLAT)
    return Fit(
        question=model.question,
        estimate=estimate,
        log_likelihood=np.inf,
        trace=np.array([np.inf]),
        steps=0,
        evaluations=0,
        converged=True,
        standard_errors=known.standard_errors,
        information=None,
        coordinates=known.names,
        decrement=np.nan,
        missing=np.nan,
        optima=(Optimum(estimate, np.inf, 1, True, False, True),),
        starts=1,
        floor=rows.units.floor_out(model.floor),
        notes=(f"{FLAT}: the estimate is degenerate, its width zero and its likelihood infinite",),
        units=rows.units,
        inside=inside,
        entropy=0.0,
        reason=known.reason,
    )


def _notes[S: Structure](
    found: Found[S],
    known: Information[S],
    saddles: int,
    max_steps: int,
    tolerance: float,
    least: str,
    question: Question[Any, Any],
) -> Iterator[str]:
    """Yield what a reader of the estimate has to know.

    least: the least width allowed, in words.
    """
    ends, _, abandoned, screened = found
    best = ends[0]
    if not best.climb.converged:
        if tolerance == 0 or best.steps >= max_steps:
            yield f"stopped after {best.steps} steps, the most allowed (max_steps)"
        else:
            yield (
                f"stopped {known.decrement:.1e} standard errors from the maximum: "
                "rounding hides any further rise of the log-likelihood"
            )
    spiked = [end for end in ends if end.spike.any()]
    if best.spike.any():
        yield f"every start ended on a spike; {least}"
    elif spiked:
        reached = sum(end.starts for end in spiked)
        highest = max(end.height for end in spiked)
        yield (
            f"{len(spiked)} optim{'a' if len(spiked) > 1 else 'um'} with a spike set aside, "
            f"reached from {reached} start{'s' * (reached > 1)} "
            f"(best {highest:.3f}, {least})"
        )
    for one in np.flatnonzero(best.empty).tolist():
        yield f"{question.called(one)} is empty: it has less than half an observation"
    if saddles:
        yield (
            f"{saddles} start{'s' * (saddles > 1)} stopped at a saddle point, which is no optimum"
        )
    if screened:
        yield (
            f"starts were compared on {screened:,} observations, which may miss a group of less "
            f"than one in {screened // 100:,}; the best were then climbed on all observations"
        )
    elif abandoned:
        yield f"{abandoned} starts were given up after a few steps, because others were higher"
    yield from _without_errors(known, best.parameters.theta, question.noun)


def _told[S: Structure](model: Model[S], floor: Array) -> str:
    """Return the least width allowed in words: a width relative to a location is no sd."""
    widths = floor[floor > 0]  # labels have none
    said = ", ".join(f"{width:.3g}" for width in widths)
    if len(widths) > MANY_WIDTHS:
        least, most = (f"{width:.3g}" for width in (widths.min(), widths.max()))
        said = least if least == most else f"{least} to {most}, by column"
    relative = model.emission.scaled(model.rows.sample.dimension).any()
    return f"the least {'width' if relative else 'sd'} allowed is {said}"


def _of_zeros(question: Question[Any, Any], parameters: Structure) -> Iterator[str]:
    """Yield which component is zeros in excess, if one is all but always 0."""
    for component, sure in silent(parameters.theta).items():
        said = f"{question.called(component)} is 0 with probability {sure:.3g}"
        if question.data.sizes or not isinstance(question.data, Sample):
            yield said  # zeros in excess do not depend on the row before, nor on a group
            continue
        yield (
            f"{said}: zeros in excess; fit them by {mends('zeros', question.family)[0].__name__} "
            f"(--zeros) with k = {question.k - 1}"
        )


def _without_errors[S: Structure](known: Information[S], theta: Theta, noun: str) -> Iterator[str]:
    """Yield which parameters have no standard errors, and why."""
    none = [edge.label for edge in known.edges if said_of_silent(edge.label, theta)]
    edges = [edge for edge in known.edges if edge.label not in none]
    for label in none:
        yield f"{label} has no standard error: its {noun} is almost always 0"
    for edge in edges[:MANY_EDGES]:
        yield f"{edge.said}, at the edge of its possible values: it has no standard error"
    if others := edges[MANY_EDGES:]:
        said = ", ".join(edge.said for edge in others)
        yield f"also at an edge, without standard errors: {said}"
    if known.reason is not None:
        yield f"no standard errors: {known.reason}"


def _seldom[S: Structure](found: Found[S]) -> Iterator[str]:
    """Yield that few starts reached the best optimum, if so: others may be higher.

    An optimum that a start reaches as rarely as the best one is missed by all n starts with the
    chance (1 - reached / n)^n.
    """
    best, n, reached = found.ends[0], found.begun, times_reached(found.ends)
    if not best.climb.converged or best.spike.any():
        return
    missed = (1 - reached / n) ** n > RARELY and not settled(found.ends)
    if reached == 1 or missed:
        few = (
            f"one start{f' of {n}' if n > 1 else ''}"
            if reached == 1
            else f"{reached} of {n} starts"
        )
        more = max(5 * n, MOST)
        yield (
            f"only {few} reached the best optimum: a higher one may exist; try more starts "
            f"(--starts {more}, starts={more})"
        )
