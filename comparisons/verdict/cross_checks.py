"""What each side claims of itself, computed anew from the other's pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import em
from bayes.posterior.tree import mixture_of
from models.family import entries
from models.mixture import take

if TYPE_CHECKING:
    import xarray as xr

    from bayes.mixture import Question
    from bayes.sampling.compiled import Engine
    from models import Mixture
    from models.arrays import Array

__all__ = ["OURS", "copied", "curvature", "density_gap"]

OURS = "bayes.sample"  # what made a posterior whose density is known in the coordinates it explored
STEP = 1e-3  # in explored coordinates, whose scale is about one
POSITIONS = 8_000  # at which differences are taken, at most; more parameters mean fewer draws
FEWEST, MOST = 10, 200  # draws at which the density is compared
STEADY = 1e-4  # nats by which two step sizes may differ; near an edge rounding eats differences
RUN = 10  # draws in a row that two chains share only if one is a copy, to whatever digits
BEND = 0.004  # standard errors: a step whose fourth power is lost beside its square, if
DIGITS = 1e-4  # of that square are more than rounding leaves; with many observations it is longer
STRAIGHT = 0.02  # share by which the falls of two steps may differ


def density_gap(tree: xr.DataTree, question: Question, engine: Engine, heights: Array) -> float:
    """Return the sd over draws of PyMC's log density less EM's, NaN where it cannot be compared.

    PyMC's is what the sampler explored, in coordinates z. EM's is its log-likelihood and its log
    prior at x, and log |dx / dz| by differences. Reweighting draws by a density that is off by a
    factor whose logarithm has sd s moves no mean by more than s of its sds.

    heights: EM's log-likelihood (n,) of every draw.
    """
    if tree.attrs.get("made_by") != OURS:
        return np.nan
    raw = mixture_of(tree, question.component.family)
    p = engine.pack(question, take(raw, np.zeros(1, np.intp))).shape[1]
    wanted = int(np.clip(POSITIONS // (4 * p), FEWEST, MOST))
    some = np.linspace(0, len(heights) - 1, min(wanted, len(heights))).astype(np.intp)
    mixtures = take(raw, some)
    z = engine.pack(question, mixtures)
    near, far = (_slopes(engine, question, z, step) for step in (STEP, 2 * STEP))
    with np.errstate(all="ignore"):
        steady = np.abs(np.linalg.slogdet(near)[1] - np.linalg.slogdet(far)[1]) < STEADY
        volume = np.linalg.slogdet((4 * near - far) / 3)[1]  # Richardson: the error is of h^4
    if steady.sum() < FEWEST:
        return np.nan
    log_prior = em.log_prior(question.prior, mixtures, equal_weights=question.equal_weights)
    explored = tree["sample_stats"]["lp"].to_numpy().ravel()[some]
    apart = (explored - (heights[some] + log_prior + volume))[steady]
    return float(apart.std()) if np.isfinite(apart).all() else np.inf


def _slopes(engine: Engine, question: Question, z: Array, step: float) -> Array:
    """Return dx / dz (n, p, p) at positions (n, p), by central differences."""
    n, p = z.shape
    moves = step * np.stack([np.eye(p), -np.eye(p)], axis=1)  # (p, 2, p)
    around = (z[None, None] + moves[:, :, None]).reshape(-1, p)
    mixtures = engine.mixtures(question, around)
    x = em.coordinates_of(mixtures, equal_weights=question.equal_weights).reshape(p, 2, n, -1)
    slopes: Array = ((x[:, 0] - x[:, 1]) / (2 * step)).transpose(1, 2, 0)
    return slopes


def curvature(engine: Engine, question: Question, at: em.Fit) -> float:
    """Return by what factor PyMC's likelihood bends otherwise than EM's standard errors say.

    With C the covariance that the errors come from, the log-likelihood falls by e^2 / 2 at e
    C_j / sqrt(C_jj) to either side of the maximum, e small, or 2 l(0) - l(+) - l(-) = e^2; the
    factor is the largest of their quotients or the inverse of the least. NaN without errors, and
    where two steps do not agree because the likelihood is nowhere near a parabola.
    """
    if at.information is None or not np.isfinite(at.standard_errors.weight).all():
        return np.nan
    with np.errstate(all="ignore"):
        covariance = np.linalg.inv(at.information)
        unit = (covariance / np.sqrt(np.diagonal(covariance))).T
    rounding = np.finfo(float).eps * (1 + abs(at.log_likelihood))
    step = max(BEND, float(np.sqrt(rounding / DIGITS)))
    far, near = (_fall(engine, question, at, unit, one) for one in (step, step / 2))
    with np.errstate(all="ignore"):
        steady = np.abs(far - near) <= STRAIGHT * np.abs(near)
        fall = (4 * near - far)[steady] / 3  # Richardson: the fourth power goes
    if len(fall) == 0:
        return np.nan
    return float(max(fall.max(), 1 / fall.min())) if fall.min() > 0 else np.inf


def _fall(engine: Engine, question: Question, at: em.Fit, unit: Array, step: float) -> Array:
    """Return (2 l(0) - l(+) - l(-)) / step^2 of PyMC's log-likelihood along (p, p) directions."""
    moves = np.concatenate([0 * unit[:1], step * unit, -step * unit])
    with np.errstate(all="ignore"):  # a step may leave the parameter space
        positions = engine.pack(question, em.displaced(at, moves))
        middle, *sides = engine.log_likelihoods(question, positions)
        plus, minus = np.split(np.array(sides), 2)
        return (2 * middle - plus - minus) / step**2


def copied(draws: Mixture, sizes: tuple[int, int]) -> float:
    """Return the share of runs of draws that an earlier chain has as well, number by number."""
    fields = [draws.weight, *entries(draws.theta).values()]
    rows = np.concatenate([field.reshape(len(field), -1) for field in fields], axis=1)
    seen: set[bytes] = set()
    again = runs = 0
    for chain in np.ascontiguousarray(rows.reshape(*sizes, -1)):
        own = [chain[at : at + RUN].tobytes() for at in range(len(chain) - RUN + 1)]
        again += sum(one in seen for one in own)
        runs += len(own)
        seen.update(own)
    return again / runs
