"""HTML for notebooks in the look of the reports: a frame, headings, paragraphs, tables, cards."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["COLOURS", "card", "folded", "framed", "heading", "paragraph", "table"]

COLOURS = {
    "card": ("#fff", "#1e2125"),
    "text": ("#1f2023", "#e9e7e3"),
    "soft": ("#5b5c63", "#adaeb4"),
    "line": ("#dcdad5", "#383c42"),
    "ok": ("#17694a", "#74d3a8"),
    "fault": ("#b0261f", "#ff9a90"),
    "doubt": ("#8a5200", "#f0bd68"),
    "note": ("#3b5a86", "#9dbbe6"),
}
"""Each colour on a light and on a dark page; those of the reports."""

# The class stands twice before each rule: a notebook's own rules for tables are as specific as
# one class, and would win.
STYLE = """
& { color-scheme: light dark; box-sizing: border-box; width: fit-content;
  max-width: 100%; margin: .25rem 0; padding: .5rem .9rem;
  border: 1px solid var(--line); border-radius: 8px; background: var(--card);
  color: var(--text); overflow-wrap: break-word;
  font: .875rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; COLOURS }
[data-jp-theme-light="false"] &, [data-theme="dark"] &, [theme="dark"] &, .vscode-dark &,
.vscode-high-contrast & { color-scheme: dark; }
[data-jp-theme-light="true"] &, [data-theme="light"] &, [theme="light"] &, .vscode-light &,
.vscode-high-contrast-light & { color-scheme: light; }
& p { margin: .3rem 0; max-width: 46rem; }
& .soft { color: var(--soft); font-size: .92em; }
& .scroll { overflow-x: auto; margin: .4rem 0; }
& table { border-collapse: collapse; margin: 0; border: 0; color: inherit; font-size: inherit;
  font-variant-numeric: tabular-nums; }
& thead { border: 0; }
& tr:nth-child(n), & tr:hover:nth-child(n) { background: none; }
& th, & td { padding: .25rem .7rem; border: 0; border-top: 1px solid var(--line); max-width: none;
  color: inherit; text-align: right; vertical-align: baseline; white-space: nowrap; }
& thead th { border-top: 0; color: var(--soft); font-weight: 600; vertical-align: bottom;
  white-space: normal; }
& th:first-child, & .words { text-align: left; }
& th:first-child { position: sticky; left: 0; padding-left: 0; background: var(--card); }
& tbody th { font-weight: 500; }
@media (max-width: 40rem) { & th, & td { padding: .25rem .35rem; } }
& .best th, & .best td { font-weight: 700; }
& .card { margin: .5rem 0; padding: .1rem .7rem; border-left: 4px solid var(--tone); }
& summary { cursor: pointer; color: var(--soft); }
& .tone { color: var(--tone); font-weight: 600; }
"""


def framed(*parts: str) -> str:
    """Return parts in one frame, with the style that they need.

    >>> framed(paragraph("Two groups.")).endswith("<p>Two groups.</p></div>")
    True
    """
    return f'<div class="second-opinion"><style>{STYLED}</style>{"".join(parts)}</div>'


def heading(title: str, rest: str = "", tone: str = "") -> str:
    """Return a line that begins with a title, in the colour of a tone: ok, fault, doubt or note.

    >>> heading("Agree", " Two groups.", "ok")
    '<p style="--tone:var(--ok)"><strong class="tone">Agree</strong> Two groups.</p>'
    """
    strong = f"<strong{_class('tone' if tone else '')}>{escape(title)}</strong>"
    return f"<p{_toned(tone)}>{strong}{escape(rest)}</p>"


def paragraph(text: str, *, soft: bool = False) -> str:
    """Return a paragraph; soft: in small grey letters.

    >>> paragraph("p < 0.05", soft=True)
    '<p class="soft">p &lt; 0.05</p>'
    """
    return f"<p{_class('soft' if soft else '')}>{escape(text)}</p>"


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Collection[int] = (),
    best: int | None = None,
) -> str:
    """Return a table, whose first column names the rows.

    words: the places of columns of text, which are on the left; numbers are on the right.
    best: which row is in bold letters.

    >>> table(["K", "BIC"], [["1", "517.2"]]).partition("<tbody>")[2]
    '<tr><th scope="row">1</th><td>517.2</td></tr></tbody></table></div>'
    """

    def aligned(at: int) -> str:
        return _class("words" if at in words else "")

    first = "".join(
        f'<th scope="col"{aligned(at)}>{escape(head)}</th>' for at, head in enumerate(heads)
    )
    lines = [
        f'<tr{_class("best" if line == best else "")}><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td{aligned(at)}>{escape(cell)}</td>" for at, cell in enumerate(row[1:], 1))
        + "</tr>"
        for line, row in enumerate(rows)
    ]
    body = f"<thead><tr>{first}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll"><table>{body}</table></div>'


def card(title: str, tone: str, *sentences: str) -> str:
    """Return a title and paragraphs behind a bar in the colour of a tone; empty ones are left out.

    >>> card("Spike", "doubt", "The estimate is a spike.", "").count("<p")
    2
    """
    said = "".join(paragraph(one) for one in sentences if one)
    first = heading(title, f" \N{MIDDLE DOT} {tone}", tone)
    return f'<div class="card"{_toned(tone)}>{first}{said}</div>'


def folded(title: str, part: str) -> str:
    """Return a part that is shown when its title is clicked.

    >>> folded("All measures", paragraph("Two."))
    '<details><summary>All measures</summary><p>Two.</p></details>'
    """
    return f"<details><summary>{escape(title)}</summary>{part}</details>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _toned(tone: str) -> str:
    return f' style="--tone:var(--{tone})"' if tone else ""


def _styled() -> str:
    """Return the rules as browsers read them: the class in place of &, no blanks to spare."""
    both = " ".join(f"--{name}: light-dark({a}, {b});" for name, (a, b) in COLOURS.items())
    rules = STYLE.replace("COLOURS", both).replace("&", ".second-opinion.second-opinion")
    return re.sub(r"\s*([{};:,])\s+", r"\1", rules).strip()


STYLED = _styled()
