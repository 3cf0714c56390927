"""What a comparison says, and that nobody else reads its tree."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import comparisons
from comparisons.comparison import load
from models.names import FAMILIES, FORMS

HOUSE = Path(comparisons.__file__).parent
ROOMS = ("pictures", "pages", "command")
STRUCTURES = {"Mixture"}


def named(source: str) -> set[str]:
    """Return the names that a source uses, texts and comments aside."""
    tree = ast.parse(source)
    names = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    names |= {one.attr for one in ast.walk(tree) if isinstance(one, ast.Attribute)}
    return names | {one.name for one in ast.walk(tree) if isinstance(one, ast.alias)}


def families() -> set[str]:
    every = [*FAMILIES.values(), *(one for forms in FORMS.values() for one in forms.values())]
    return {one.__name__ for one in every}


@pytest.mark.parametrize("room", ROOMS)
def test_no_picture_page_or_command_names_a_tree_a_family_or_a_structure(room):
    hidden = {"DataTree", "DataArray", "Dataset"} | families() | STRUCTURES
    found = {path.name: named(path.read_text()) & hidden for path in (HOUSE / room).glob("*.py")}
    assert {name: names for name, names in found.items() if names} == {}
    # negative control
    assert named("import xarray as xr\ndef f(tree: xr.DataTree): return Poisson") & hidden == {
        "DataTree",
        "Poisson",
    }


def test_a_file_says_what_memory_says(story, tmp_path):
    facts = story("coins").comparison
    facts.save(tmp_path / "coins.nc")
    again = load(tmp_path / "coins.nc")
    assert again.estimate == facts.estimate
    assert again.sampling == facts.sampling
    assert again.findings == facts.findings
    assert again.columns == facts.columns == ("heads",)
    assert [row.label for row in again.parameters] == ["prob[0]", "prob[1]"]
    np.testing.assert_array_equal(again.draws["prob"], facts.draws["prob"])
    np.testing.assert_array_equal(again.memberships.em, facts.memberships.em)
    assert again.equal_weights


@pytest.mark.slow
def test_shares_are_not_the_family_s_and_the_last_is_not_free(story):
    facts = story("clusters").comparison
    assert facts.shares == ("weight",)
    assert facts.names == ("weight", "mean", "cov")
    settled = {row.label for row in facts.parameters} - {row.label for row in facts.free}
    assert settled == {"weight[2]"}
    labels = [row.label for row in facts.free]
    errors = np.sqrt(np.diagonal(facts.covariance(labels)))
    known = [row.numbers["se"] for row in facts.free]
    np.testing.assert_allclose(errors, known, rtol=1e-6)


def test_a_single_component_has_all_the_members(story):
    facts = story("coin").comparison
    assert facts.k == 1
    assert (facts.memberships.em == 1).all()
    assert facts.memberships.em.shape == (len(facts.rows.x), 1)
    assert facts.truth == {}
