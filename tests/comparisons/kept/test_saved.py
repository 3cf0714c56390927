"""What a release saved is read with the same numbers, or refused with the release that reads it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bayes.posterior import older
from bayes.posterior.older import refuse_unread
from bayes.posterior.tree import posterior_of
from comparisons import compare, load
from comparisons.choice.candidates import Candidates
from comparisons.choice.json import of_choice
from comparisons.choice.rows import Row
from comparisons.json_values import json_text
from comparisons.pages.json import of_comparison, of_story
from comparisons.pages.report import report
from comparisons.replicates import KEPT, kept, run
from comparisons.trust.calibration import Design
from comparisons.trust.summary import summary
from comparisons.trust.tables import json_of
from em import fit
from models import Mixture, Poisson, Sample
from models.refusal import Refusal

SAVED = Path(__file__).parent / "saved"
RELEASES = sorted(path.name.removesuffix(".tar.xz") for path in SAVED.glob("*.tar.xz"))
COMPARED = ("counts", "chain", "topics", "mixed")
LATER = {"format": 2, "versions": '{"second-opinion": "0.3"}'}


def extracted(path, folder):
    """Return a folder with what an archive holds."""
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module", params=RELEASES)
def saved(request, tmp_path_factory):
    """Return the folder of what a release saved."""
    folder = tmp_path_factory.mktemp(request.param)
    return extracted(SAVED / f"{request.param}.tar.xz", folder)


def read(path):
    return json.loads(path.read_text())


def plain(value):
    """Return what is read back of an object that is printed as JSON."""
    return json.loads(json_text(value))


def lost(before, now, where="$"):
    """Return where an object has not the keys and values that it had; new keys are no loss."""
    if isinstance(before, dict) and isinstance(now, dict):
        gone = [f"{where}.{key}" for key in before.keys() - now.keys()]
        both = before.keys() & now.keys()
        return gone + [one for key in both for one in lost(before[key], now[key], f"{where}.{key}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [one for at, (old, new) in pairs for one in lost(old, new, f"{where}[{at}]")]
    return [] if before == now else [where]


def test_what_is_lost_is_found():
    before = {"a": [{"b": 1.5}, None], "c": "x"}
    assert lost(before, {**before, "d": 2}) == []
    assert lost(before, {"a": [{"b": 1.5}, None]}) == ["$.c"]
    assert lost(before, {**before, "a": [{"b": 1.5000001}, None]}) == ["$.a[0].b"]
    assert lost(before, {**before, "a": [{"b": 1.5}]}) == ["$.a"]


def test_there_are_files_of_releases():
    assert RELEASES


@pytest.mark.parametrize("name", COMPARED)
def test_a_saved_comparison_says_what_it_said(saved, name):
    comparison = load(saved / f"{name}.nc")
    assert lost(read(saved / f"{name}.json"), plain(of_comparison(comparison))) == []
    again = comparison.question.data  # the rows are there to be asked about
    assert {*comparison.predict(again)} <= {0, 1}
    np.testing.assert_allclose(comparison.memberships.em.sum(axis=1), 1)


@pytest.mark.parametrize("name", ["counts", "chain"])
def test_a_comparison_of_an_earlier_layout_says_what_it_said(name, tmp_path):
    folder = extracted(SAVED / "earlier" / "before-rows.tar.xz", tmp_path)
    comparison = load(folder / f"{name}.nc")
    assert lost(read(folder / f"{name}.json"), plain(of_comparison(comparison))) == []
    before = xr.load_datatree(folder / f"{name}.nc")["sample_stats"]
    assert "log_likelihood" in before  # which ArviZ took for a single row's: it is renamed
    np.testing.assert_array_equal(comparison.heights, before["log_likelihood"])


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_a_saved_comparison_is_drawn_and_written_again(saved, name, tmp_path):
    comparison = load(saved / f"{name}.nc")
    page = report(comparison, None)
    assert [row.title for row in comparison.parameters if row.title not in page] == []
    comparison.save(tmp_path / "again.nc")
    assert load(tmp_path / "again.nc").findings == comparison.findings


def test_a_saved_posterior_has_the_same_draws(saved):
    posterior = xr.load_datatree(saved / "posterior.nc")
    found = posterior_of(posterior)
    assert (found.question.k, found.sizes, found.prior is not None) == (2, (2, 10), True)
    rows = [one for one in read(saved / "counts.json")["parameters"] if one["name"] == "rate"]
    rate = found.draws.theta.rate  # of the same seed as the comparison's
    np.testing.assert_allclose(rate.mean(axis=0), [one["mean"] for one in rows], rtol=1e-14)
    np.testing.assert_allclose(rate.std(axis=0, ddof=1), [one["sd"] for one in rows], rtol=1e-12)


def test_a_saved_calibration_gives_the_same_summary(saved, tmp_path):
    lines = (saved / KEPT).read_text().splitlines()
    (tmp_path / KEPT).write_text("\n".join(lines) + "\n")
    header = json.loads(lines[0])
    records = kept(tmp_path, header)
    assert sorted(records) == list(range(6))
    design = Design(**{name: header[name] for name in Design._fields if name in header})
    found = summary([records[number] for number in range(6)], design.kind())
    before, now = read(saved / "summary.json"), plain(json_of(design, found))
    kinds = {one["interval"] for one in before["coverage"]}  # later kinds are no loss
    now["coverage"] = [one for one in now["coverage"] if one["interval"] in kinds]
    assert lost(before, now) == []
    # other code is not mixed in: the release that began it is named
    with pytest.raises(Refusal, match=rf"begun by Second Opinion {header['version']} \(code") as no:
        run(dict, 6, jobs=1, folder=tmp_path, settings={**header, "version": "9", "code": "other"})
    assert "this is 9 (code other): finish it with the code that began it" in str(no.value)
    with pytest.raises(Refusal, match=r"other settings \(seed 0 instead of 1\); give another"):
        run(dict, 6, jobs=1, folder=tmp_path, settings={**header, "seed": 1})


def test_the_json_of_a_choice_and_of_a_study_keeps_its_keys(saved, story):
    sample = Sample([0, 1, 1, 0, 2, 1, 0, 7, 9, 8, 6, 7, 10, 8])
    choice = plain(of_choice(Candidates((Row(Poisson, 2, fit(Poisson, sample, 2)),))))
    before = read(saved / "choice.json")
    assert before.keys() <= choice.keys()
    assert before["rows"][0].keys() <= choice["rows"][0].keys()
    before, now = read(saved / "study.json"), plain(of_story("dish", story("dish")))
    assert before.keys() <= now.keys()
    assert before["steps"][0].keys() <= now["steps"][0].keys()
    assert (before["format"], before["study"]) == (now["format"], now["study"]) == (1, "dish")


def test_another_format_is_refused_with_the_release_that_reads_it(saved, tmp_path):
    tree = load(saved / "counts.nc").tree
    said = (
        r"has format 2, and this is Second Opinion [0-9.]+, which reads format 1; "
        r"read it with Second Opinion 0\.3, which saved it, or run the comparison again"
    )
    later = tree.copy()
    later.attrs |= LATER
    later.to_netcdf(tmp_path / "later.nc")
    with pytest.raises(Refusal, match=rf"later\.nc {said}$") as no:
        load(tmp_path / "later.nc")
    assert "\n" not in str(no.value)
    posterior = load(saved / "counts.nc").tree
    assert posterior.attrs["format"] == 1
    posterior.attrs |= LATER
    with pytest.raises(Refusal, match=f"^the posterior {said}$"):
        compare(Mixture([0.5, 0.5], Poisson([1.0, 8.0])), posterior)
    for strange in ("two", [1, 2], -1):
        later.attrs |= {"format": strange, "versions": "{}"}
        later.to_netcdf(tmp_path / "strange.nc")
        with pytest.raises(Refusal, match=r"reads format 1; run the comparison again$"):
            load(tmp_path / "strange.nc")


def test_a_file_that_says_no_format_is_of_the_first_whatever_ours_is(saved, monkeypatch):
    tree = load(saved / "counts.nc").tree.copy()
    del tree.attrs["format"]
    refuse_unread(tree, "first.nc")
    monkeypatch.setattr(older, "FORMAT", 2)
    with pytest.raises(Refusal, match=r"first\.nc has format 1"):
        refuse_unread(tree, "first.nc")


def test_a_comparison_that_is_loaded_needs_its_file_no_more(saved, tmp_path):
    file = tmp_path / "gone.nc"
    file.write_bytes((saved / "counts.nc").read_bytes())
    comparison = load(file)
    file.unlink()  # xarray leaves some variables in it, which a later file would have changed
    assert comparison.deviance.shape == (2, 10)
    assert np.isfinite(comparison.optima.log_likelihood).all()
    comparison.save(file)
    assert load(file).findings == comparison.findings


@pytest.mark.parametrize("what", ["group em", "group deviance", "attribute findings"])
def test_a_file_without_what_every_comparison_has_is_refused(saved, what, tmp_path):
    tree = load(saved / "counts.nc").tree
    kind, name = what.split()
    if kind == "group":
        del tree[name]
    else:
        del tree.attrs[name]
    tree.to_netcdf(tmp_path / "part.nc")
    with pytest.raises(
        Refusal, match=rf"part\.nc has no {what}, which every comparison has; run the"
    ):
        load(tmp_path / "part.nc")
