"""Point estimates of other programs, which are judged like EM's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from comparisons.verdict.peers import program_of
from comparisons.verdict.records import names_in, numbers_in
from em import Fit
from models.checks import numbers
from models.family import axes
from models.names import FAMILIES
from models.refusal import Refusal
from models.structure import (
    STRUCTURES,
    axes_of,
    checked,
    from_fields,
    ordered,
    registered,
    title_of,
    with_shares,
)

if TYPE_CHECKING:
    from models.family import Theta
    from models.question import Question
    from models.structure import Structure

__all__ = ["estimate_of", "family_of"]

ROUNDING = 1e-6  # by which shares that were written down may miss 1


def estimate_of(given: object, question: Question[Any, Any]) -> tuple[Structure, str]:
    """Return an estimate, labels in order, and a short description of where it comes from.

    given: an em.Fit, a structure such as a Mixture, a fitted model of scikit-learn or hmmlearn, or
        the path of a JSON file such as {"weight": [0.4, 0.6], "mean": [163, 175], "sd": [6, 7]}.
    question: the one that the estimate answers.

    >>> from models import Gaussian, Mixture, Sample
    >>> from models.question import asked
    >>> given = Mixture([0.6, 0.4], Gaussian([175, 163], [7, 6]))
    >>> estimate_of(given, asked(Gaussian, Sample([160, 165, 170, 175]), 2))[0].theta.mean
    array([163., 175.])
    """
    structure, source = _claim(given, question)
    d, sizes = question.width, question.data.sizes
    try:
        found = checked(_rounded(structure), question.structure, question.family, d, sizes)
    except ValueError as problem:
        raise Refusal(f"{source}: {problem}") from None
    return ordered(found), source


def family_of(given: object) -> type[Theta] | None:
    """Return the family of an estimate, or None if it cannot be determined.

    given: as for `estimate_of`; a file that cannot be read raises Refusal.

    >>> from models import Mixture, Poisson
    >>> family_of(Mixture([0.4, 0.6], Poisson([1.0, 7.0]))).__name__
    'Poisson'
    """
    if isinstance(given, Fit):
        return given.family
    if _is_structure(given):
        return type(given.theta) if hasattr(given.theta, "_fields") else None
    if isinstance(given, str | Path):
        return _family_in(given)
    program = program_of(given)
    return None if program is None else program.family(given)


def _is_structure(given: object) -> TypeGuard[Structure]:
    """Return whether it is one of the structures."""
    return isinstance(given, tuple(STRUCTURES.values()))


def _family_in(path: str | Path) -> type[Theta] | None:
    """Return the family whose fields a JSON file names, under any structure."""
    named = names_in(path)
    found = [
        (structure, family)
        for structure in dict.fromkeys(STRUCTURES.values())
        for family in FAMILIES.values()
        if set(axes(family)) <= named and named - set(axes(family)) <= set(structure.axes())
    ]
    if len({family for _, family in found}) < 2:
        return found[0][1] if found else None
    given = numbers_in(path, sorted(named), "")
    for _, family in found:  # some have fields of the same names, but of other shapes
        if all(given[name].ndim == len(own) for name, own in axes(family).items()):
            return family
    return found[0][1]


def _claim(given: object, question: Question[Any, Any]) -> tuple[Structure, str]:
    """Return the estimate that was given, whatever kind it is, unchecked, and its source."""
    if isinstance(given, Fit):
        return given.estimate, "EM"
    if _is_structure(given):
        return given, f"a {type(given).__name__}"
    if isinstance(given, str | Path):
        return _from_file(given, question), str(given)
    if program := program_of(given):
        return program.structure(given, question), program.source(given)
    raise Refusal(
        f"estimate is a {type(given).__name__}; give an em.Fit, a {title_of(question.structure)}, "
        "a fitted model of scikit-learn or hmmlearn, or the path of a JSON file"
    )


def _rounded(structure: Structure) -> Structure:
    """Return a structure, its shares divided by their sums if these are 1 but for rounding."""
    shares = {}
    for name in structure.axes():
        share = numbers(name, structure._asdict()[name])
        total = share.sum(axis=-1, keepdims=True) if share.ndim else share
        near = np.abs(total - 1) <= ROUNDING
        shares[name] = share / np.where(near, total, 1.0)
    return with_shares(type(structure), shares, structure.theta)


def _from_file(path: str | Path, question: Question[Any, Any]) -> Structure:
    """Return the structure in a JSON file, which may write out shares that follow from others."""
    kind, whole, family = question.structure, registered(question.structure), question.family
    if kind is not whole and set(axes_of(whole, family)) == names_in(path):
        kind = whole
    due = list(axes_of(kind, family))
    found = numbers_in(path, due, f"a {family.__name__} has {', '.join(due)}")
    structure: Structure = from_fields(kind, family, found)
    return structure
