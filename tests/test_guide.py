"""The guide was run: its examples print what stands below them, and its links lead somewhere."""

from __future__ import annotations

import re
from importlib.util import find_spec

import guide
import pytest
from guide import PAGES, ROOT, examples, missing, run_page, text_of
from typer.main import get_command

from comparisons.command.main import app

QUICK, SLOW = {""}, {"slow"}
SHORT = ("README.md", "CHANGELOG.md", ".github/CONTRIBUTING.md")  # read from beginning to end


def treated(how):
    return [page for page in PAGES if any(one.code.how in how for one in examples(text_of(page)))]


def check(page, folder, how, languages):
    for example, printed in run_page(page, folder, how, languages):
        if example.shown is not None:
            lost = missing(printed, example.shown.text)
            assert not lost, f"{page} shows {lost!r}; what is printed:\n{printed}"


@pytest.mark.parametrize("page", treated(QUICK))
def test_examples_print_what_is_shown(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the examples save files
    check(page, tmp_path, QUICK, {"python", "sh"})


@pytest.mark.slow
@pytest.mark.parametrize("page", treated(SLOW))
def test_long_examples_print_what_is_shown(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    long = {one.code.language for one in examples(text_of(page)) if one.code.how in SLOW}
    # commands know no names of Python: it does not run again for them
    check(page, tmp_path, QUICK | SLOW, {"sh"} | long)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_treated_in_a_known_way(page):
    text = text_of(page)
    assert text.count("\n```") == 2 * len(guide.blocks(text)), (
        "a fence is not closed, or is indented"
    )
    for code, shown in examples(text):
        assert code.how in {"", "slow", "unrun", "part"}, code.how
        if code.language == "python":
            compile(code.text, page, "exec")
            assert (code.how == "part") == (shown is None), f"no output below:\n{code.text}"
        elif code.how == "unrun":
            assert shown is None, f"nobody checks the output of\n{code.text}"


@pytest.mark.parametrize(
    ("printed", "shown", "lost"),
    [
        ("a 1.000\nb 2\n", "a 1.000\nb 2\n", ""),
        ("a 1.005\nb 2\n", "a 1.000\nb 2\n", ""),  # the digits of another processor
        ("a 1.03\nb 2\n", "a 1.000\nb 2\n", "a 1.000"),
        ("a 1.0\nb 3\n", "a 1.0\nb 2\n", "b 2"),  # whole numbers are exact
        ("an 1.0\n", "a 1.0\n", "a 1.0"),
        ("a\nb\nc\n", "a\n...\nc\n", ""),
        ("a\nb\nc\n", "...\nb\n  ...\n", ""),
        ("a\nb\nc\n", "a\n...\nd\n", "d"),
        ("a\nb\nc\n", "a\nc\n", "c"),
        ("a\nb\n", "a\n", "(nothing), but printed: b"),
        ("a\n", "a\nb\n", "b"),
    ],
)
def test_output_that_changed_would_be_found(printed, shown, lost):
    assert missing(printed, shown) == lost


def test_a_command_that_fails_would_be_found(tmp_path):
    assert guide.ran_shell("uv run echo a", tmp_path) == "a\n"
    with pytest.raises(AssertionError, match="no such column"):
        guide.ran_shell("echo no such column >&2; exit 2", tmp_path)


def test_output_is_renewed_line_by_line():
    assert guide.renewed("a 2\nb 3\n", "a 1\n") == "a 2\nb 3\n"
    assert guide.renewed("a 2\nb 3\nc 4\n", "...\nc 1\n") == "...\nc 4\n"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings_that_exist(page):
    assert not guide.broken(page, text_of(page))


def test_a_broken_link_would_be_found():
    text = "# A b\n\n## A b\n[1](#a-b-1) [2](#c) [3](em/README.md#starts) [4](em/README.md#end) [5](x.md)"
    assert guide.broken("README.md", text) == ["#c", "em/README.md#end", "x.md"]
    assert guide.slug("`fit`: K + 1, said [so](x.md)?") == "fit-k--1-said-so"


@pytest.mark.parametrize("page", [page for page in PAGES if page not in SHORT])
def test_chapters_stand_in_the_table_of_contents(page):
    assert not guide.unlisted(text_of(page))


def test_a_chapter_that_is_not_listed_would_be_found():
    assert guide.unlisted("[a](#a)\n\n## A\n\n## B\n") == ["B"]


def test_the_front_page_is_short():
    assert len(text_of("README.md").splitlines()) <= 250


def commands(text):
    """Return what a page runs, in blocks and within lines, as words."""
    inline = re.findall(r"`((?:uv run )?(?:second-opinion|python -m) [^`]+)`", text)
    blocks = [
        line
        for one in examples(text)
        if one.code.language == "sh"
        for line in one.code.text.splitlines()
    ]
    for line in inline + blocks:
        yield re.sub(r"\s+#.*", "", line).removeprefix("uv run ").split()


def unknown(words):
    """Return the options of a command, or the module, that do not exist."""
    if words[:2] == ["python", "-m"]:
        return [] if find_spec(words[2]) else [words[2]]
    if words[0] != "second-opinion" or len(words) == 1 or words[1].startswith("-"):
        return []
    command = get_command(app).commands.get(words[1])
    if command is None:
        return [words[1]]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    given = {word.partition("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
    return sorted(given - known - {"--help", "-h"})


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_their_options_exist(page):
    assert not [lost for words in commands(text_of(page)) for lost in unknown(words)]


def unexplained(text):
    """Return the options of `fit` that the first column of a table does not name."""
    named = set(
        re.findall(r"--?[a-z-]+", " ".join(re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)))
    )
    options = [
        one for one in get_command(app).commands["fit"].params if one.param_type_name == "option"
    ]
    return [one.opts[0] for one in options if not named & set(one.opts)]


def test_all_options_of_fit_are_explained():
    assert not unexplained(text_of("comparisons/README.md"))


def test_an_option_that_is_not_explained_would_be_found():
    assert "--zeros" in unexplained(text_of("comparisons/README.md").replace("`--zeros`", ""))


def test_a_command_that_is_gone_would_be_found():
    text = "`uv run second-opinion fit x.csv --no-such 3` and `python -m comparisons.gone`"
    assert [unknown(words) for words in commands(text)] == [["--no-such"], ["comparisons.gone"]]
    assert (ROOT / "README.md").exists()
