"""What we stand on: every dependency has bounds, and every pin is used, met and exact."""

from __future__ import annotations

import tomllib
from importlib.metadata import distribution
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
ASKED = [
    Requirement(text)
    for text in chain(
        PROJECT["build-system"]["requires"],
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    )
]
INSTALLED = [one for one in ASKED if one.name != "hatchling"]  # that only builds
PINS = [Requirement(text) for text in PROJECT["tool"]["uv"]["constraint-dependencies"]]


def unbounded(requirements):
    """Return those that have no least version, or none that is too new."""
    signs = {str(one): {sign.operator for sign in one.specifier} for one in requirements}
    return [text for text, has in signs.items() if not {">=", "<"} <= has]


def inexact(pins):
    """Return pins that allow for more than one version."""
    return [
        str(one)
        for one in pins
        if [sign.operator for sign in one.specifier] != ["=="] or "*" in str(one.specifier)
    ]


def asked_of(requirements, read=distribution):
    """Return the versions of all that is needed here, and who asks for something else.

    read: from a name to what is installed.
    """
    found, unmet, seen = {}, [], set()
    waiting = [("pyproject.toml", one, "") for one in requirements]
    while waiting:
        source, one, extra = waiting.pop()
        if one.marker is not None and not one.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(one.name)
        there = read(one.name)
        found[name] = there.version
        if not one.specifier.contains(there.version, prereleases=True):
            unmet.append(f"{source} asks for {one}, {there.version} is here")
        for more in ("", *one.extras):
            if (name, more) not in seen:
                seen.add((name, more))
                waiting += [(name, Requirement(text), more) for text in there.requires or []]
    return found, unmet


def differing(found, pins):
    """Return what is installed without a pin, pinned in vain, or pinned at another version."""
    exact = {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in pins}
    said = [f"{name} {version} has no pin" for name, version in found.items() if name not in exact]
    said += [f"{name} is pinned, and nothing needs it" for name in exact if name not in found]
    return said + [
        f"{name} is pinned at {exact[name]}, and {version} is here"
        for name, version in found.items()
        if name in exact and Version(exact[name]) != Version(version)
    ]


def test_every_dependency_has_a_lower_and_an_upper_bound():
    assert unbounded(ASKED) == []
    assert unbounded([Requirement("numpy>=2"), Requirement("scipy<2"), Requirement("rich")]) == [
        "numpy>=2",
        "scipy<2",
        "rich",
    ]


def test_what_is_installed_is_what_the_pins_say():
    assert inexact(PINS) == []
    assert inexact([Requirement("a>=1"), Requirement("b==1.*"), Requirement("c==1")]) == [
        "a>=1",
        "b==1.*",
    ]
    found, unmet = asked_of(INSTALLED)
    assert unmet == []
    assert differing(found, PINS) == []
    names = [canonicalize_name(one.name) for one in PINS]
    assert names == sorted(set(names))


def test_every_pin_lies_within_the_bounds():
    exact = {canonicalize_name(one.name): str(one.specifier)[2:] for one in PINS}
    outside = [
        str(one)
        for one in INSTALLED
        if not one.specifier.contains(exact[canonicalize_name(one.name)])
    ]
    assert outside == []


class There:
    """A distribution that is installed, in a dream."""

    def __init__(self, version, *requires):
        self.version, self.requires = version, requires


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        (["a==1", "b==2"], []),
        (["a==1"], ["b 2 has no pin"]),
        (["a==1", "b==2", "c==3"], ["c is pinned, and nothing needs it"]),
        (["a==1", "b==2.1"], ["b is pinned at 2.1, and 2 is here"]),
    ],
)
def test_other_pins_would_be_found(pins, said):
    world = {
        "a": There("1", "B>=1; python_version >= '3'", "c>1; extra == 'more'", "d; os_name == 'x'"),
        "B": There("2"),
    }
    found, unmet = asked_of([Requirement("a>=1,<2")], world.__getitem__)
    assert (found, unmet) == ({"a": "1", "b": "2"}, [])
    assert differing(found, [Requirement(one) for one in pins]) == said


def test_what_is_not_met_would_be_found():
    world = {"a": There("1", "b>=3"), "b": There("2")}
    _, unmet = asked_of([Requirement("a<1")], world.__getitem__)
    assert unmet == ["pyproject.toml asks for a<1, 1 is here", "a asks for b>=3, 2 is here"]


def test_the_promised_pythons_are_those_that_ci_runs():
    root = Path(__file__).parents[1]
    promised = SpecifierSet(PROJECT["project"]["requires-python"])
    assert promised.contains("3.12")
    assert not promised.contains("3.11")
    text = (root / ".github" / "workflows" / "ci.yml").read_text()
    assert 'python: ["3.12", "3.13"]' in text
    assert (root / ".python-version").read_text().strip() in {"3.12", "3.13"}
