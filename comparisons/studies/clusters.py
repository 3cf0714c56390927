"""How is EM clustering different from K-means?

K-means asks which centre is nearest: it is hard EM with one round covariance for all groups and
equal shares. So it cuts long groups, and gives a large one's edge to a small neighbour. EM learns
shapes and shares too and says how sure it is of each point; the posterior says how sure of that.
"""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import multivariate_normal

from comparisons.comparison import Comparison, second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.pictures import clusters as drawn
from em import Fit, fit
from models import Mixture, MultivariateGaussian, Sample, simulate

if TYPE_CHECKING:
    from comparisons.studies import Setting

__all__ = ["NAMES", "POINTS", "ROUND", "TRUTH", "best_possible", "kmeans", "matched", "tell"]

POINTS, SHOWN, NAMES = 600, 5, ("large", "long", "small")  # five in a table
MEANS = [[0.0, 0.0], [2.5, 4.5], [6.5, -1.0]]
SHAPES = [[[9.0, 4.8], [4.8, 3.4]], [[4.8, -2.0], [-2.0, 1.4]], [[0.5, 0.0], [0.0, 0.5]]]
TRUTH = Mixture(np.array([0.6, 0.3, 0.1]), MultivariateGaussian(np.array(MEANS), np.array(SHAPES)))
ROUND = MultivariateGaussian.with_covariance("tied-spherical")
DOUBT, WIDE = 0.9, 0.2  # a membership below, and an interval of a membership above


def tell(setting: Setting) -> Story:
    """Cluster the same points by both, and ask the posterior about the memberships."""
    sample, drawn_from = simulate(TRUTH, POINTS, np.random.default_rng(setting.seed))
    truth = drawn_from[np.argsort(sample.inverse)]  # in the order of the rows, which are distinct
    ask = partial(second_opinion, MultivariateGaussian, sample, 3, truth=TRUTH)
    comparison = ask(seed=setting.seed, progress=setting.progress)
    comparison.name_columns(["x", "y"])
    nearest, rows = kmeans(sample, setting.seed), Sample(sample.x)
    each = comparison.memberships
    labels = {
        "K-means": nearest.assign(rows),
        "EM, one round covariance": fit(ROUND, sample, 3, seed=setting.seed).assign(rows),
        "EM": each.em.argmax(axis=1),
        "the posterior": each.posterior.argmax(axis=1),
        "knowing the truth": best_possible(sample.x),
    }
    found = {name: matched(one, truth) for name, one in labels.items()}
    wrong = {name: float((one != truth).mean()) for name, one in found.items()}
    said, centres = learned(wrong, comparison), nearest.mixture.theta.mean
    cut = f"K-means' cuts, {wrong['K-means']:.1%} wrong, and EM's, {wrong['EM']:.1%} wrong."
    cuts = partial(drawn.partitions, comparison, NAMES, centres, found, truth)
    sure = partial(drawn.doubts, comparison, NAMES, WIDE)
    pictures = (
        Picture("partitions", "K-means and EM", cut, cuts),
        Picture("doubts", "How sure the memberships are", said[said.index("EM is less") :], sure),
    )
    steps = (mistakes(found, truth), doubts(comparison, truth))
    return Story(steps, said, pictures, comparison)


def kmeans(sample: Sample, seed: int = 0) -> Fit[Mixture[MultivariateGaussian]]:
    """Return K-means' result: hard EM, equal shares, one round covariance for all groups.

    >>> points = Sample([[0.0, 0.0], [0.1, 0.0], [5.0, 0.0], [5.1, 0.0], [0.0, 5.0], [0.1, 5.0]])
    >>> sorted(np.bincount(kmeans(points).assign(points)).tolist())
    [2, 2, 2]
    """
    return fit(ROUND, sample, len(NAMES), hard=True, equal_weights=True, seed=seed)


def matched(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the labels (n,) under the names that agree best with the true ones.

    >>> matched(np.array([2, 2, 0, 1]), np.array([0, 0, 1, 2])).tolist()
    [0, 0, 1, 2]
    """
    names = np.array(list(permutations(range(len(NAMES)))))[:, labels]
    return names[(names == truth).sum(axis=1).argmax()]


def best_possible(x: np.ndarray) -> np.ndarray:
    """Return the likeliest group of each row (n, 2) under the truth: nobody errs less.

    >>> best_possible(np.array(MEANS)).tolist()
    [0, 1, 2]
    """
    pairs = zip(TRUTH.weight, *TRUTH.theta, strict=True)
    return np.argmax([w * multivariate_normal(m, cov).pdf(x) for w, m, cov in pairs], axis=0)


def mistakes(found: dict[str, np.ndarray], truth: np.ndarray) -> Steps:
    """Return how many points each way puts into a wrong group, and how many into the small one."""
    rows = []
    for name, labels in found.items():
        wrong = labels != truth
        each = [wrong[truth == group].mean() for group in range(len(NAMES))]
        rows.append((name, int(wrong.sum()), wrong.mean(), *each, (labels == 2).mean()))
    heads = ("of all", *NAMES, "called small")
    columns = {"by": "", "wrong": "d"} | dict.fromkeys(heads, ".1%")
    title = f"Errors among {POINTS} points, {(truth == 2).mean():.1%} of them in the small group"
    return Steps(title, columns, rows)


def doubts(comparison: Comparison, truth: np.ndarray) -> Steps:
    """Return the points of whose memberships the posterior is least sure."""
    both, rows = comparison.memberships, []
    for row in np.argsort(-widths(comparison))[:SHOWN]:
        x, _, *probabilities = both.at(row)
        group = both.em[row].argmax()
        each = [float(one[group]) for one in probabilities]
        rows.append((*x, NAMES[truth[row]], NAMES[group], *each))
    forms = {"x": ".2f", "y": ".2f", "truly": "", "likeliest": ""}
    forms |= dict.fromkeys(("by EM", "posterior", "from", "to (95%)"), ".2f")
    return Steps("The least certain memberships", forms, rows)


def widths(comparison: Comparison) -> np.ndarray:
    """Return the width of the widest 95% interval of each point's memberships, (n,)."""
    both = comparison.memberships
    widest: np.ndarray = (both.high - both.low).max(axis=1)
    return widest


def learned(wrong: dict[str, float], comparison: Comparison) -> str:
    """Say how both differ, and what the posterior adds."""
    unsure = (comparison.memberships.em.max(axis=1) < DOUBT).sum()
    return (
        f"K-means puts {wrong['K-means']:.1%} of the points into a wrong group, EM "
        f"{wrong['EM']:.1%}, the true model {wrong['knowing the truth']:.1%}. EM is less "
        f"than {DOUBT:.0%} sure of {unsure} of {POINTS} points; the posterior's 95% interval of a "
        f"membership is wider than {WIDE} for {(widths(comparison) > WIDE).sum()}."
    )


if __name__ == "__main__":
    tell_file(__file__)
