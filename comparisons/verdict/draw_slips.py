"""Name the slip behind draws that miss the identities of their posterior.

The hypotheses about fields are those about estimates (`undone`): draws with a field changed back
obey the identities. Other hypotheses are about the density: its gradient is a sum of those of the
log-likelihood, the log prior and the log Jacobian. If the draws come from a density in which one
of the parts has another factor, the identities hold for the sum with that factor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from bayes.posterior.effective import mean_errors
from bayes.posterior.stein import identities, probed_of, worst_violations
from bayes.sampling.compiled import engine_of
from comparisons import thresholds as limit
from comparisons.verdict import undone
from comparisons.verdict.seen import BROKEN, with_fields
from comparisons.verdict.slips import HYPOTHESES, Hypothesis, Slip
from models.arrays import spaced
from models.sample import Sample
from models.structure import drawn_at, fields_of, shares_of, summing_to_one

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayes.posterior.stein import Probed
    from bayes.posterior.tree import Posterior
    from bayes.sampling.compiled import Engine
    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure

__all__ = ["slip_of_draws", "slip_without_prior"]

MOST = 1_000  # draws that are looked at
FEW = 100  # of them that say whether a changed draw is likelier
STEP = 1e-4  # of a position, for the prior's slope by differences
AROUND = 3  # times a factor is found anew with the errors at the last one
NEAR = 0.12  # by which a factor may miss the one that has a name,
SURE = 4.0  # or errors of it
FAR = 5.0  # sds of chi-squared by which a mean deviance is far off
TRIED = -0.1  # sds by which all fields are moved to see what that does
EDGED = 0.015  # share of draws next to the least: 0.1% of a normal, 4% if a fifth is cut off
PAIRS = 40  # numbers of trials that are tried as a cut, at most


@dataclass(frozen=True, eq=False)
class Drawn:
    """Draws that miss the identities, as the hypotheses see them.

    question: what was asked; probed: the draws; worst: their largest violation.
    """

    question: Question[Any, Any]
    probed: Probed
    worst: float

    @property
    def estimate(self) -> Structure:
        """The draws, with a leading axis."""
        return self.probed.structures

    @property
    def k(self) -> int:
        """How many components there are."""
        return self.question.k

    @cached_property
    def engine(self) -> Engine:
        """PyMC's functions."""
        return engine_of(self.question)

    @property
    def flat(self) -> Array:
        """The positions (n, p)."""
        return self.probed.positions.reshape(-1, self.probed.positions.shape[2])

    def slopes(self, question: Question[Any, Any]) -> Array:
        """Return the gradients (chains, draws, p) under another question of the same kind."""
        return self.engine.slopes(question, self.flat).reshape(self.probed.slopes.shape)

    @cached_property
    def of_likelihood(self) -> Array:
        """The gradient of the log-likelihood: what a second count of all rows adds."""
        twice = self.question.of(_recounted(self.question.rows, 2.0))
        return self.slopes(twice) - self.probed.slopes

    @cached_property
    def of_prior(self) -> Array:
        """The gradient of the log prior, by differences."""
        flat = self.flat
        found = np.empty_like(flat)
        for at in range(flat.shape[1]):
            move = STEP * np.eye(flat.shape[1])[at]
            up, down = (self.engine.log_priors(self.question, flat + by) for by in (move, -move))
            found[:, at] = (up - down) / (2 * STEP)
        return found.reshape(self.probed.slopes.shape)


def slip_of_draws(posterior: Posterior, worst: float) -> Slip | None:
    """Return the slip that explains draws that miss the identities, None if none does.

    worst: their largest violation, in Monte Carlo errors.

    >>> from bayes.posterior.tree import posterior_of
    >>> slip_of_draws(posterior_of(posterior), 0.0) is None
    True
    """
    question = posterior.question
    if worst <= limit.TARGET or not isinstance(question.data, Sample):
        return None
    held = _not_sampled(posterior)
    if held is not None:
        return held
    drawn = Drawn(question, probed_of(posterior, MOST), worst)
    for hypothesis in (_changed, _other_data, _cut_off, _other_density, _shifted):
        found = min(hypothesis(drawn), key=lambda slip: slip.left, default=None)
        if found is not None:
            return found
    return None


def slip_without_prior(posterior: Posterior, highest: float, p: int) -> Slip | None:
    """Return the change of fields that explains draws whose prior is unknown, None if none does.

    The identities cannot be tested, but in a regular problem the mean deviance is about p. A change
    is the cause if without it the mean is many of chi-squared's sds away, and with it near.

    highest: the log-likelihood of EM's maximum; p: the number of free parameters.

    >>> from bayes.posterior.tree import posterior_of
    >>> slip_without_prior(posterior_of(posterior), fit.log_likelihood, 3) is None
    True
    """
    question = posterior.question
    drawn = Drawn(question, probed_of(posterior, MOST), np.nan)

    def shift(heights: Array) -> float:
        return float((2 * (highest - heights).mean() - p) / np.sqrt(2 * p))

    if shift(drawn.engine.log_likelihoods(question, drawn.flat)) <= FAR:
        return None
    few = np.arange(len(drawn.flat))
    for one in HYPOTHESES:
        for _, _, says, structures in _ranked(drawn, one, few):
            positions = drawn.engine.pack(question, structures)
            left = shift(drawn.engine.log_likelihoods(question, positions))
            if abs(left) <= limit.DEVIANCE_SHIFT:
                return Slip(one.code, says.replace("maximum", "posterior"), one.remedy, left)
    return None


def _accepted(drawn: Drawn, left: float) -> bool:
    """Whether a hypothesis leaves no violation, and there was one in the draws looked at."""
    before = max(worst_violations(identities(drawn.probed.positions, drawn.probed.slopes)))
    return left <= limit.TARGET and left <= before / 2


def _not_sampled(posterior: Posterior) -> Slip | None:
    """Return the slip of shares that were held."""
    free = [n for n in shares_of(posterior.draws) if n not in posterior.question.held]
    for name in free:
        field = shares_of(posterior.draws)[name]
        if posterior.question.k > 1 and np.ptp(field, axis=0).max() == 0:
            return Slip(
                "equal_shares",
                f"{name} is the same in all draws: it was held fixed",
                "Use equal_weights, or sample the shares.",
                0.0,
            )
    return None


def _changed(drawn: Drawn) -> Iterator[Slip]:
    """Yield what a change of the draws' fields explains, simplest first."""
    few = spaced(len(drawn.flat), FEW)
    for one in HYPOTHESES:
        for _, _, says, structures in _ranked(drawn, one, few):
            left = _violation(drawn, drawn.question, structures)
            if _accepted(drawn, left):
                yield Slip(one.code, says.replace("maximum", "posterior"), one.remedy, left)
                return


def _ranked(drawn: Drawn, one: Hypothesis, few: Labels) -> list[tuple[float, int, str, Structure]]:
    """Return the likeliest changed draws of a hypothesis about fields, as sorted by height.

    few: places of the draws that are looked at.
    """
    if one.way != "maximum" or one.changes is undone.minus_one:
        return []
    try:
        candidates = list(cast("Any", one.changes)(drawn))
    except BROKEN:
        return []
    ranked: list[tuple[float, int, str, Structure]] = []
    for says, structures in candidates:
        with np.errstate(all="ignore"):
            try:
                positions = drawn.engine.pack(drawn.question, drawn_at(structures, few))
                heights = drawn.engine.log_likelihoods(drawn.question, positions)
            except BROKEN:
                continue
        height = float(np.median(heights))
        if np.isfinite(positions).all() and np.isfinite(height):
            ranked.append((-height, len(ranked), says, structures))
    return sorted(ranked, key=lambda each: each[:2])[:2]


def _violation(drawn: Drawn, question: Question[Any, Any], structures: Structure) -> float:
    """Return the largest violation of other draws, or under another question."""
    terms = _terms(drawn, structures, question)
    return np.inf if terms is None else max(worst_violations(terms))


def _terms(
    drawn: Drawn, structures: Structure, question: Question[Any, Any] | None = None
) -> tuple[Array, Array] | None:
    """Return the terms of the identities of other draws, None for impossible ones."""
    asked = drawn.question if question is None else question
    with np.errstate(all="ignore"):
        try:
            flat = drawn.engine.pack(asked, structures)
        except BROKEN:
            return None
    if not np.isfinite(flat).all():
        return None
    slopes = drawn.engine.slopes(asked, flat)
    shape = drawn.probed.positions.shape
    return identities(flat.reshape(shape), slopes.reshape(shape))


def _recounted(sample: Sample, by: float) -> Sample:
    """Return a sample whose rows occur so many times as often."""
    times = np.asarray(sample.counts * by)
    return Sample(sample.x, sample.trials, np.rint(times).astype(np.int64))


def _other_data(drawn: Drawn) -> Iterator[Slip]:
    """Yield which other data explain the draws: rows counted once, trials that were cut."""
    question, sample = drawn.question, drawn.question.rows
    if not sample.each_once:
        left = _violation(drawn, question.of(Sample(sample.x, sample.trials)), drawn.estimate)
        if _accepted(drawn, left):
            says = "they fit the distinct rows, each counted once"
            yield Slip("counts_ignored", says, "Count each row as often as it occurred.", left)
    if sample.trials is not None and np.ptp(sample.trials) > 0:
        yield from _cut(drawn)


def _cut(drawn: Drawn) -> Iterator[Slip]:
    """Yield numbers at which trials, and the heads among them, may have been cut off."""
    question, sample = drawn.question, drawn.question.rows
    assert sample.trials is not None
    for most in np.unique(sample.trials)[:-1][-PAIRS:]:
        trials = np.minimum(sample.trials, most)
        data = Sample(np.minimum(sample.x, trials), trials, sample.counts)
        left = _violation(drawn, question.of(data), drawn.estimate)
        if _accepted(drawn, left):
            says = f"they fit data whose trials were cut off at {most:g}"
            yield Slip("truncated_trials", says, "Keep all trials.", left)


def _other_density(drawn: Drawn) -> Iterator[Slip]:
    """Yield which factor of the likelihood, the prior or the Jacobian explains the draws."""
    likelihood, prior = drawn.of_likelihood, drawn.of_prior
    jacobian = drawn.probed.slopes - likelihood - prior
    found = []
    for part, slopes in (("jacobian", jacobian), ("likelihood", likelihood), ("prior", prior)):
        found.append((part, *_factor(drawn, slopes)))
    for name, slopes in _records(drawn):
        found.append((name, *_factor(drawn, slopes)))
    for name, factor, error, left in found:
        if _accepted(drawn, left):
            slip = _said(drawn, name, factor, max(NEAR, SURE * error), left)
            if slip is not None:
                yield slip
                if slip.code != "wrong_prior":  # a name of its own before one of many priors
                    return


def _said(drawn: Drawn, name: str, factor: float, near: float, left: float) -> Slip | None:
    """Return what a factor of a part of the density means."""
    if name == "jacobian":
        if abs(factor) > near:
            return None
        says = "they fit a density without the Jacobian of its transformation"
        return Slip("no_jacobian", says, "Add the log Jacobian of each transformation.", left)
    if name == "likelihood":
        for known, code, says in (
            (2.0, "counted_twice", "they fit data that are counted twice"),
            (0.5, "tempered", "they fit the square root of the likelihood (temperature 2)"),
        ):
            if abs(factor / known - 1) <= NEAR:
                return Slip(code, says, "Count the likelihood once, with its full weight.", left)
        narrow = factor > 1
        by = factor**-0.5
        return Slip(
            "narrow_draws" if narrow else "wide_draws",
            f"they are {by:.2f} times as wide as the posterior",
            "Keep all draws. Do not rescale them.",
            left,
        )
    if name == "prior":
        times = f"to the power {factor:.2g}"
        return Slip("wrong_prior", f"they fit the prior {times}", "", left)
    record = drawn.question.prior.theta._asdict()
    says = f"they fit another prior: every number of its record changed by {factor - 1:+.3g}"
    if name in record:
        value = float(record[name]) + factor - 1
        says = f"they fit another prior: {name} {value:.3g} instead of {record[name]:.3g}"
    return Slip("wrong_prior", says, "Give the prior that was used.", left)


def _records(drawn: Drawn) -> Iterator[tuple[str, Array]]:
    """Yield the gradient's change for each number of the prior's record that is one more."""
    record = drawn.question.prior.theta
    numbers = {n: one for n, one in record._asdict().items() if np.ndim(one) == 0}
    changes = [(name, {name: float(one) + 1}) for name, one in numbers.items()]
    if len(numbers) > 1:
        changes.append(("all of them", {name: float(one) + 1 for name, one in numbers.items()}))
    for name, change in changes:
        prior = drawn.question.prior._replace(theta=cast("Any", record)._replace(**change))
        try:
            yield name, drawn.slopes(replace(drawn.question, given=prior)) - drawn.probed.slopes
        except BROKEN:
            continue


def _factor(drawn: Drawn, part: Array) -> tuple[float, float, float]:
    """Return the factor of a part of the gradient for which the identities hold, its error, and
    the largest violation that it leaves.

    The terms are linear in the factor. It minimises the sum of squares of their means, each over
    its Monte Carlo error at the last factor.
    """
    positions, slopes = drawn.probed.positions, drawn.probed.slopes
    base = np.concatenate(identities(positions, slopes), axis=2)
    more = np.concatenate(identities(positions, slopes + part), axis=2) - base
    added = 0.0
    for _ in range(AROUND):
        errors = _errors(base + added * more)
        here, slope = base.mean(axis=(0, 1)) / errors, more.mean(axis=(0, 1)) / errors
        if not np.isfinite(slope).all() or not slope @ slope > 0:
            return np.nan, np.inf, np.inf
        added = float(-(here @ slope) / (slope @ slope))
    error = float((slope @ slope) ** -0.5)
    left = max(worst_violations(identities(positions, slopes + added * part)))
    return 1 + added, error, left


def _shifted(drawn: Drawn) -> Iterator[Slip]:
    """Yield by how many of their sds all fields lie too high, if that explains the draws."""
    fields, sds = fields_of(drawn.estimate), {}
    for name, one in fields.items():
        sds[name] = one.std(axis=0)

    def at(by: float) -> tuple[Array, float]:
        moved = {name: one + by * sds[name] for name, one in fields.items()}
        structures = summing_to_one(with_fields(drawn.estimate, moved))
        terms = _terms(drawn, structures)
        if terms is None:
            return np.full(1, np.nan), np.inf
        return terms[0].mean(axis=(0, 1)), max(worst_violations(terms))

    here, there = at(0.0)[0], at(TRIED)[0]
    slope = (there - here) / TRIED
    if not np.isfinite(slope).all() or not slope @ slope > 0:
        return
    errors = _errors(drawn.probed.slopes)
    by = float(-(here / errors) @ (slope / errors) / ((slope / errors) @ (slope / errors)))
    left = at(by)[1]
    if _accepted(drawn, left):
        way = "high" if by < 0 else "low"
        says = f"all parameters are {abs(by):.2g} posterior sds too {way}"
        yield Slip("shifted_draws", says, "Compare the draws with those that were saved.", left)


def _cut_off(drawn: Drawn) -> Iterator[Slip]:
    """Yield where draws are cut off: at a low density, or at a value of a coordinate.

    Of draws with a tail hardly any lie in the tenth next to the least of the way to the median: of
    a normal 0.1%. Of draws that are cut off at a fifth of them 4% do.
    """
    shape = drawn.probed.positions.shape
    heights = drawn.engine.explored(drawn.question, drawn.flat).reshape(shape[:2])
    each = float(np.mean([_next_to_least(one) for one in heights]))
    if each > EDGED:
        yield Slip(
            "likeliest_draws",
            f"each chain stops at a least density, next to which {each:.1%} of its draws lie: the "
            "less likely ones are missing",
            "Keep all draws.",
            0.0,
        )
        return
    for at in range(shape[2]):
        for sign, side in ((1, "low"), (-1, "high")):
            share = _next_to_least(sign * drawn.flat[:, at])
            if share > EDGED:
                yield Slip(
                    "cut_draws",
                    f"they stop at a {side} value of coordinate {at}, next to which {share:.1%} "
                    "lie: a part of them is missing",
                    "Keep all draws, diverging ones too.",
                    0.0,
                )
                return


def _next_to_least(values: Array) -> float:
    """Return the share of values in the tenth next to the least of the way to the median."""
    least, middle = values.min(), np.median(values)
    return float((values < least + 0.1 * (middle - least)).mean())


def _errors(terms: Array) -> Array:
    """Return the Monte Carlo errors (m,) of the means of (chains, draws, m) terms."""
    return mean_errors(np.moveaxis(terms, 2, 0))
