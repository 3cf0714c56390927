"""Whether the two agree: measures, verdict, pictures, report, command line."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comparisons.choice.choose import Choice, choose
    from comparisons.comparison import Comparison, compare, load, second_opinion
    from comparisons.estimators import EMMixture
    from comparisons.finding import Finding

__all__ = [
    "Choice",
    "Comparison",
    "EMMixture",
    "Finding",
    "choose",
    "compare",
    "load",
    "second_opinion",
]

HOME = {
    "Choice": "comparisons.choice.choose",
    "EMMixture": "comparisons.estimators",
    "Finding": "comparisons.finding",
    "choose": "comparisons.choice.choose",
}


def __getattr__(name: str) -> object:
    """Import PyMC and ArviZ, which takes seconds, for those who use them: `--help` does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(HOME.get(name, "comparisons.comparison")), name)


def __dir__() -> list[str]:
    """Return the public names, also those that are not imported yet."""
    return sorted({*globals(), *__all__})
