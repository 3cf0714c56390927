"""`import second_opinion as so` is all that a user needs; what hides it is named."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import bayes
import comparisons
import em
import models
import second_opinion as so

ROOT = Path(__file__).parents[1]
HEAVY = {"arviz", "matplotlib", "numba", "nutpie", "pandas", "pymc", "pytensor", "sklearn"}
LOADED = """
import json, sys
import second_opinion as so
{use}
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def python(*words, cwd, path=()):
    """Run Python in a folder, with further folders on its path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def loaded(use, cwd):
    found = python("-c", LOADED.format(use=use), cwd=cwd)
    assert found.returncode == 0, found.stderr
    return set(json.loads(found.stdout))


def test_the_import_loads_nothing_and_a_family_nothing_heavy(tmp_path):
    assert not loaded("dir(so)", tmp_path) & {*HEAVY, "numpy", "models"}
    found = loaded("so.fit(so.Poisson, so.Sample([0, 1, 7, 9]), 2)", tmp_path)
    assert {"numpy", "em"} <= found
    assert not found & HEAVY
    # negative control: a comparison needs PyMC
    assert "pymc" in loaded("so.second_opinion", tmp_path)


def test_every_name_is_what_its_package_calls_so():
    for name in so.__all__:
        found = getattr(so, name)
        homes = [one for one in (models, em, bayes, comparisons) if name in one.__all__]
        assert homes == [] or any(getattr(home, name) is found for home in homes)
    assert {*models.__all__} - {*so.__all__} == {"ordered"}
    assert {*comparisons.__all__} <= {*so.__all__}
    with pytest.raises(AttributeError, match="no attribute 'seccond_opinion'"):
        so.seccond_opinion  # noqa: B018


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "second_opinion.py").read_text())
    guarded = next(one for one in tree.body if isinstance(one, ast.If))
    seen = {name.name for one in guarded.body for name in one.names}
    assert seen - {"ModuleSpec", "ModuleType"} == {*so.__all__}


@pytest.mark.parametrize(
    "package", [so, models, em, bayes, comparisons], ids=lambda one: one.__name__
)
def test_dir_shows_the_public_names(package):
    assert {*package.__all__} <= {*dir(package)}
    assert sorted(package.__all__) == sorted(set(package.__all__))


def test_dir_shows_names_that_are_not_imported_yet(tmp_path):
    check = "import comparisons; print('second_opinion' in dir(comparisons))"
    assert python("-c", check, cwd=tmp_path).stdout == "True\n"


HIDDEN = {
    "models/__init__.py": "folder",
    "em.py": "file",
    "bayes/__init__.py": "folder",
    "comparisons.py": "file",
}


@pytest.mark.parametrize(("path", "kind"), HIDDEN.items())
def test_what_hides_a_package_of_ours_is_named_with_what_to_do(path, kind, tmp_path):
    mine = tmp_path / path
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("")
    shown = mine.parent if kind == "folder" else mine
    name = mine.parent.name if kind == "folder" else mine.stem
    said = (
        f"{shown} hides the package {name} of Second Opinion, which is in {ROOT}; rename that "
        f"{kind}, or run Python in another folder"
    )
    # on the path, the folder comes before the one where ours are installed
    found = python("-c", "import second_opinion as so; so.Sample", cwd=ROOT.parent, path=[tmp_path])
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == f"ImportError: {said}"
    # the command says it in one line, and its status is no verdict
    found = python("-m", "second_opinion", "study", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"second-opinion: {said}\n"


def test_folders_that_hide_nothing_are_left_alone(tmp_path):
    (tmp_path / "models").mkdir()  # without __init__.py Python prefers ours
    (tmp_path / "models" / "notes.txt").write_text("")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "__init__.py").write_text("")
    used = python("-m", "second_opinion", "fit", "-x", cwd=tmp_path)
    assert used.returncode == 2
    assert "see second-opinion fit -h" in used.stderr  # the command's name, however it is run
    found = python("-m", "second_opinion", "--version", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("second-opinion ")


def test_a_package_that_is_imported_already_is_named_as_well(monkeypatch, tmp_path):
    other = types.ModuleType("em")
    other.__file__ = str(tmp_path / "em.py")
    monkeypatch.setitem(sys.modules, "em", other)
    so._refuse_others.cache_clear()
    with pytest.raises(ImportError, match=r"em\.py hides the package em of Second Opinion"):
        so._refuse_others()
    monkeypatch.undo()
    so._refuse_others()


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(so, "PACKAGES", ("models", "emm"))
    so._refuse_others.cache_clear()
    with pytest.raises(ImportError, match=r"emm is missing; install second-opinion anew"):
        so._refuse_others()


def uv(*words):
    """Run uv with what its cache holds, and otherwise with the network."""
    for way in (["--offline"], []):
        found = subprocess.run(
            ["uv", *map(str, words), *way], capture_output=True, text=True, check=False, cwd=ROOT
        )
        if found.returncode == 0:
            return
    pytest.fail(found.stderr)


@pytest.mark.slow
def test_the_wheel_works_in_a_fresh_environment_or_says_what_hides_it(tmp_path):
    uv("build", "--wheel", "--out-dir", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    uv("venv", "--python", sys.executable, tmp_path / "fresh")
    binaries = tmp_path / "fresh" / "bin"
    uv("pip", "install", "--python", binaries / "python", wheel)

    def run(*words, cwd):
        environment = {name: one for name, one in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [binaries / words[0], *words[1:]],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    plain, project = tmp_path / "plain", tmp_path / "project"
    for folder in (plain, project):
        folder.mkdir()
        (folder / "counts.csv").write_text("n\n" + "\n".join("0011122789"))
    (project / "models").mkdir()
    (project / "models" / "__init__.py").write_text("MINE = 1")
    fit = "import second_opinion as so; print(so.fit('poisson', so.Sample([0, 1, 7, 9]), 2).steps > 0)"
    asked = ("fit", "counts.csv", "-f", "poisson", "-c", "n", "-k", "2", "--only", "em")
    found = run("python", "-c", fit, cwd=plain)
    assert (found.stdout, found.stderr) == ("True\n", "")
    for words in (("python", "-m", "second_opinion"), ("second-opinion",)):
        found = run(*words, *asked, cwd=plain)
        assert found.returncode == 0, found.stderr
        assert found.stdout.startswith("Poisson, 2 groups, 10 observations")
    # a folder of the user's with the name of one of ours
    found = run("python", "-c", fit, cwd=project)
    assert found.returncode == 1
    assert f"{project / 'models'} hides the package models" in found.stderr.splitlines()[-1]
    found = run("python", "-m", "second_opinion", *asked, cwd=project)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith(f"second-opinion: {project / 'models'} hides the package models")
    # the command itself does not look for packages where it is run
    assert run("second-opinion", *asked, cwd=project).returncode == 0
