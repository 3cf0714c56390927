"""Five sets of ten flips, each of one of two coins; which one, nobody wrote down.

Do & Batzoglou (2008, doi:10.1038/nbt1406). With known labels one divides heads by flips. Without
them hard EM gives each set wholly to the likelier coin and sticks; soft EM gives coins their shares
of every set. The posterior, a polynomial, is integrated exactly and says how little five sets fix.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from comparisons.comparison import Comparison, second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.calculations.exact import two_coins
from comparisons.studies.pictures import coins as drawn
from em import Fit, Step, fit
from models import Binomial, Mixture, Sample

if TYPE_CHECKING:
    from comparisons.studies import Setting

__all__ = ["BIASES", "FLIPS", "HEADS", "climb", "tell"]

HEADS = np.array([5, 7, 8, 9, 4])  # in the lecture's order; its coin A is the paper's coin B
FLIPS = Sample(HEADS, trials=10)
KNOWN = np.array([0, 1, 1, 1, 0])  # coin A (0) tossed the sets with 5 and 4 heads, B (1) the rest
BIASES = np.array([HEADS[coin == KNOWN].mean() / 10 for coin in (0, 1)])  # had that been written
HARD, SOFT = (0.5, 0.9), (0.5, 0.6)  # where the climbs start: coins A and B


def tell(setting: Setting) -> Story:
    """Follow the lecture from known labels to the posterior; each coin is as likely drawn.

    >>> from comparisons.studies import Setting
    >>> story = tell(Setting(progress=False))
    >>> story.steps[0].words()[0]
    ['A', '5 4', '9', '20', '0.45']
    """
    hard, soft = climb(HARD, hard=True), climb(SOFT, hard=False)
    seed, progress = setting.seed, setting.progress
    comparison = second_opinion(
        Binomial, FLIPS, 2, equal_weights=True, seed=seed, progress=progress
    )
    comparison.name_columns(["heads"])
    ends = "{:.3f}, {:.3f}, soft EM at {:.3f}, {:.3f}".format(*hard[-1], *soft[-1])
    draw = partial(drawn.climbs, comparison, BIASES, hard, soft)
    alt = f"Log-likelihood of two coins and the posterior's draws. Hard EM ends at {ends}."
    pictures = (Picture("climbs", "EM's climbs and the posterior's draws", alt, draw),)
    steps = (labelled(), hardened(hard), shared(), softened(soft), answers())
    return Story(steps, learned(comparison), pictures, comparison)


def climb(start: tuple[float, float], *, hard: bool) -> list[np.ndarray]:
    """Return the coins (2,) at the start and after each step of EM, as on a blackboard.

    >>> climb(SOFT, hard=False)[-1].round(2)
    array([0.52, 0.8 ])
    """
    seen: list[Step[Mixture[Binomial]]] = []
    begin = Mixture(np.array([0.5, 0.5]), Binomial(np.array(start)))
    plain = partial(fit, equal_weights=True, accelerate=False, tolerance=1e-7)
    plain(Binomial, FLIPS, 2, start=begin, on_step=seen.append, hard=hard)
    path = [begin.theta.prob, *(step.mixture.theta.prob for step in seen)]
    return path[:3] if hard else path  # hard EM repeats itself from its first step on


def labelled() -> Steps:
    """Return what one computes where the labels are known."""
    own = {"A": HEADS[KNOWN == 0], "B": HEADS[KNOWN == 1]}
    rows = [(coin, f"{x}"[1:-1], x.sum(), 10 * len(x), x.mean() / 10) for coin, x in own.items()]
    columns = {"coin": "", "sets": "", "heads": "d", "flips": "d", "p": ".2f"}
    return Steps("Labels known: heads / flips", columns, rows)


def hardened(path: list[np.ndarray]) -> Steps:
    """Return hard EM: each set wholly to the coin under which it is likelier."""
    rows = []
    for step, coins in enumerate(path):
        a, b = binom.pmf(HEADS, 10, coins[:, None])
        rows.append((step, *coins, a[0], b[0], ", ".join("BA"[one] for one in (a > b).astype(int))))
    columns = {
        "step": "d",
        "A": ".4f",
        "B": ".4f",
        "P(5 | A)": ".8f",
        "P(5 | B)": ".10f",
        "coins": "",
    }
    return Steps("Hard EM: each of 5, 7, 8, 9, 4 heads goes to the likelier coin", columns, rows)


def shared() -> Steps:
    """Return soft EM's first step: each coin's share of each set's heads and tails."""
    a, b = binom.pmf(HEADS, 10, np.array(SOFT)[:, None])  # the E-step
    share, seen = b / (a + b), np.stack([HEADS, 10 - HEADS])
    parts = np.concatenate([(1 - share) * seen, share * seen]).T
    rows = [(str(x), s, *part) for x, s, part in zip(HEADS, share, parts, strict=True)]
    columns = dict.fromkeys(("set", "P(B)", "A heads", "A tails", "B heads", "B tails"), ".2f")
    rows.append(("sum", None, *parts.sum(axis=0)))
    return Steps("Soft EM's first step from A = 0.50, B = 0.60", columns, rows)


def softened(path: list[np.ndarray]) -> Steps:
    """Return soft EM's climb to its limit."""
    shown = [*((str(step), path[step]) for step in (0, 1, 2, 3, 5, 10)), ("limit", path[-1])]
    height = [np.log(binom.pmf(HEADS[:, None], 10, at).mean(axis=1)).sum() for _, at in shown]
    rows = [(name, *at, one) for (name, at), one in zip(shown, height, strict=True)]
    columns = dict.fromkeys(("step", "A", "B", "log-likelihood"), ".6f")
    return Steps("Soft EM, equal weights", columns, rows)


def answers() -> Steps:
    """Return EM beside the exact posterior, with equal weights and with free ones."""
    rows = []
    for name, equal in (("equal", True), ("free", False)):
        em: Fit[Mixture[Binomial]]
        em = fit(Binomial, FLIPS, 2, equal_weights=equal, tolerance=1e-8)
        by_em = [[*one.theta.prob, one.weight[0]] for one in (em.mixture, em.standard_errors)]
        rows.append((f"{name} weights: EM", *np.transpose(by_em).ravel(), em.log_likelihood))
        log_evidence, *exact = two_coins(FLIPS, equal_weights=equal)
        rows.append((f"{name} weights: posterior", *np.transpose(exact).ravel(), log_evidence))
    columns = dict.fromkeys(("by", "A", "sd", "B", "sd ", "A's share", " sd", "logarithm"), ".6f")
    return Steps(
        "EM with errors and log-likelihood; exact posterior with log evidence",
        columns,
        rows,
    )


def learned(comparison: Comparison) -> str:
    """Say what five sets teach."""
    b, a = comparison.to_frame().loc[["prob[1]", "prob[0]"], ["mle", "low", "high"]].to_numpy()
    said = "{:.2f} by EM, {:.2f} to {:.2f} by the posterior"
    text = f"One coin shows heads with probability {said.format(*b)}; the other {said.format(*a)}."
    return f"{text} Five sets are few: the intervals show how uncertain EM's single numbers are."


if __name__ == "__main__":
    tell_file(__file__)
