"""`help()` of everything public shows an example: of classes, functions, methods and properties."""

from __future__ import annotations

import inspect
from functools import cached_property

import pytest

import bayes
import comparisons
import em
import models
import second_opinion

PACKAGES = (second_opinion, models, em, bayes, comparisons)
OURS = {one.__name__ for one in PACKAGES}


def function_of(member):
    """Return the function behind a member of a class; None of a field."""
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    if isinstance(member, property):
        return member.fget
    if isinstance(member, cached_property):
        return member.func
    return member if inspect.isfunction(member) else None


def methods(kind):
    """Yield the public methods and properties that a class of ours has, by name."""
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] in OURS:
            for name, member in vars(base).items():
                found = function_of(member)
                if found is not None and not name.startswith("_"):
                    yield f"{base.__module__}.{base.__qualname__}.{name}", found


def public():
    """Return everything public by its full name."""
    found = {}
    for package in PACKAGES:
        for name in package.__all__:
            one = getattr(package, name)
            found[f"{one.__module__}.{name}"] = one
            if inspect.isclass(one):
                found |= dict(methods(one))
    return found


def without_example(every):
    return sorted(name for name, one in every.items() if ">>> " not in (inspect.getdoc(one) or ""))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda one: one.__name__)
def test_the_help_of_everything_public_shows_an_example(package):
    every = public()
    assert len(every) > 450
    head = f"{package.__name__}."
    assert not [one for one in without_example(every) if one.startswith(head)]


def test_what_has_no_example_would_be_found():
    class Silent(models.Poisson):
        """Has no example.

        >>> Silent
        """

        @property
        def one(self):
            """Says nothing."""

        @cached_property
        def two(self):
            """Shows something.

            >>> 1 + 1
            2
            """

    Silent.__module__ = "models.silent"
    found = dict(methods(Silent))
    assert [name.rpartition(".")[2] for name in without_example(found)] == ["one"]
    assert "models.poisson.Poisson.order" in found
