"""How many inputs the campaign tries: some hundred by default, `--inputs 10000` in the long run."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from running import ended

SHORT = 300
TRIED = pytest.StashKey[Counter]()


def pytest_addoption(parser):
    parser.addoption("--inputs", type=int, default=SHORT, help="How many inputs to abuse us with.")


def pytest_sessionfinish(session):
    """Tell the process that asked for this one, if one did, how many inputs were tried here."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tried"] = dict(session.config.stash.get(TRIED, {}))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    counted = node.config.stash.setdefault(TRIED, Counter())
    counted.update(getattr(node, "workeroutput", {}).get("tried", {}))


def pytest_terminal_summary(terminalreporter, config):
    counted = config.stash.get(TRIED, Counter())
    if counted:
        told = ", ".join(f"{count:,} {name}" for name, count in counted.items())
        terminalreporter.write_line(f"inputs tried: {counted.total():,} ({told})")


@pytest.fixture
def inputs(request):
    """Return how many inputs are asked for; plain pytest, which meets this file late, asks none."""
    return request.config.getoption("inputs", SHORT)


@pytest.fixture
def on_each(request, inputs):
    """Return what checks a share of all inputs, drawn from a strategy, the same in every run."""
    counted = request.config.stash.setdefault(TRIED, Counter())
    steady = settings(
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        max_examples=inputs,
    )

    def run(share, strategy, check):
        @settings(steady, max_examples=max(1, round(share * inputs)))
        @given(strategy)
        def campaign(case):
            counted[request.node.originalname] += 1
            check(case)

        campaign()

    return run


@pytest.fixture
def give(tmp_path, monkeypatch):
    """Return what runs a command on files in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def given(words, files):
        for one in tmp_path.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        table, record = files
        names = [f"table{table.suffix}", f"record{record.suffix}"]
        for name, file in zip(names, files, strict=True):
            (tmp_path / name).write_bytes(file.content)
        places = {"{0}": names[0], "{1}": names[1], "{0}.csv": "no.csv"}
        typed = [places.get(word, word) for word in words]
        return ended(typed, table.content), {one.name for one in tmp_path.iterdir()} - set(names)

    return given
