"""From a file to labelled rows: memberships.csv, shares.csv, and the command predict."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from scipy.stats import norm
from workbooks import written

import comparisons
from comparisons.command import main as cli
from comparisons.command.arrangement import Arrangement
from comparisons.kept.atomic import CONTENTS
from comparisons.prediction.beside import write_memberships
from comparisons.prediction.table import memberships_of_own, shares_of_own
from comparisons.verdict.predictions import few_of
from models import Gaussian, Groups, Sample, Sequences
from models.reading.as_given import Reader, rows_as_given
from models.reading.columns import Columns
from models.reading.source import Files
from models.refusal import Refusal

FEW = ("--draws", "500", "--starts", "5")
WRITTEN = 1.1e-6  # rounding of what is written: half of the sixth digit, and of what it is held to


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return what runs the command in an empty folder: (status, standard output, error)."""
    monkeypatch.chdir(tmp_path)

    def called(*words):
        monkeypatch.setattr(sys, "argv", ["second-opinion", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return called


def table(path):
    return pd.read_csv(path)


def block(frame, what):
    return frame.filter(regex=rf"^{what}_[0-9]+$").to_numpy()


def people():
    """Two groups of heights, two of them blank, in a file whose names have commas."""
    low, high = np.random.default_rng(1), np.random.default_rng(2)
    heights = np.concatenate([low.normal(160, 5, 120), high.normal(178, 5, 60)]).round(1)
    lines = [["name", "height, cm", "town"]]
    lines += [[f"p, {at}", one, "Eton"] for at, one in enumerate(heights.tolist())]
    lines[3][1] = lines[90][1] = "NA"
    return lines


def write(path, lines):
    with Path(path).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(lines)


def typed(folder, *words):
    """Run the command in a shell, and return what it prints."""
    command = Path(sys.executable).with_name("second-opinion")
    made = subprocess.run(
        [command, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert made.returncode in (0, 1, 3), made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Return a folder in which heights were fitted, once."""
    folder = tmp_path_factory.mktemp("walked")
    write(folder / "people.csv", people())
    asked = ["-f", "gaussian", "-c", "height, cm", "-k", "2", "--drop-missing", *FEW]
    typed(folder, "fit", "people.csv", *asked, "--out", "heights")
    return folder


@pytest.fixture
def heights(run, walked, tmp_path):
    """Return a loaded comparison of heights, whose folder and file are here."""
    shutil.copytree(walked, tmp_path, dirs_exist_ok=True)
    return comparisons.load("heights")


def test_from_a_file_to_labelled_rows_in_the_shell(heights, tmp_path):
    lines, opinion = people(), heights
    write(tmp_path / "new.csv", [["id", "height, cm"], [7, 158.0], [8, 184.5]])
    assert "memberships.csv" in CONTENTS
    kept = table(tmp_path / "heights" / "memberships.csv")
    # dropped rows count, so that the number finds the row in the file
    assert kept["row_in_file"].tolist() == [at for at in range(1, 181) if at not in (3, 90)]
    heights = np.array([float(lines[at][1]) for at in kept["row_in_file"]])

    at = opinion.fields
    joint = norm.logpdf(heights[:, None], at["mean"], at["sd"]) + np.log(at["weight"])
    np.testing.assert_allclose(block(kept, "em"), softmax(joint, axis=1), atol=WRITTEN)
    assert kept["group_by_em"].tolist() == (joint.argmax(axis=1) + 1).tolist()
    draws = few_of(opinion._predictor.few)
    each = np.stack(
        [
            softmax(norm.logpdf(heights[:, None], mean, sd) + np.log(weight), axis=1)
            for weight, mean, sd in zip(draws.weight, draws.theta.mean, draws.theta.sd, strict=True)
        ]
    )
    np.testing.assert_allclose(block(kept, "posterior"), each.mean(axis=0), atol=WRITTEN)
    low, high = np.quantile(each, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(block(kept, "low"), low, atol=WRITTEN)
    np.testing.assert_allclose(block(kept, "high"), high, atol=WRITTEN)
    # negative control: EM's probabilities are not the posterior's
    assert not np.allclose(block(kept, "em"), each.mean(axis=0), atol=WRITTEN)

    typed(tmp_path, "predict", "heights", "people.csv", "--out", "again.csv")
    assert (tmp_path / "again.csv").read_text() == (
        tmp_path / "heights" / "memberships.csv"
    ).read_text()
    labelled = table(pd.io.common.StringIO(typed(tmp_path, "predict", "heights", "new.csv")))
    assert labelled["group_by_em"].tolist() == [1, 2]
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "again.csv",
        "heights",
        "new.csv",
        "people.csv",
    ]


def test_other_files_are_found_by_name_or_refused_in_one_line(heights, run, rng):
    rows = [["height, cm", "extra"], [150.0, "x"], ["", "y"], [190.0, "z"]]
    write("other.csv", rows)
    status, out, _ = run("predict", "heights", "other.csv")
    found = table(pd.io.common.StringIO(out))
    assert status == 0
    assert found["row_in_file"].tolist() == [1, 3]  # as in the fit, rows with blanks are dropped
    assert found["group_by_em"].tolist() == [1, 2]
    status, out, _ = run("predict", "heights", "other.csv", "--only", "em")
    short = table(pd.io.common.StringIO(out))
    assert list(short) == ["row_in_file", "group_by_em", "em_1", "em_2", "log_density_by_em"]
    pd.testing.assert_frame_equal(short, found[list(short)])

    lines = people()
    order = rng(5).permutation(np.arange(1, len(lines)))
    write("shuffled.csv", [lines[0], *(lines[at] for at in order)])
    _, out, _ = run("predict", "heights", "shuffled.csv")
    shuffled = table(pd.io.common.StringIO(out))
    kept = table("heights/memberships.csv").set_index("row_in_file")
    place = [order[at - 1] for at in shuffled["row_in_file"]]
    pd.testing.assert_frame_equal(
        shuffled.drop(columns="row_in_file"), kept.loc[place].reset_index(drop=True)
    )
    # negative control: in the file's order they are not the same
    assert not shuffled["group_by_em"].equals(kept["group_by_em"].reset_index(drop=True))

    write("none.csv", [["Height"], [150.0]])
    write("twice.csv", [["height, cm", "height, cm"], [150.0, 151.0]])
    write("words.csv", [["height, cm"], ["tall"]])
    Path("alone.csv").write_text("taken")
    for words, said in {
        ("heights", "none.csv"): "none.csv has no column 'height, cm'",
        ("heights", "twice.csv"): "twice.csv has 2 columns called 'height, cm'",
        ("heights", "words.csv"): "height, cm: line 2 is 'tall', which is not a number",
        (
            "heights",
            "other.csv",
            "--out",
            "alone.csv",
        ): "alone.csv exists already; give another name, or add --overwrite",
        ("heights", "other.csv", "--out", "no/where.csv"): "there is no folder no",
        ("heights", "other.csv", "--out", "heights"): "heights is a folder; give a file",
        ("heights", "other.csv", "--shares"): "in no groups",
        ("heights", "other.csv", "--only", "mcmc"): "it takes em",
        ("nowhere", "other.csv"): "nowhere does not exist",
    }.items():
        status, out, err = run("predict", *words)
        assert status == 2
        assert out == ""
        assert said in err
        assert len([line for line in err.splitlines() if "..." not in line]) == 1
    assert Path("alone.csv").read_text() == "taken"
    run("predict", "heights", "other.csv", "--out", "alone.csv", "--overwrite")
    assert table("alone.csv").equals(found)


def test_rows_are_predicted_as_their_file_writes_numbers(heights, run, tmp_path):
    (tmp_path / "plain.csv").write_text('"height, cm",n\n158.5,1\n184.5,2\n')
    (tmp_path / "commas.csv").write_text("height, cm;n\n158,5;1\n184,5;2\n")
    (tmp_path / "unsure.csv").write_text("height, cm;n\n158.500;1\n184.500;2\n")
    plain, commas = run("predict", "heights", "plain.csv"), run("predict", "heights", "commas.csv")
    assert commas[:2] == plain[:2]
    assert "height, cm: decimal commas: 158,5 is 158.5" in commas[2]
    status, _, err = run("predict", "heights", "unsure.csv")
    assert status == 2
    assert "which may be 158.5 or 158500; say which one (--decimal . or --thousands .)" in err
    assert run("predict", "heights", "unsure.csv", "--decimal", ".")[:2] == plain[:2]
    status, _, err = run("predict", "heights", "plain.csv", "--sheet", "1")
    assert "plain.csv is not a workbook, so it has no sheet '1'" in err


def test_the_sheet_of_a_comparison_is_read_again(heights, run, tmp_path):
    rows = [["height, cm"], [158.5], [184.5]]
    write(tmp_path / "plain.csv", rows)
    written(tmp_path / "book.xlsx", {"Notes": [["words"], ["none"]], "People": rows})
    plain = run("predict", "heights", "plain.csv")
    status, _, err = run("predict", "heights", "book.xlsx")  # the first sheet
    assert status == 2
    assert "has no column 'height, cm'" in err
    file = Files(tmp_path / "book.xlsx", sheet="People")
    asked = Gaussian, file, ["height, cm"], None, None, None
    heights.keep_reading(Arrangement().observed(*asked, drop_missing=False).reading)
    heights.save("people.nc")
    assert run("predict", "people.nc", "book.xlsx")[:2] == plain[:2]
    assert run("predict", "people.nc", "plain.csv")[:2] == plain[:2]  # which has no sheets
    status, _, err = run("predict", "people.nc", "book.xlsx", "--sheet", "Notes")
    assert "has no column 'height, cm'" in err


def test_a_comparison_of_another_format_is_refused_by_its_version(heights, run):
    heights.tree.attrs["format"] = 99
    heights.tree.to_netcdf("newer.nc")
    status, _, err = run("predict", "newer.nc", "people.csv")
    assert status == 2
    assert re.search(r"newer.nc has format 99, and this is Second Opinion [0-9.]+, which", err)


def test_python_says_the_same_as_the_command(heights):
    frame = table("people.csv").dropna()
    kept = table("heights/memberships.csv")
    assert heights.predict(frame).tolist() == (kept["group_by_em"] - 1).tolist()
    for by, what in (("em", "em"), ("posterior", "posterior")):
        proba = heights.predict_proba(frame, by=by)
        np.testing.assert_allclose(proba, block(kept, what), atol=WRITTEN)
        scores = heights.score_samples(frame, by=by)
        np.testing.assert_allclose(scores, kept[f"log_density_by_{by}"], atol=WRITTEN)
        assert heights.predict(frame, by=by).tolist() == proba.argmax(axis=1).tolist()
    x = frame["height, cm"].to_numpy()
    for data in (x, x.tolist(), Sample(x), frame["height, cm"]):
        assert heights.predict(data).tolist() == heights.predict(frame).tolist()
    for data, said in (
        (frame.rename(columns={"height, cm": "height"}), "no column 'height, cm'"),
        (pd.concat([frame, frame], axis=1), "2 columns called 'height, cm'"),
        (Sequences(x), "data is a Sequences, the comparison is of a Sample"),
        (np.column_stack([x, x]), "data have 2 columns, the comparison 1"),
        (["tall", "small"], "other categories"),
    ):
        with pytest.raises(Refusal, match=said):
            heights.predict(data)
    with pytest.raises(Refusal, match="give 'em' or 'posterior'"):
        heights.predict(frame, by="mcmc")
    with pytest.raises(Refusal, match="no groups"):
        heights.fold_in(frame)


def test_states_over_time(run, rng):
    generator = rng(7)
    lines, expected = [["day", "n", "site"]], []
    for site in ("a, b", "c"):
        state = np.repeat([0, 1, 0, 1], 15)
        counts = generator.poisson(np.array([2.0, 12.0])[state])
        lines += [[day, int(one), site] for day, one in enumerate(counts)]
        expected += (state + 1).tolist()
    lines[10][1] = lines[70][1] = ""
    write("days.csv", lines)
    asked = ("-f", "poisson", "-c", "n", "-k", 2, "--sequence", "site", *FEW)
    run("fit", "days.csv", *asked, "--out", "found")
    kept = table("found/memberships.csv")
    assert kept["row_in_file"].tolist() == list(range(1, 121))
    assert kept["site"].tolist() == ["a, b"] * 60 + ["c"] * 60
    unseen = kept["log_density_by_em"].isna()
    assert np.flatnonzero(unseen).tolist() == [9, 69]
    assert (kept["state_by_em"] == expected).mean() > 0.97
    opinion = comparisons.load("found")
    fit = opinion._predictor._fit
    np.testing.assert_allclose(block(kept, "em"), fit.occupancy(), atol=WRITTEN)
    assert kept["state_by_em"].tolist() == (fit.decode() + 1).tolist()
    run("predict", "found", "days.csv", "--out", "again.csv")
    assert Path("again.csv").read_text() == Path("found/memberships.csv").read_text()
    # each site alone is what it was among both: sequences do not depend on each other
    write("second.csv", [lines[0], *lines[61:]])
    _, out, _ = run("predict", "found", "second.csv")
    alone = table(pd.io.common.StringIO(out))
    pd.testing.assert_frame_equal(
        alone.drop(columns="row_in_file"),
        kept.iloc[60:].drop(columns="row_in_file").reset_index(drop=True),
        atol=WRITTEN,
    )


def documents(rng):
    generator, lines = rng(9), [["text", "word", "times"]]
    prob = np.array([[0.5, 0.3, 0.15, 0.05], [0.05, 0.15, 0.3, 0.5]])
    for text in range(6):
        share = 0.9 if text % 2 else 0.2
        times = generator.multinomial(300, share * prob[0] + (1 - share) * prob[1])
        lines += [[f"t, {text}", word, int(n)] for word, n in zip("abcd", times, strict=True)]
    lines.insert(4, ["t, 0", "a", 0])  # a row that did not occur
    return lines


def test_documents_have_shares_and_new_ones_are_folded_in(run, rng):
    lines = documents(rng)
    write("texts.csv", lines)
    asked = ("-f", "categorical", "-c", "word", "--counts", "times", "--group", "text", "-k", 2)
    run("fit", "texts.csv", *asked, *FEW, "--out", "found")
    kept, shares = table("found/memberships.csv"), table("found/shares.csv")
    assert kept["row_in_file"].tolist() == [at for at in range(1, 26) if at != 4]
    assert shares["text"].tolist() == [f"t, {text}" for text in range(6)]
    assert shares["observations"].tolist() == [300] * 6
    opinion = comparisons.load("found")
    at = opinion.fields
    np.testing.assert_allclose(block(shares, "em"), at["weight"], atol=WRITTEN)
    words = [list("abcd").index(lines[row][1]) for row in kept["row_in_file"]]
    whose = [int(one[-1]) for one in kept["text"]]
    joint = at["weight"][whose] * at["prob"][:, words].T
    expected = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(block(kept, "em"), expected, atol=WRITTEN)

    # as new ones, the same texts have the same shares: by EM, and by the posterior but for its noise
    _, out, _ = run("predict", "found", "texts.csv", "--shares")
    again = table(pd.io.common.StringIO(out))
    np.testing.assert_allclose(block(again, "em"), block(shares, "em"), atol=1e-3)
    sd = (block(shares, "high") - block(shares, "low")) / 4
    off = np.abs(block(again, "posterior") - block(shares, "posterior")) / sd
    assert off.max() < 4 * np.sqrt(2 / 400)
    # negative control: other texts' shares are further off
    assert (np.abs(block(again, "posterior") - block(shares, "posterior")[::-1]) / sd).max() > 1

    write("new.csv", [lines[0], ["u", "a", 5], ["u", "d", 1]])
    _, out, _ = run("predict", "found", "new.csv")
    new = table(pd.io.common.StringIO(out))
    assert new["text"].tolist() == ["u", "u"]
    data = Groups(["a", "d"], ["u", "u"], [5, 1], categories=list("abcd"))
    np.testing.assert_allclose(opinion.predict_proba(data), block(new, "em"), atol=WRITTEN)
    assert opinion.fold_in(data).titles == ("u",)
    write("strange.csv", [lines[0], ["u", "a", 5], ["u", "z", 1]])
    status, out, err = run("predict", "found", "strange.csv")
    assert (status, out) == (2, "")
    assert "word: line 3 is 'z', which is none of the categories of the comparison: a, b" in err


def test_tables_of_counts(run, rng):
    counted = {}
    for text, word, times in documents(rng)[1:]:
        counted[text, word] = counted.get((text, word), 0) + times
    rows = [[f"t, {text}", *(counted[f"t, {text}", one] for one in "abcd")] for text in range(6)]
    write("table.csv", [["text", *"abcd"], *rows])
    run("fit", "table.csv", "-f", "categorical", "--table", "-k", 2, *FEW, "--out", "found")
    kept = table("found/memberships.csv")
    assert list(kept)[:4] == ["row_in_file", "row", "category", "component_by_em"]
    assert set(kept["row_in_file"]) == {1, 2, 3, 4, 5, 6}
    assert table("found/shares.csv")["row"].tolist() == [row[0] for row in rows]
    write("new.csv", [["text", "d", "a"], ["u", 9, 0]])
    _, out, _ = run("predict", "found", "new.csv")
    new = table(pd.io.common.StringIO(out))
    assert new[["row_in_file", "row", "category"]].to_numpy().tolist() == [[1, "u", "d"]]
    write("strange.csv", [["text", "d", "z"], ["u", 9, 1]])
    status, _, err = run("predict", "found", "strange.csv")
    assert status == 2
    assert "strange.csv has a column 'z', which is none of the 4 categories" in err


def test_columns_with_families_of_their_own(run, rng):
    generator, lines = rng(11), [["visits", "ill", "city"]]
    for at in range(200):
        visits = int(generator.poisson((2, 11)[at % 2]))
        ill = ("no", "yes")[int(generator.random() < (0.1, 0.8)[at % 2])]
        lines.append(["" if at == 5 else visits, "" if at == 6 else ill, "x"])
    write("clinic.csv", lines)
    columns = ("-c", "visits:poisson", "-c", "ill:categorical")
    run("fit", "clinic.csv", *columns, "-k", 2, *FEW, "--out", "found")
    kept = table("found/memberships.csv")
    assert kept["row_in_file"].tolist() == list(range(1, 201))  # a blank cell says nothing
    write("new.csv", [["ill", "visits"], ["yes", 12], ["no", 1], ["", 12]])
    _, out, _ = run("predict", "found", "new.csv")
    assert table(pd.io.common.StringIO(out))["group_by_em"].tolist() == [2, 1, 2]
    write("strange.csv", [["ill", "visits"], ["yes", 12], ["perhaps", 1]])
    status, _, err = run("predict", "found", "strange.csv")
    assert status == 2
    assert "ill: line 3 is 'perhaps', which is none of the categories of the comparison" in err
    run("predict", "found", "clinic.csv", "--out", "again.csv")
    assert Path("again.csv").read_text() == Path("found/memberships.csv").read_text()


def test_why_memberships_are_left_out_is_said(heights, monkeypatch):
    folder = Path("heights")

    def left_out(file):
        reason = write_memberships(heights, folder, file)
        assert reason.startswith("memberships.csv is left out: ")
        assert not (folder / "memberships.csv").exists()
        return reason

    assert "a pipe can be read only once" in left_out("-")
    assert "there is no file gone.csv" in left_out("gone.csv")
    lines = people()
    lines[100][1] = "tall"
    write("changed.csv", lines)
    monkeypatch.setattr("models.reading.text.BLOCK", 256)  # rows before it were written already
    assert "line 101 is 'tall'" in left_out("changed.csv")
    assert write_memberships(heights, folder, "people.csv") == ""
    assert len(table(folder / "memberships.csv")) == 178
    monkeypatch.setattr("comparisons.prediction.beside.MOST_DISTINCT", 20)
    assert "distinct rows, and at most 20 are labelled unasked" in left_out("people.csv")
    monkeypatch.setattr("comparisons.prediction.beside.MOST_ROWS", 20)
    assert "there are 178 rows, and at most 20 are labelled unasked" in left_out("people.csv")


def test_rows_of_python_are_numbered_as_they_were_given(heights):
    lines = list(memberships_of_own(heights).lines)
    kept = table("heights/memberships.csv")
    assert [line[0] for line in lines] == list(range(1, 179))
    assert [line[1] for line in lines] == kept["group_by_em"].tolist()
    np.testing.assert_allclose([line[2:4] for line in lines], block(kept, "em"), atol=WRITTEN)
    with pytest.raises(Refusal, match="no groups"):
        shares_of_own(heights)


def test_rows_keep_their_numbers_over_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("models.reading.text.BLOCK", 256)
    path = tmp_path / "long.csv"
    lines = [str(at) if at % 7 else "NA" for at in range(1, 501)]
    path.write_text("\n".join(["x,y", *(f"{one},0" for one in lines)]))
    pieces = list(rows_as_given(str(path), Reader(Columns(("x",)), drop_missing=True)))
    assert len(pieces) > 5
    numbers = np.concatenate([one.numbers for one in pieces])
    np.testing.assert_array_equal(np.concatenate([one.x[:, 0] for one in pieces]), numbers)
    assert numbers.tolist() == [at for at in range(1, 501) if at % 7]
    with pytest.raises(Refusal, match=r"leave such rows out \(drop_missing=True\)"):
        list(rows_as_given(str(path), Reader(Columns(("x",)))))
