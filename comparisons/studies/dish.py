"""A dish is split between two plates without scales: look, carry some over, look again.

The lecture's picture of EM before any formula: initialise, observe, re-estimate, until nothing
changes. It is an analogy and no mixture: nothing is observed at random, and no posterior belongs to
it. But it is run by the very loop that fits the mixtures, `em.climb`, with the rules of that loop:
each step has to lead up, and the climb is over when what is left to gain is too little to matter.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.pictures import dish as drawn
from em import DescentError, climb

if TYPE_CHECKING:
    from comparisons.pages.steps import Cells
    from comparisons.studies import Setting
    from models.arrays import Array

__all__ = ["CLOSE", "EYE", "EYES", "START", "WRONG", "Cook", "split", "tell"]


class Cook(NamedTuple):
    """A cook whose eye sees a share of the surplus; below 0, the fuller plate looks emptier.

    >>> plates = np.array([60.0, 40.0])
    >>> _, glance = Cook(0.5).expect(plates)
    >>> Cook(0.5).maximize(glance)
    array([55., 45.])
    """

    eye: float

    def expect(self, plates: Array) -> tuple[float, tuple[Array, float]]:
        """Observe: the height -surplus^2 / 2 is for the loop, no cook weighs it."""
        surplus = plates[0] - plates[1]
        return -(surplus**2) / 2, (plates, self.eye * surplus)

    def maximize(self, glance: tuple[Array, float]) -> Array:
        """Re-estimate: carry half of the surplus seen to the plate that looks emptier."""
        plates, seen = glance
        return plates + np.array([-seen, seen]) / 2


START, EYE, CLOSE = np.array([690.0, 210.0]), 0.7, 1.0  # grams on the plates; what nobody minds
EYES = (0.95, EYE, 0.4, 0.1)
WRONG = -0.2


def split(eye: float, *, accelerate: bool = False) -> tuple[Array, int]:
    """Return the plates at the start and after each step, (steps + 1, 2), and the looks taken.

    >>> path, looks = split(0.9)
    >>> path[:2].round(1).tolist()
    [[690.0, 210.0], [474.0, 426.0]]
    """
    path = [START]

    def keep(_: int, plates: Array, __: float) -> None:
        path.append(plates)

    found = climb(Cook(eye), START, accelerate=accelerate, tolerance=CLOSE, on_step=keep)
    return np.array(path), found.evaluations


def tell(setting: Setting) -> Story:
    """Split the dish, then let other eyes do it, and one that errs.

    >>> from comparisons.studies import Setting
    >>> [len(step.rows) for step in tell(Setting()).steps]
    [6, 8, 5]
    """
    paths = {eye: split(eye)[0] for eye in EYES}
    path = paths[EYE]
    picture = Picture(
        "plates",
        "A dish split by eye",
        f"Plates of {START[0]:.0f} and {START[1]:.0f} g become equal in {len(path) - 1} "
        "steps. Each step reduces the surplus by the same factor.",
        partial(drawn.plates, paths, EYE, CLOSE),
    )
    learned = (
        f"A cook who sees {EYE:.0%} of the surplus, without scales, comes within "
        f"{abs(np.diff(path[-1])[0]):.2g} g of an even split in {len(path) - 1} steps. Each step "
        "leaves the share that the eye does not see. This share alone sets the speed, as missing "
        f"information does in EM. An eye that sees {EYES[-1]:.0%} needs {len(paths[EYES[-1]])} "
        f"looks, or {split(EYES[-1], accelerate=True)[1]} with acceleration."
    )
    return Story((words(), steps(path), eyes(paths)), learned, (picture,))


def words() -> Steps:
    """Return which act of the cook is which of EM."""
    rows = [
        ("initialise: fill both plates roughly", "choose start values", "start"),
        ("observe: which looks fuller, by how much?", "E-step: expect what is hidden", "expect"),
        ("re-estimate: carry half of that over", "M-step: likeliest parameters", "maximize"),
        ("until nothing changes", "until little is left to gain", "tolerance"),
        ("the share of a surplus that is not seen", "missing information", None),
        ("never make the plates less equal", "the likelihood never falls", "DescentError"),
    ]
    return Steps("An analogy", {"in the kitchen": "", "in EM": "", "in em.climb": ""}, rows)


def steps(path: Array) -> Steps:
    """Return the plates, look by look."""
    surplus = -np.diff(path)[:, 0]
    rest = [None, *surplus[1:] / surplus[:-1]]
    forms = {
        "step": "d",
        "left, g": ".2f",
        "right, g": ".2f",
        "surplus, g": ".2f",
        "left over": ".0%",
    }
    title = f"An eye that sees {EYE:.0%} of the surplus, down to {CLOSE:g} g"
    rows = [(at, *path[at], surplus[at], rest[at]) for at in range(len(path))]
    return Steps(title, forms, rows)


def eyes(paths: dict[float, Array]) -> Steps:
    """Return how fast each eye gets there; one that errs is stopped by the loop."""
    rows: list[Cells] = []
    for eye, path in paths.items():
        looks, fast = len(path), split(eye, accelerate=True)[1]
        still = np.diff(path[-1])[0] / np.diff(path[-2])[0]
        rows.append((f"{eye:.0%}", 1 - eye, still, looks, fast, "even"))
    try:
        split(WRONG)
    except DescentError as stopped:
        end = f"stopped in {str(stopped).split(':')[0]}"
        rows.append(("the wrong way", 1 - WRONG, None, None, None, end))
    heads = ("the eye sees", "left, in theory", "measured", "looks", "accelerated", "result")
    forms = dict(zip(heads, ("", ".0%", ".0%", "d", "d", ""), strict=True))
    title = "Other eyes; the last one confuses the plates, and the loop stops it"
    return Steps(title, forms, rows)


if __name__ == "__main__":
    tell_file(__file__)
