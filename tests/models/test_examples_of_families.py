"""The examples of families in models/README.md print what stands below them."""

from __future__ import annotations

from pathlib import Path

from test_readme import EXAMPLE, printed

PAGE = Path(__file__).parents[2] / "models" / "README.md"


def test_examples_of_families_print_what_is_shown():
    _, _, rest = PAGE.read_text().partition("## These families in Python\n")
    section = rest.partition("\n## ")[0]
    examples, names = EXAMPLE.findall(section), {}
    assert len(examples) == section.count("```python") == 4
    for code, shown in examples:
        assert printed(code, names) == shown
    # negative control: other rows print others
    changed = examples[0][0].replace("default_rng(21)", "default_rng(22)")
    assert printed(changed, {}) != examples[0][1]
