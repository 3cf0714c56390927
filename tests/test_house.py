"""The house keeps its plan: nobody but siblings and registries names a family or a structure."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import models
from models.names import FAMILIES, FORMS, MADE
from models.structure import STRUCTURES

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "em", "bayes", "comparisons")
KNOWN = [one for one in STRUCTURES.values() if one.__module__.startswith("models.")]
NAMES = {
    *(one.__name__ for one in FAMILIES.values()),
    *(one.__name__ for forms in FORMS.values() for one in forms.values()),
    *(made.base.__name__ for made in MADE.values()),
    *(one.__name__ for one in KNOWN),
    *(kind.__name__ for one in KNOWN for kind in one.__subclasses__()),
}
SIBLINGS = {
    "admixture",
    "groups",
    "categorical",
    "binomial",
    "gamma",
    "gaussian",
    "lognormal",
    "multivariate",
    "multivariate_blanks",
    "uncorrelated",
    "negative_binomial",
    "student_t",
    "student_t_given",
    "poisson",
    "mixture",
    "zero_inflated",
    "hidden_markov",
    "independent",
    "covariance",
}
REGISTRIES = {"models/__init__.py", "em/__init__.py", "bayes/__init__.py"}
TOLD = {
    "comparisons/verdict/peer_mixtures.py": "another program's models",
    "comparisons/verdict/peer_chains.py": "another program's models",
    "comparisons/verdict/peer_admixtures.py": "another program's models",
    "comparisons/estimators.py": "another program's conventions, which are those of mixtures",
    "comparisons/binned": "what bins lose of a mixture of Gaussians, a sibling of theirs",
    "em/chain.py": "what comes next in a chain is a mixture",
    "em/result.py": "`Fit.mixture` stays, for mixtures",
}
FREE = ("comparisons/studies/", "comparisons/trust/", "comparisons/speed/")


def named(source: str) -> set[str]:
    """Return the families and structures that code names, docstrings and comments aside."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body[0] = ast.Pass()
    words = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.alias):
            words.add(node.name.split(".")[-1])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words |= set(re.findall(r"\w+", node.value))
    return words & NAMES


def files():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if path.stem in SIBLINGS or place in REGISTRIES or place.startswith(FREE):
                continue
            if not any(place == told or place.startswith(f"{told}/") for told in TOLD):
                yield pytest.param(path, id=place)


@pytest.mark.parametrize("path", list(files()))
def test_no_file_but_siblings_and_registries_names_a_family_or_a_structure(path):
    assert not named(path.read_text())


def imported(source):
    """Return the packages and modules at the top level that code imports, late imports too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_the_one_import_stands_above_all_packages():
    # import-linter knows packages alone, and this is a module
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            assert "second_opinion" not in imported(path.read_text()), path


def test_an_import_of_it_would_be_found():
    assert imported("def f():\n    import second_opinion as so") == {"second_opinion"}
    assert imported("from second_opinion import fit\nimport em.fit") == {"second_opinion", "em"}


def test_a_name_would_be_found():
    assert named("if family is Gaussian: pass") == {"Gaussian"}
    assert named("from models import Poisson") == {"Poisson"}
    assert named('known = {"Binomial": 1}') == {"Binomial"}
    assert not named('"""Gaussian"""\nx = 1  # Poisson')
    assert {"Mixture", "TiedGaussian", "StudentTGiven"} <= NAMES
    assert models.Mixture.__name__ in NAMES


def twice(paths):
    """Return the names of test files that stand in two folders, which pytest cannot import."""
    names = [path.name for path in paths]
    return sorted({name for name in names if names.count(name) > 1})


def test_no_two_test_files_have_the_same_name():
    # each folder alone runs, and the whole suite breaks off while it collects
    assert not twice((ROOT / "tests").rglob("test_*.py"))


def test_a_second_file_of_the_same_name_would_be_found():
    assert twice([Path("a/test_x.py"), Path("b/test_x.py"), Path("b/test_y.py")]) == ["test_x.py"]
