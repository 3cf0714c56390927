"""Heights of volunteers whose sex nobody wrote down: half women, half men.

The lecture's problem: both means, both spreads and the shares, from heights alone. EM counts each
person by tenths: someone of 1.90 m who is a man with probability 0.9 adds 0.9 men and 1.71 m to
the men. With 10,000 people two codes that share nothing say the same; with 200 they cannot tell.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from comparisons.comparison import Comparison, second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.pictures import heights as drawn
from models import Gaussian, Mixture, Sample

if TYPE_CHECKING:
    from comparisons.pages.steps import Cells
    from comparisons.studies import Setting

__all__ = ["PEOPLE", "TRUTH", "measured", "tell", "volunteers", "worked"]

PEOPLE = 10_000  # with which nine samples in ten agree (comparisons/trust/cases.py)
TRUTH = Mixture(
    np.array([0.5, 0.5]), Gaussian(mean=np.array([163.0, 175.0]), sd=np.array([6.0, 7.0]))
)  # women, then men, in centimetres
TALL, SMALL = (1.90, 0.9), (1.55, 0.2)  # the lecture's two people: metres, probability of a man
SURE = (0.5, 0.7, 0.9, 0.99, 1.0)  # classes of how sure EM is of a person
SHOWN = 5  # people whose probabilities are printed


def measured(people: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return heights to the millimetre, and sex, of as many women (0) as men (one more if odd).

    >>> heights, sex = measured(5, np.random.default_rng(0))
    >>> sex.tolist()
    [0, 0, 1, 1, 1]
    """
    sex = np.repeat([0, 1], [people // 2, people - people // 2])
    return TRUTH.theta.draw(sex, rng, None).round(1), sex


def volunteers(people: int, rng: np.random.Generator) -> Sample:
    """Return the heights alone.

    >>> volunteers(200, np.random.default_rng(0)).observations
    200
    """
    return Sample(measured(people, rng)[0])


def tell(setting: Setting) -> Story:
    """Measure the volunteers, ask both codes, and look who was misassigned.

    >>> from comparisons.studies import Setting
    >>> tell(Setting(people=1))
    Traceback (most recent call last):
    models.refusal.Refusal: k is 2, but x has 1 distinct values; give at most as many components
    """
    heights, sex = measured(setting.people or PEOPLE, np.random.default_rng(setting.seed))
    ask = partial(second_opinion, Gaussian, Sample(heights), 2, truth=TRUTH)
    comparison = ask(seed=setting.seed, progress=setting.progress)
    comparison.name_columns(["height in cm"])
    steps = (worked(), sureness(comparison, heights, sex), some(comparison))
    alt = "Heights of women and men with EM's misassignments, and each person's probabilities."
    draw = partial(drawn.misassigned, comparison, heights, sex, probability)
    pictures = (Picture("misassigned", "Who is misassigned", alt, draw),)
    return Story(steps, learned(comparison), pictures, comparison)


def worked() -> Steps:
    """Return the lecture's soft counts of two people: share, share times height, and the means.

    >>> worked().words()[-1]
    ['mean', '–', '1.8364', '–', '1.5889']
    """
    rows: list[Cells] = []
    sums = np.zeros(4)
    for x, r in (TALL, SMALL):
        counts = np.array([r, r * x, 1 - r, (1 - r) * x])
        rows.append((f"{x:.2f} m", *counts))
        sums += counts
    columns = dict.fromkeys(("person", "men", "men's metres", "women", "women's metres"), ".5g")
    rows += [("sum", *sums), ("mean", None, sums[1] / sums[0], None, sums[3] / sums[2])]
    return Steps("Two people, counted as 0.9 and 0.2 of a man", columns, rows)


def probability(heights: np.ndarray) -> np.ndarray:
    """Return the true probability that somebody of such a height is a man."""
    women, men = (norm.pdf(heights, *one) for one in zip(*TRUTH.theta, strict=True))
    return men / (women + men)


def shares(comparison: Comparison, heights: np.ndarray) -> np.ndarray:
    """Return each person's probability of the taller group, (n, 4): EM, posterior, low, high."""
    x, _, *each = comparison.memberships.ascending
    at = np.searchsorted(x, heights)
    return np.stack([one[at, 1] for one in each], axis=1)


def sureness(comparison: Comparison, heights: np.ndarray, sex: np.ndarray) -> Steps:
    """Return who is misassigned, by how sure EM is of them, and against the best possible."""
    share = shares(comparison, heights)
    sure, rows = np.maximum(share[:, 0], 1 - share[:, 0]), []
    of_a_man = np.stack([share[:, 0], share[:, 1], probability(heights)])
    each = np.vstack([1 - sure, (of_a_man > 0.5) != sex])
    for low, high in (*pairwise(SURE), (SURE[0], SURE[-1])):
        own = (sure >= low) & ((sure < high) | (high == 1))
        shown = each[:, own].mean(axis=1) if own.any() else [None] * 4
        rows.append((f"{low:.0%} to {high:.0%}", own.sum(), *shown))
    columns = {"EM's certainty": "", "people": ",d"}
    columns |= dict.fromkeys(("expected errors", "actual errors", "posterior", "best"), ".1%")
    return Steps("Errors of assignment by certainty; the last row is everybody", columns, rows)


def some(comparison: Comparison) -> Steps:
    """Return how sure one is that people across the heights are men."""
    x = np.quantile(comparison.memberships.x, np.linspace(0, 1, SHOWN), method="nearest")
    rows = list(zip(x, *shares(comparison, x).T, probability(x), strict=True))
    columns = ("height in cm", "P(man), EM", "posterior", "from", "to (95%)", "true")
    forms = dict.fromkeys(columns, ".3f") | {columns[0]: ".1f"}
    return Steps("Probability of being a man, for five of them", forms, rows)


def learned(comparison: Comparison) -> str:
    """Say what these heights taught."""
    frame, n = comparison.to_frame(), comparison.observations
    low, high = (
        "{:.1f} cm (95%: {:.1f} to {:.1f})".format(*frame.loc[label, ["mean", "low", "high"]])
        for label in ("mean[0]", "mean[1]")
    )
    if comparison.verdict == "agree":
        return (
            f"From {n:,} heights alone, women average {low} and men {high}; EM and the posterior "
            "agree on every parameter. (True: 163 and 175.)"
        )
    return (
        f"These {n:,} heights do not separate two groups reliably. The posterior mean is {low} for "
        f"the shorter group, {high} for the taller one. With 10,000 heights they can usually be "
        "told apart."
    )


if __name__ == "__main__":
    tell_file(__file__)
