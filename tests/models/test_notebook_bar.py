"""Bars in a notebook are one text that changes in place and goes when it is done."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import IPython.display
import pytest

from comparisons.progress import announce
from models import notebook_bar
from models.bar import bar


@pytest.fixture
def texts(monkeypatch):
    """Return what a notebook is told, as pairs of a place and a text; rich takes this for one."""
    told = []
    for name in ("display", "update_display"):

        def tell(content, *, raw, display_id, name=name):
            assert raw
            told.append((name, display_id, content["text/plain"]))

        monkeypatch.setattr(IPython.display, name, tell)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr(notebook_bar, "PLACES", {})
    return told


def test_a_bar_is_one_text_that_goes(texts, capsys):
    with warnings.catch_warnings(), bar("{task.completed} of {task.total} starts") as bars:
        warnings.simplefilter("error")
        task = bars.add_task("EM", total=20)
        for start in range(20):
            bars.update(task, completed=start + 1)
        bars.refresh()
        print("said in between")  # noqa: T201
    kinds, places, shown = zip(*texts, strict=True)
    assert kinds == ("display", *["update_display"] * (len(kinds) - 1))
    assert len(set(places)) == 1
    assert any("EM" in one and "20 of 20 starts" in one for one in shown)
    assert shown[-1] == ""
    assert all("\x1b" not in one for one in shown)
    assert capsys.readouterr() == ("said in between\n", "")


def test_bars_of_a_cell_take_the_same_place_and_those_of_the_next_another(texts, monkeypatch):
    for cell in (7, 7, 8):
        shell = SimpleNamespace(execution_count=cell)
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda shell=shell: shell)
        with bar() as bars:
            bars.add_task("EM", total=None)
    assert [kind for kind, *_ in texts].count("display") == 2
    assert len({place for _, place, _ in texts}) == 2
    assert texts[-1][2] == ""


def test_a_bar_that_is_not_wanted_is_not_shown(texts):
    with bar(shown=False) as bars:
        bars.add_task("EM", total=20)
    assert texts == []


def test_phases_are_announced_where_there_is_no_bar(texts, capsys, monkeypatch):
    announce("reading")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: False)
    announce("reading")
    assert capsys.readouterr().err == "reading ...\n"
