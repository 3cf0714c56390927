"""A new user's walk, in the shell and in a notebook: from the README to a file of labelled rows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parents[1]
SECONDS = 240  # that a cell may take on a slow machine, compilation included


def people(n, seed):
    rng = np.random.default_rng(seed)
    heights = np.concatenate([rng.normal(163, 6, n // 2), rng.normal(183, 6, n // 2)]).round(1)
    return pd.DataFrame({"name": [f"no. {at}" for at in range(n)], "height": heights})


def labelled_well(labels, n):
    """Whether rows are labelled as they were drawn, but for the few that overlap."""
    return (np.asarray(labels) == np.repeat([0, 1], n // 2)).mean() > 0.9


def command_of(start):
    """Return the command that the README shows to a new user, as words."""
    found = re.search(rf"{start}[^`\n]*", (ROOT / "README.md").read_text())
    assert found, f"the README has no {start}"
    return shlex.split(found[0])


def ran(words, folder):
    binary = Path(sys.executable).parent / words[0]
    found = subprocess.run(
        [binary, *words[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_rows_that_are_labelled_badly_would_be_found():
    assert labelled_well([0] * 20 + [1] * 20, 40)
    assert not labelled_well([0, 1] * 20, 40)


@pytest.mark.slow
def test_in_the_shell(tmp_path):
    fit, predict = command_of("second-opinion fit people"), command_of("second-opinion predict")
    column, names = fit[fit.index("--column") + 1], fit[fit.index("--names") + 1].split(",")
    for file, n in ((fit[2], 400), (predict[3], 40)):
        people(n, n).rename(columns={"height": column}).to_csv(tmp_path / file)
    assert "AGREE" in ran(fit, tmp_path)
    own = pd.read_csv(tmp_path / fit[fit.index("--out") + 1] / "memberships.csv")
    assert labelled_well(own["group_by_em"].map(names.index), 400)
    ran(predict, tmp_path)
    labelled = pd.read_csv(tmp_path / predict[predict.index("--out") + 1])
    assert labelled_well(labelled["group_by_em"].map(names.index), 40)
    chances = labelled[[f"posterior_{name}" for name in names]]
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-4)


class Notebook:
    """A kernel, and what each cell shows once it is done, as a notebook keeps it."""

    def __init__(self, folder):
        self.manager, self.client = start_new_kernel(cwd=folder)
        self.messages = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def cell(self, code):
        """Return what a cell shows: the contents of its outputs, in order."""
        shown, places = [], {}

        def keep(message):
            kind, content = message["msg_type"], message["content"]
            name = content.get("transient", {}).get("display_id")
            self.messages += 1
            if kind == "update_display_data":
                shown[places[name]] = content["data"]
            elif kind in ("display_data", "execute_result"):
                places[name] = len(shown)
                shown.append(content["data"])
            elif kind == "stream":
                shown.append({content["name"]: content["text"]})
            elif kind == "error":
                shown.append({"error": f"{content['ename']}: {content['evalue']}"})

        self.client.execute_interactive(code, timeout=SECONDS, output_hook=keep)
        return shown


@pytest.mark.slow
def test_in_a_notebook(tmp_path):
    people(400, 1).to_csv(tmp_path / "people.csv", index=False)
    read = 'import pandas as pd, second_opinion as so\nframe = pd.read_csv("people.csv")'
    ask = (
        'opinion = so.second_opinion("normal", frame, k=2, columns=["height"], draws=400, tune=400, '
        'starts=4, group_names=["women", "men"])'
    )
    label = 'frame.assign(group=opinion.predict(frame)).to_csv("labelled.csv", index=False)'
    with Notebook(tmp_path) as notebook:
        assert notebook.cell(read) == []
        seen = notebook.messages
        # bars were shown, and are gone: neither lines nor warnings are left
        assert notebook.cell(ask) == [{"text/plain": ""}]
        assert 5 < notebook.messages - seen < 4 * SECONDS
        (shown,) = notebook.cell("opinion")
        assert "Agree</strong>: EM and the posterior agree." in shown["text/html"]
        assert "mean[women]" in shown["text/html"]
        (shown,) = notebook.cell("opinion.findings")
        assert "checks passed." in shown["text/html"]
        (shown,) = notebook.cell("so.Sample(frame['height'])")
        assert "400 observations" in shown["text/html"]
        (shown,) = notebook.cell("opinion.plot_data(labels=['small', 'large'])")
        assert shown["image/png"].startswith("iVBOR")
        # negative control: what goes wrong is seen
        (shown,) = notebook.cell("opinion.predict(frame[['name']])")
        assert shown["error"].startswith("Refusal: ")
        assert notebook.cell(label) == []
    labelled = pd.read_csv(tmp_path / "labelled.csv")
    assert labelled.columns.tolist() == ["name", "height", "group"]
    assert labelled_well(labelled["group"], 400)


@pytest.mark.slow
def test_fits_and_choices_in_a_notebook(tmp_path):
    with Notebook(tmp_path) as notebook:
        notebook.cell("import second_opinion as so\nrows = so.Sample([0, 1, 1, 2, 7, 8, 9, 9])")
        (shown,) = notebook.cell("so.fit('poisson', rows, 2)")
        assert "log-likelihood" in shown["text/html"]
        few = "draws=200, tune=200, starts=2, replicates=19"
        bars, shown = notebook.cell(f"so.choose('poisson', rows, [1, 2], {few})")
        assert bars == {"text/plain": ""}
        assert '<tr class="best">' in shown["text/html"]
