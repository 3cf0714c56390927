"""What the README shows was run: its examples print what stands below them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def printed(code: str, names: dict[str, object]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, names)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def test_examples_print_what_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the examples save files
    names: dict[str, object] = {}
    examples = EXAMPLE.findall(README.read_text())
    assert len(examples) == README.read_text().count("```python")
    for code, shown in examples:
        assert printed(code, names) == shown
