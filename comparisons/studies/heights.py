"""Heights of volunteers whose sex nobody wrote down: half women, half men.

The lecture's problem: both means, both spreads and the shares, from heights alone. With 10,000
people two codes that share nothing say the same; with 200 the heights cannot tell.
"""

from __future__ import annotations

import numpy as np

from comparisons.comparison import Comparison, second_opinion
from comparisons.inputs import name_columns
from comparisons.studies import Story
from models import Gaussian, Mixture, Sample

__all__ = ["PEOPLE", "TRUTH", "tell", "volunteers"]

PEOPLE = 10_000
MANY = 10_000  # of which nine samples in ten agree (comparisons/calibration.py)
TRUTH = Mixture(
    np.array([0.5, 0.5]), Gaussian(mean=np.array([163.0, 175.0]), sd=np.array([6.0, 7.0]))
)
"""Women, then men, in centimetres."""


def volunteers(people: int, rng: np.random.Generator) -> Sample:
    """Return heights to the millimetre of as many women as men (one man more if odd)."""
    women = people // 2
    sex = np.repeat([0, 1], [women, people - women])
    return Sample(TRUTH.theta.draw(sex, rng, None).round(1))


def tell(people: int | None, seed: int, *, progress: bool = True) -> Story:
    """Measure the volunteers and ask both codes."""
    heights = volunteers(people or PEOPLE, np.random.default_rng(seed))
    comparison = second_opinion(Gaussian, heights, 2, seed=seed, truth=TRUTH, progress=progress)
    name_columns(comparison.tree, ["height in cm"])
    return Story(comparison, learned(comparison))


def learned(comparison: Comparison) -> str:
    """Say what these heights taught."""
    frame = comparison.to_frame()
    n = comparison.tree.attrs["observations"]
    low, high = (
        f"{frame.loc[label, 'mean']:.1f} cm (95%: {frame.loc[label, 'low']:.1f} to "
        f"{frame.loc[label, 'high']:.1f})"
        for label in ("mean[0]", "mean[1]")
    )
    if comparison.verdict == "agree":
        return (
            f"From {n:,} heights alone, women average {low} and men {high}; EM and the posterior "
            "say the same of every parameter. (True: 163 and 175.)"
        )
    more = " Ten thousand heights mostly do." if n < MANY else " Other samples as large mostly do."
    return (
        f"These {n:,} heights do not tell two groups apart reliably: the posterior gives the "
        f"shorter group an average of {low}, the taller one {high}.{more}"
    )
