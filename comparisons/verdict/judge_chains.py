"""Measures of the chains: whether they can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes.posterior.diagnose import DIVERGING
from bayes.sampling.modes import NEGLIGIBLE
from comparisons import thresholds as limit
from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding, plain
from comparisons.verdict.chain_slips import slip_of_chains
from comparisons.verdict.headline import HOPELESS

if TYPE_CHECKING:
    from bayes.posterior.prospects import Hopeless
    from bayes.sampling.modes import Abandoned
    from comparisons.verdict.cross_checks import CrossChecks
    from comparisons.verdict.neighbours import Neighbours
    from comparisons.verdict.sampled import Sampled

__all__ = ["chains_finished"]

CHAINS = {
    "largest R-hat": (
        "unmixed_chains",
        "The chains have not mixed",
        "The chains have mixed",
        "largest R-hat {value:.4g} (at most {most:g} is ok)",
    ),
    "least bulk ESS": (
        "few_draws",
        "Too few effective draws",
        "There are enough draws",
        "smallest bulk ESS {value:,.0f} (at least {most:g} is ok)",
    ),
    "least tail ESS": (
        "few_tail_draws",
        "Too few effective draws in the tails",
        "The tails have enough draws",
        "smallest tail ESS {value:,.0f} (at least {most:g} is ok)",
    ),
    "share of divergences": (
        "divergences",
        "Trajectories diverge",
        "Trajectories do not diverge",
        "{share}% of the draws (at most {most:.1%} is ok)",
    ),
    "least E-BFMI": (
        "low_energy",
        "The chains explore the energy too slowly",
        "The energies mix",
        "smallest E-BFMI {value:.2g} (at least {most:g} is ok)",
    ),
    "share at the deepest tree": (
        "deep_trees",
        "Trajectories are cut off",
        "Trajectories are long enough",
        "{share}% of the draws reach the deepest tree (at most {most:.0%} is ok)",
    ),
}
"""Of each check its code, what is said if it fails or passes, and its number with its unit."""


def chains_finished(sampled: Sampled, checks: CrossChecks, near: Neighbours) -> list[Finding]:
    """Rank-normalised R-hat, effective sizes, divergences, E-BFMI; any failure is a doubt.

    >>> [one.message for one in comparison.findings if one.code == "copied_chains"]
    ['No two chains have a run of draws in common.']
    """
    found: list[Finding] = []
    for check in sampled.diagnosis.checks:
        code, bad, good, size = CHAINS[check.name]
        slip = None if check.passed or code != "unmixed_chains" else slip_of_chains(sampled)
        if slip is not None:
            code, bad = slip.code, f"{bad}, because {slip.says}"
        number = size.format(
            value=check.value, share=plain(100 * check.value, 2), most=check.threshold
        )
        found.append(
            Finding(
                code,
                OK if check.passed else DOUBT,
                check.value,
                check.threshold,
                f"{good if check.passed else bad}: {number}.",
                ""
                if check.passed
                else slip.remedy
                if slip is not None
                else _remedy(code, near, sampled),
            )
        )
    found += [_several(sampled), _copied(checks)]
    found.append(_target(sampled, trusted=not any(one.stands for one in found)))
    before, after = sampled.as_drawn, found[0].value
    if sampled.hopeless is not None:
        found.append(_hopeless(sampled.hopeless, near))
    if sampled.abandoned is not None:
        found.append(_abandoned(sampled.abandoned))
    if sampled.diverged is not None:
        found.append(_again(sampled.diverged))
    switched = before > limit.SWITCHED
    undone = not after > limit.SWITCHED
    found.append(
        Finding(
            "label_switching",
            OK if undone or not switched else NOTE,
            before,
            np.nan,  # there is nothing wrong with it once it is undone
            f"The chains labelled the {sampled.question.noun}s differently (R-hat {plain(before)} "
            "as drawn). "
            f"Aligning the labels {'mended' if undone else 'did not mend'} it (R-hat {after:.4g})."
            if switched
            else f"The chains label the {sampled.question.noun}s alike, or there are no labels.",
            "",
        )
    )
    return found


def _remedy(code: str, near: Neighbours, sampled: Sampled) -> str:
    """Return what to do about chains that fail a check."""
    if code != "divergences":
        return f"Use more draws. If that does not help: {near.advice}"
    if sampled.diverged is not None or sampled.hopeless is not None:
        return near.advice
    if sampled.tune is not None:  # from before ours took shorter steps
        return f"Sample again. If that does not help: {near.advice}"
    return f"Use shorter steps: a higher target acceptance. If that does not help: {near.advice}"


def _again(share: float) -> Finding:
    """That chains diverged at first, and were drawn again with shorter steps."""
    message = (
        f"At first {plain(100 * share, 2)}% of the draws diverged. All chains were drawn again, "
        "with shorter steps."
    )
    return Finding("drawn_again", NOTE, share, DIVERGING, message, "")


def _several(sampled: Sampled) -> Finding:
    """Whether there are several chains to hold against each other; one alone is a note."""
    chains = sampled.sizes[0]
    if chains == 1:
        message = "A single chain cannot show whether chains agree."
        return Finding("one_chain", NOTE, 1.0, 2.0, message, "Draw several chains.")
    return Finding("one_chain", OK, float(chains), 2.0, f"There are {chains} chains.", "")


def _hopeless(why: Hopeless, near: Neighbours) -> Finding:
    """That the sampler ended early because more draws would not help."""
    return Finding(HOPELESS, DOUBT, why.value, why.threshold, why.reason, near.advice)


def _abandoned(before: Abandoned) -> Finding:
    """That chains were given up in modes of negligible mass, and all began again elsewhere."""
    light, chains, mass = before
    were = "chains was in a mode" if light == 1 else "chains were in modes"
    return Finding(
        "abandoned_chains",
        NOTE,
        mass,
        NEGLIGIBLE,
        f"At first {light} of {chains} {were} of small mass: at most {mass:.0e} of the largest "
        "mode's (by normal approximations). All chains were started again in larger modes.",
        "",
    )


def _copied(checks: CrossChecks) -> Finding:
    """Whether chains are copies of each other, which R-hat and effective sizes do not detect."""
    share = checks.copied
    apart = share == 0
    return Finding(
        "copied_chains",
        OK if apart else DOUBT,
        share,
        0.0,
        "No two chains have a run of draws in common."
        if apart
        else f"{share:.1%} of the draws are copies: another chain has them in the same order.",
        "" if apart else "Give each chain its own seed.",
    )


def _target(sampled: Sampled, *, trusted: bool) -> Finding:
    """Whether the draws come from the likelihood and the prior, by identities of the gradient.

    A violation is a fault only if the chains are otherwise good and it exceeds TARGET_PROOF.
    """
    if sampled.target is None and sampled.slip is not None:
        code, says, remedy, left = sampled.slip
        message = f"The draws do not come from this likelihood: {says}."
        return Finding(code, FAULT, left, limit.DEVIANCE_SHIFT, message, remedy)
    if sampled.target is None:
        message = "Whether the draws come from the posterior cannot be tested without the prior."
        return Finding(
            "wrong_target", NOTE, np.nan, limit.TARGET, message, "Give the prior as prior=."
        )
    place, shape = sampled.target
    worst = max(place, shape)
    wrong = not worst <= limit.TARGET
    how = "their location is wrong"
    if shape > place:
        how = "their spread or their correlations are wrong"
    proof = not worst <= limit.TARGET_PROOF
    come = "do not come" if proof else "probably do not come"
    slip = sampled.slip
    remedy = "Check that model, data and prior are the same. If they are, do not trust the sampler."
    if slip is not None:
        how, remedy = slip.says, slip.remedy
    return Finding(
        "wrong_target" if slip is None else slip.code,
        OK if not wrong else FAULT if trusted and proof else DOUBT,
        worst,
        limit.TARGET,
        f"The draws {come} from this likelihood and prior: {how}, by {plain(worst)} Monte Carlo "
        "errors."
        if wrong
        else "The draws satisfy the gradient identities of this likelihood and prior, within "
        f"{worst:.2g} Monte Carlo errors.",
        remedy if wrong else "",
    )
