"""The pages of the guide: their examples, links and headings, and what the examples print.

A Python block is an example if a text block with its output follows; all of a page share their names.
A shell block is a command; where a text block follows, that is its output. In shown output a line of
three dots stands for any lines. The word after the language says how a block is treated:

    (none)   it runs in the quick tests
    slow     it runs in the slow ones
    unrun    it does not run, as it installs something or takes hours; its options have to exist
    part     a piece of code that only has to compile

`python tests/guide.py [PAGE ...]` runs all examples and writes what they print into the pages.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in (
        "*.md",
        ".github/*.md",
        "models/**/*.md",
        "em/**/*.md",
        "bayes/**/*.md",
        "comparisons/**/*.md",
    )
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```(\w*) ?(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DOTS = "..."
STUDY = re.compile(r"second-opinion study [\w -]+\n")  # alone in its block, and without files
VERDICTS = (0, 1, 3)  # exit statuses of a command that came to an end
NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d,]*\.\d+")  # one with decimals


class Block(NamedTuple):
    """One fenced block: its language, the word that follows, its text, and where the text stands."""

    language: str
    how: str
    text: str
    span: tuple[int, int]


class Example(NamedTuple):
    """A block that runs, and the block of its output, if there is one."""

    code: Block
    shown: Block | None


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def blocks(text: str) -> list[Block]:
    return [Block(one[1], one[2], one[3], one.span(3)) for one in FENCE.finditer(text)]


def examples(text: str) -> list[Example]:
    """Return what runs on a page, each with the text block that follows it directly."""
    found = blocks(text)
    after = {one.span[0]: one for one in found if one.language == "text"}
    made = []
    for block in found:
        if block.language in {"python", "sh"}:
            begin = block.span[1] + len("```\n\n```text\n")
            made.append(Example(block, after.get(begin)))
    return made


def ran_python(code: str, names: dict[str, object]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, names)
    return trimmed(out.getvalue())


def ran_shell(code: str, folder: Path) -> str:
    """Return what commands print, run in a folder as somebody with a wide terminal would.

    What `uv run` finds is here already: nothing is installed. A study runs once for all pages.
    """
    code = code.replace("pip install uv && ", "").replace("uv run ", "")
    return told(code) if STUDY.fullmatch(code) else printed(code, folder)


@cache
def told(code: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return printed(code, Path(folder))


def printed(code: str, folder: Path) -> str:
    here = Path(sys.executable).parent
    known = {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "160"}
    done = subprocess.run(
        ["bash", "-c", code],
        cwd=folder,
        env=os.environ | known,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in VERDICTS, f"{code}\n{done.stderr}"
    return trimmed(done.stdout)


def trimmed(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def same(line: str, shown: str) -> bool:
    """Return whether two lines say the same: their words, whole numbers, and decimals nearly.

    A sampler's last digits differ from processor to processor: by ten units or two percent here.
    """
    if line == shown:
        return True
    one, other = NUMBER.findall(line), NUMBER.findall(shown)
    plain = [" ".join(NUMBER.sub("#", text).split()) for text in (line, shown)]
    return plain[0] == plain[1] and all(map(near, one, other))


def near(one: str, other: str) -> bool:
    digits = len(other.partition(".")[2])
    there = float(other.replace(",", ""))
    allowed = max(10 ** (1 - digits), 0.02 * abs(there))
    return abs(float(one.replace(",", "")) - there) <= allowed * (1 + 1e-9)


def missing(printed: str, shown: str) -> str:
    """Return the first line that is shown and was not printed in its place, or nothing."""
    lines = printed.splitlines()
    at, skipping = 0, False
    for line in shown.splitlines():
        if line.strip() == DOTS:
            skipping = True
            continue
        places = range(at, len(lines) if skipping else min(at + 1, len(lines)))
        found = next((place for place in places if same(lines[place], line)), None)
        if found is None:
            return line
        at, skipping = found + 1, False
    return "" if skipping or at == len(lines) else f"(nothing), but printed: {lines[at]}"


def renewed(printed: str, shown: str) -> str:
    """Return what is shown, with what is printed now in place of each line.

    Behind dots a line becomes the next one that begins with the same word. Look at the difference.
    """
    lines, new = printed.splitlines(), []
    if DOTS not in shown.split():
        return printed
    at, skipping = 0, False
    for line in shown.splitlines():
        if line.strip() == DOTS:
            new.append(line)
            skipping = True
            continue
        begin = line.split()[:1]
        places = (place for place in range(at, len(lines)) if lines[place].split()[:1] == begin)
        at = next(places, at) if skipping else at
        new.append(lines[at] if at < len(lines) else line)
        at, skipping = at + 1, False
    return "".join(line + "\n" for line in new)


def run_page(
    page: str, folder: Path, treated: set[str], languages: Collection[str] = ("python", "sh")
) -> list[tuple[Example, str]]:
    """Run the examples of a page that are treated so, in order and in one folder."""
    names: dict[str, object] = {}
    done = []
    for example in examples(text_of(page)):
        code = example.code
        if code.how in treated and code.language in languages:
            ran = ran_python(code.text, names) if code.language == "python" else ""
            done.append((example, ran or ran_shell(code.text, folder)))
    return done


def written(page: str, folder: Path) -> None:
    """Write into a page what its examples print."""
    text = text_of(page)
    for example, printed in reversed(run_page(page, folder, {"", "slow"})):
        if example.shown is not None:
            begin, end = example.shown.span
            text = text[:begin] + renewed(printed, example.shown.text) + text[end:]
    (ROOT / page).write_text(text)


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading.

    It drops what is neither a letter, a digit, a hyphen nor a blank, and blanks become hyphens.
    """
    bare = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", bare).replace(" ", "-")


def headings(text: str, level: str = "#{1,6}") -> list[str]:
    return re.findall(rf"^{level} (.+)$", FENCE.sub("", text), re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page; the second heading of a name has -1 behind it."""
    found: list[str] = []
    for heading in headings(text):
        name = slug(heading)
        times = sum(re.fullmatch(rf"{re.escape(name)}(-\d+)?", one) is not None for one in found)
        found.append(f"{name}-{times}" if times else name)
    return set(found)


def links(text: str) -> list[str]:
    """Return where a page's links and pictures lead, code aside."""
    bare = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    return re.findall(r"\]\(([^)\s]+)\)", bare)


def broken(page: str, text: str) -> list[str]:
    """Return the links of a page that lead nowhere; other sites are not asked."""
    found = []
    for link in links(text):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (ROOT / page).parent / place if place else None
        if (target is not None and (place.startswith("/") or not target.exists())) or (
            anchor and anchor not in anchors(target.read_text() if target else text)
        ):
            found.append(link)
    return found


def unlisted(text: str) -> list[str]:
    """Return the chapters of a page that no link of its table of contents leads to."""
    own = {link[1:] for link in links(text) if link.startswith("#")}
    chapters = [one for one in headings(text, "##") if one not in {"Contents", "目录"}]
    return [one for one in chapters if slug(one) not in own]


if __name__ == "__main__":
    for name in sys.argv[1:] or PAGES:
        with tempfile.TemporaryDirectory() as made, contextlib.chdir(made):
            written(name, Path(made))
