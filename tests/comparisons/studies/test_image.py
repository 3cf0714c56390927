"""A photograph: its foreground, its intensities, its colours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from comparisons.studies import Setting, image
from comparisons.studies.calculations.boundary import both, each_chance
from comparisons.studies.calculations.foreground import foreground
from comparisons.studies.calculations.photograph import read_photograph
from models.refusal import Refusal


def test_the_foreground_holds_more_of_the_middle():
    likely = np.zeros((40, 60))
    likely[10:30, 15:45] = 0.9
    which, middle, edge = foreground(likely)
    assert (which, edge) == (1, 0)
    assert middle == pytest.approx(0.9)
    assert foreground(1 - likely)[0] == 0  # negative control: the other way round


@pytest.mark.slow
def test_a_disc_is_cut_out(tmp_path):
    """A disc of known area, bright on dark, and dark on bright: within 4 standard errors."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:80, :120]
    disc = (x - 60) ** 2 + (y - 40) ** 2 < 700
    for bright in (True, False):
        pixels = np.clip(rng.normal(np.where(disc == bright, 180, 70), 15), 0, 255).astype("u1")
        Image.fromarray(pixels).save(tmp_path / "disc.png")
        told = image.tell(Setting(image=tmp_path / "disc.png", progress=False))
        row = told.comparison.to_frame().loc[f"weight[{int(bright)}]"]

        def recovered(area, row=row):
            return abs(row["mean"] - area) < 4 * row["sd"]

        assert recovered(disc.mean())
        assert not recovered(1 - disc.mean())  # negative control
        assert "grey" in told.learned
        assert len(told.steps[0].rows) == 2


def test_the_photograph(story):
    told = story("image")
    tree = told.comparison.tree
    assert tree.attrs["observations"] == 512 * 600
    assert tree["constant_data"].sizes["row"] <= 256
    em, _ = both(told.comparison)
    at, low, high = told.steps[1].rows[0]
    assert low < at < high
    odds = each_chance(em, np.array([low - 1, at, high + 1]))
    assert odds[0] < 0.5 < odds[2]
    assert odds[1] == pytest.approx(0.5, abs=1e-6)
    assert [row[0] for row in told.steps[0].rows] == ["intensity"] * 2 + ["colour"] * 2
    rows = {row[0]: row for row in told.steps[2].rows}
    posterior, by_em = rows["share by the posterior"], rows["share by EM of intensity"]
    assert abs(posterior[1] - by_em[1]) < by_em[2]


def test_what_is_separated_already_is_said(tmp_path):
    Image.fromarray(np.eye(9, dtype=bool)).save(tmp_path / "two.png")
    with pytest.raises(Refusal, match="two intensities only"):
        image.tell(Setting(image=tmp_path / "two.png", progress=False))
    assert read_photograph(image.get_sample_data("grace_hopper.jpg", asfileobj=False)).pixels
