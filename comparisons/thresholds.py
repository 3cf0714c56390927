"""Where each measure stops being ok: every constant once, with the reason for it.

`python -m comparisons.trust.cases` is the simulation behind them: what the measures say where both
answers are right, from groups 2.5 sd apart to well separated ones (500 observations, 40 data sets a
case; comparisons/trust/README.md shows it). None was set by an example.
"""

from __future__ import annotations

__all__ = [
    "AMBIGUOUS",
    "BEND",
    "CLEARLY_BETTER",
    "CURVATURE",
    "DENSITY",
    "DEVIANCE_SHIFT",
    "EDGE",
    "EXPLAINED",
    "FEW",
    "FORMAT",
    "GAP",
    "HELLINGER",
    "LEAST_DRAWS",
    "LEVEL",
    "LOST",
    "MEMBERSHIPS",
    "MEMBERSHIPS_BY_BOTH",
    "MISFIT_CHANCE",
    "MISFIT_SIZE",
    "MISSED",
    "MODES",
    "NOISE",
    "ORDER",
    "OTHER_ROWS",
    "OVERLAP",
    "PREDICTED",
    "QUESTION",
    "ROUNDED",
    "SENSITIVE",
    "SHIFT",
    "SPREAD",
    "STAY",
    "STOPPED",
    "SWITCHED",
    "TARGET",
    "TARGET_PROOF",
    "VISITED",
    "WARM_UP",
    "WITHIN",
    "WRONG",
]

QUESTION = 1e-9
"""Relative difference of two log-likelihoods. Rounding is 1e-15; a share moved by a millionth
makes 2e-8."""

DENSITY = 1e-3
"""Sd over draws of the difference of two log densities, in nats: it moves no posterior mean by more
than a thousandth of its sd. Where both are right rounding leaves 1e-6 at most; a prior with one
degree of freedom too many makes 0.1."""

OTHER_ROWS = 1e-3
"""Chance of a deviance of EM of all observations, on some of them, as large as was found. By
construction one right comparison in a thousand is doubted."""

SHIFT = 0.01
"""Posterior sds by which bins that stand for measurements can move a posterior mean. It is a tenth
of NOISE, and what is bounded; with all measurements in the chains, means differ far less."""

CLEARLY_BETTER = 10.0
"""Difference of two BIC beyond which one model is better beyond doubt: "very strong" evidence by
Kass & Raftery (1995, section 3.2)."""

CURVATURE = 1.1
"""Quotient of two curvatures. Standard errors are then wrong by 5%. Where they are right and two
steps agree, 1.000002 was the most in 950 small data sets from priors of coins, heights, counts."""

STOPPED = 0.05
"""Standard errors from the maximum. D_s then moves by 0.0025, which nothing else here would notice;
EM stops at 1e-4; scikit-learn's default tolerance leaves over 0.5 on 10,000 heights."""

WITHIN = 0.1
"""Standard errors up to which a distance from the maximum is a note only; --within moves it. At 0.1
a 95% interval about the estimate still covers 94.9%."""

WRONG = 0.5
"""Standard errors from which it is a fault, below it a doubt. At 0.5 a 95% interval about the
estimate covers 92.1%, and D_s moves by 0.25."""

ROUNDED = 1e-3
"""Standard errors from which it is worth saying that an estimate was rounded."""

EXPLAINED = 0.1
"""Part of the distance that a slip may leave when it is undone. A random change of the estimate
leaves more than that with any hypothesis: none of 72 in tests/comparisons/cases/test_slips.py was
given a name, from 0.15 to 2 standard errors in six problems."""

MISSED = 0.01
"""Nats. Two optima within it have a likelihood ratio of 1.01, and no data tell them apart; where EM
has converged its own digits are 1e-8."""

GAP = 1.0
"""Posterior sds between estimate and mean. At 1 a 95% interval contains 83% of the other
answer; a group of eight has a variance so skewed. Simulated: 95th percentile 0.38 at 2.5 sd, at
most 0.64. With m parameters on edges the largest of m gaps is judged, by Bonferroni's rule: exact
posteriors of seven sparse corpora with 44 to 58 of them stay below that, 1.7, but for one
(`tests/comparisons/verdict/test_edges_together.py`)."""

SPREAD = 1.5
"""Posterior sd over standard error; beyond it the widths of the posterior's interval and of EM's
profile interval, since no standard error tells a skewed likelihood. At 1.5 an interval of 1.96
standard errors contains 81%, as at GAP. Simulated before intervals were compared: 95th percentile
1.5 at 2.5 sd, at most 1.4 in the other cases; largest 3.2."""

DEVIANCE_SHIFT = 0.5
"""Sds of chi-squared by which the mean of D_s may miss p. A posterior that is moved by d standard
errors adds d^2: with five parameters 0.5 is 1.3 standard errors. Simulated: at most 0.33."""

HELLINGER = 0.05
"""Then no event's probability differs by more than sqrt(2) 0.05 = 7 points of a hundred. Simulated:
at most 0.024."""

PREDICTED = 0.25
"""Posterior sds by which all parameters may be moved at once. For small moves the squared Hellinger
distance is an eighth of the squared move in the metric of the information of one observation, and
one sd in every direction makes p / n there: a move by s sds changes the density by
s sqrt(p / (8 n)). That exceeds HELLINGER below 3.1 observations for each parameter.
Simulated with draws in closed form, 1.5 and 3 observations for each parameter: right answers in 4
and 8 columns are at most 0.067 and 0.038, in one or two columns up to 0.091 and 0.066, where 5 to
20 observations are too few; moved by half an sd in every direction, all were above the limit."""

MEMBERSHIPS_BY_BOTH = 1e-6
"""Difference of a membership that EM and PyMC compute at the same parameters. Rounding left
1e-14 at most in 44 data sets of mixtures, chains and admixtures, 14 of them on edges."""

MEMBERSHIPS = 0.1
"""Average difference of a membership, ten points of a hundred. Simulated: 95th percentile 0.06 and
at most 0.16 at 2.5 sd, at most 0.06 from 3 sd on; 200 heights: 0.14 in the median."""

NOISE = 0.1
"""MCSE in sds: with 100 effective draws; a gap is then known to a tenth of GAP."""

AMBIGUOUS = 0.05
"""Share of draws whose labels could be exchanged at odds under 20 to 1. More of them reach into a
95% interval. Simulated: 95th percentile 0.015 and at most 0.10 at 2.5 sd, none from 3 sd on; 200
heights: 0.13 in the median."""

MODES = 0.1
"""Share of draws that belong to other modes than the estimate's, of 40 probed ones, or of 100 if
one of these does. Simulated: 95th percentile 0.15 at 2.5 sd, one data set of 200 above it from 3 sd
on; 200 heights: 0.24 in the median."""

OVERLAP = 0.9
"""Fraction of information that hidden labels cost, from which groups are said to overlap: plain EM
then takes over 20 steps for each digit."""

EDGE = 2.0
"""Standard errors from the edge of what is possible: nearer, a 95% interval sticks out."""

FEW = 10.0
"""Observations for each parameter, the usual rule of thumb; a note only."""

TARGET = 5.0
"""Monte Carlo errors by which the draws may miss an identity of the posterior. In 400 correct runs
none of the diagonal ones was missed by more than 3.5, in 20 none of all pairs by more than 3.8;
draws moved by 0.3 sd miss by 14, draws 1.3 times as wide by 11 (300 coins), draws of a mean-field
approximation by 20."""

TARGET_PROOF = 10.0
"""And by which draws cannot miss it by chance. Where groups overlap the posterior bends, and Monte
Carlo errors are too small themselves: in 500 data sets of two groups 0 to 2 sd apart, where all was
right, 18 missed by more than 5, none by more than 6.8."""

LOST = 0.25
"""By how much a correlation of the draws may be nearer to 0 than that of the information. In two
data sets of each of the eleven designs in which tests plant faults, and of two groups 2.5 sd apart,
right draws had at most 0.06. With each parameter drawn by itself, three designs had 0.6 or more."""

BEND = 0.3
"""Mean difference of deviance and parabola for each parameter. Simulated: 95th percentile at most
0.25 where groups of equal size are 3 sd apart or more, 1.4 at 2.5 sd."""

WARM_UP = 100
"""Draws of tuning below which chains that have not mixed are put down to it: nutpie's adaptation of
step size and mass matrix takes some hundred."""

LEAST_DRAWS = 10
"""Draws a chain below which nothing can be said of them, and no comparison is made."""

SWITCHED = 1.1
"""R-hat as drawn from which labels are called switched; nothing depends on it."""

MISFIT_CHANCE = 0.001
"""P-value of uniform transforms below which a misfit is more than chance."""

MISFIT_SIZE = 0.03
"""Largest difference between the observed and the fitted distribution function above which a misfit
matters: three percentage points, by choice. In 160 data sets whose model is right no p-value was
below MISFIT_CHANCE (`python -m comparisons.trust.fits`), so that the size decides only where many
observations make every model wrong."""

ORDER = 0.05
"""P-value of the likelihood ratio above which the order of rows is said to add nothing; a note
only. The level is kept where the states are there. Where they are not, Wilks's theorem does not
hold: of 80 series of independent values, two states asked for, 8 were below it."""

STAY = 0.5
"""Probability of staying below which a state is left more often than kept; a note only."""

VISITED = 0.5
"""Expected rows, or departures, below which a state is not visited, or not left."""

SENSITIVE = 0.05
"""Sensitivity by power-scaling from which Kallioinen et al. (2024) speak of it. Simulated for the
mean of a normal, 20 samples of 4,000 draws a case: if prior and data agree and the prior has half
of the information, both sensitivities are 0.040 to 0.049; if it has 70%, that to the prior is 0.056
to 0.069 and that to the likelihood 0.024 to 0.029."""

LEVEL = 0.95
"""Probability of the equal-tailed intervals, next to 1.96 standard errors."""

FORMAT = 1
"""Of JSON; it grows when a reader of the old one would stumble."""
