"""What is known before any work: questions that no data of this kind can answer."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from models.names import refuse_inestimable_rows
from models.reading.messages import located_in_file
from models.refusal import Refusal, worded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.question import Question

__all__ = ["refuse_inestimable"]


def refuse_inestimable(
    question: Question[Any, Any],
    names: Sequence[str] = (),
    *,
    force: bool = False,
    typed: bool | None = None,
) -> None:
    """Refuse data without a maximum, and components that the data cannot identify.

    names: of the columns, for the message.
    force: go on where parameters are not identified; the verdict will say so.
    typed: whether the message names options, or if False what Python takes; None names both.

    >>> from models import Binomial, Sample
    >>> from models.question import asked
    >>> few = asked(Binomial, Sample([0, 1, 2, 1], trials=2), 2)
    >>> refuse_inestimable(few)
    Traceback (most recent call last):
    models.refusal.Refusal: sets of 2 trials do not identify 2 coins: at least 3 trials are ...
    >>> refuse_inestimable(few, force=True)
    """
    refuse_inestimable_rows(question.family, question.sample, names)
    if not force and (reason := question.why_unidentified(names)):
        forced = {True: "--force", False: "force=True", None: "--force (force=True)"}[typed]
        with located_in_file({"x": names}) if names else nullcontext():
            raise Refusal(f"{worded(reason, typed=typed)}; {forced} goes on all the same")
