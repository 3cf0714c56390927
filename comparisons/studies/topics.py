"""What a table of counts is made of: components that groups mix, each in shares of its own.

People of New York by their mental health and their parents' status (Srole et al. 1962; `Mental` of
the R package vcdExtra). Two components fit, but so do many others. Documents from three topics show
what fixes them: words that only one topic has.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons.comparison import second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.calculations.corpus import TOPICS, Corpus, apart, corpus, matched, widths
from comparisons.studies.pictures import topics as drawn
from em import Fit, fit
from em.solutions import solutions_of
from models import Categorical, Groups

if TYPE_CHECKING:
    from comparisons.comparison import Comparison
    from comparisons.studies import Setting

__all__ = ["COUNTS", "HEALTH", "MENTAL", "tell"]

HEALTH = ("Well", "Mild", "Moderate", "Impaired")
COUNTS = np.array(
    [  # a row for each status of the parents, 1 is high
        (64, 94, 58, 46),
        (57, 94, 54, 40),
        (57, 105, 65, 60),
        (72, 141, 77, 94),
        (36, 97, 54, 78),
        (21, 71, 54, 71),
    ]
)
STATUS = tuple(f"status {one}" for one in range(1, len(COUNTS) + 1))
MENTAL = Groups.from_table(COUNTS, groups=STATUS, categories=HEALTH)
MOST, STARTS = 3, 6  # components to choose from; starts of EM for the documents


def tell(setting: Setting) -> Story:
    """Fit one component to three, compare two, and find topics with anchor words and without."""
    seed = setting.seed
    fits: list[Fit[Any]] = [fit(Categorical, MENTAL, k, seed=seed) for k in range(1, MOST + 1)]
    comparison = second_opinion(Categorical, MENTAL, 2, seed=seed, progress=setting.progress)
    comparison.name_columns(["mental health"])
    anchored = corpus(seed)
    known = (anchored, anchored.without_anchors())
    found: list[Fit[Any]] = [
        fit(Categorical, one.groups, len(TOPICS), starts=STARTS, seed=seed) for one in known
    ]
    pictures = (
        Picture(
            "plane_of_solutions",
            "One fit, many pairs of components",
            "Shares of the well and the impaired in six groups, the line that fits them, and the "
            "stretches of it on which either component may lie.",
            partial(drawn.solutions, fits[1], COUNTS / COUNTS.sum(axis=1, keepdims=True)),
        ),
        Picture(
            "anchors",
            "Topics with anchor words and without",
            "Each topic's words: the truth, the estimate and solutions that fit equally well.",
            partial(drawn.anchors, found, known),
        ),
    )
    steps = (components(fits), between(fits[1], comparison), recovered(found, known))
    return Story(steps, learned(fits, found, known, comparison), pictures, comparison)


def components(fits: list[Fit[Any]]) -> Steps:
    """Return how far each number of components is from the table itself.

    >>> from em import fit
    >>> components([fit(Categorical, MENTAL, 1)]).words()
    [['1', '47.418', '15', '-2244.486', '4495.0', '4511.2']]
    """
    rows = [
        (str(k), *one.deviance, one.log_likelihood, one.aic, one.bic)
        for k, one in enumerate(fits, 1)
    ]
    columns = {"components": "", "G²": ".3f", "degrees of freedom": "d"}
    columns |= {"log-likelihood": ".3f", "AIC": ".1f", "BIC": ".1f"}
    return Steps("1,660 people: deviance of each fit from the table", columns, rows)


def between(two: Fit[Any], comparison: Comparison) -> Steps:
    """Return the ends of all solutions, beside both answers."""
    ends, rows = solutions_of(two.estimate), []
    assert ends is not None
    posterior = comparison.draws["prob"].mean(axis=0)
    for component in range(2):
        for at, name in enumerate(HEALTH):
            low, high = (one.theta.prob[component, at] for one in ends[:2])
            both = two.estimate.theta.prob[component, at], posterior[component, at]
            rows.append((f"{component + 1}, {name}", *both, low, high))
    columns = {"component": "", "EM": ".4f", "posterior mean": ".4f", "lowest": ".4f"}
    columns |= {"highest": ".4f"}
    return Steps("Two components: the ends of all solutions that fit equally well", columns, rows)


def recovered(found: list[Fit[Any]], known: tuple[Corpus, ...]) -> Steps:
    """Return how well topics are found, and how far solutions that fit as well lie apart."""
    rows = []
    for name, one, corpus_ in zip(("with", "without"), found, known, strict=True):
        order = matched(one, corpus_)
        wrong = 100 * apart(one.estimate.theta.prob[order], corpus_.topics)
        rows.append((name, *wrong, *(100 * width for width in widths(one))))
    columns = {"anchor words": ""} | {f"{one} wrong": ".1f" for one in TOPICS}
    columns |= {"solutions differ, words": ".1f", "shares": ".1f"}
    return Steps("40 documents of 100 words from three topics, in percent", columns, rows)


def learned(
    fits: list[Fit[Any]], found: list[Fit[Any]], known: tuple[Corpus, ...], comparison: Comparison
) -> str:
    """Say what the tables teach."""
    wrong = [
        apart(one.estimate.theta.prob[matched(one, corpus_)], corpus_.topics).mean()
        for one, corpus_ in zip(found, known, strict=True)
    ]
    (sure, _), (loose, shares) = map(widths, found)
    return (
        f"Two components fit the table of mental health (G² {fits[1].deviance.value:.2f}, "
        f"{fits[1].deviance.degrees} degrees of freedom), and many other pairs fit as well. Mean "
        f"deviance of the draws: {comparison.deviance_mean:.2f}. Expected: "
        f"{comparison.deviance_df}. Verdict on the fit: {comparison.verdict}. Anchor words fix "
        f"topics: with them {wrong[0]:.0%} of a topic's words are wrong, and solutions differ "
        f"by {100 * sure:.1f} percentage points. Without them {wrong[1]:.0%} are wrong, and "
        f"solutions differ by up to {100 * loose:.0f} percentage points in words, by "
        f"{100 * shares:.0f} in shares."
    )


if __name__ == "__main__":
    tell_file(__file__)
