"""What all studies have in common."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import comparisons.studies
from comparisons.pages.steps import Steps
from comparisons.pictures.catalogue import KINDS
from comparisons.pictures.style import PHONE, WIDTH, for_phones, svg
from comparisons.studies import NEEDS, OPTIONS, STUDIES

LONG = ("starts", "clusters", "topics")  # studies that take over eight seconds
RUN = '\n\nif __name__ == "__main__":\n    tell_file(__file__)\n'
FOLDER = Path(comparisons.studies.__file__).parent


def told(path):
    """Return the lines of a study's file, imports, examples and its last lines left out."""
    source = path.read_text().removesuffix(RUN)
    source = re.sub(r"\n\n    >>> .*?(?=\n    \"\"\")", "", source, flags=re.DOTALL)
    tree = ast.parse(source)
    imports = [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
    left_out = {at for one in imports for at in range(one.lineno, one.end_lineno + 1)}
    return [line for at, line in enumerate(source.splitlines(), 1) if at not in left_out]


def test_every_file_is_a_study_and_reads_as_a_story():
    files = {path.stem: path for path in FOLDER.glob("*.py") if path.stem != "__init__"}
    assert set(files) == set(STUDIES)
    lengths = {name: len(told(path)) for name, path in files.items()}
    assert {name: length for name, length in lengths.items() if not 40 <= length <= 120} == {}
    assert all(path.read_text().endswith(RUN) for path in files.values())
    assert set(NEEDS) <= set(STUDIES)
    assert {name for takers in OPTIONS.values() for name in takers} <= set(STUDIES)


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.slow] * (one in LONG)) for one in STUDIES]
)
def test_a_study_tells_a_whole_story(name, story):
    told = story(name)
    assert told.steps
    for steps in told.steps:
        assert steps.title
        assert steps.rows
        assert all(len(row) == len(steps.columns) for row in steps.words())
        assert all(word for row in steps.words() for word in row)
    assert told.learned.endswith((".", ".)"))
    assert told.pictures
    names = [picture.name for picture in told.pictures]
    assert len(set(names)) == len(names)
    assert not set(names) & set(KINDS)
    for picture in told.pictures:
        assert picture.alt.endswith(".")
        figure = picture.figure()
        assert svg(figure) == svg(picture.figure())
        assert figure.get_size_inches()[0] == WIDTH
        with for_phones():
            assert picture.figure().get_size_inches()[0] == PHONE


def test_cells_are_written_as_their_columns_say():
    steps = Steps(
        "", {"a": ".2f", "b": ",d", "c": ""}, [(1.234, 5000, "x"), (float("nan"), 2, None)]
    )
    assert steps.words() == [["1.23", "5,000", "x"], ["–", "2", "–"]]
