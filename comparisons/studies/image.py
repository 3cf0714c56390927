"""Foreground and background of a photograph, separated by what pixels look like.

A picture of 8 bits has at most 256 intensities, however many pixels: with counts, a mixture of two
Gaussians costs the same for a stamp and for a poster. Where the picture has colours, three
dimensions separate better than one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cbook import get_sample_data

from comparisons.comparison import Comparison, second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.calculations.boundary import both, crossing, interval
from comparisons.studies.calculations.cells import cells
from comparisons.studies.calculations.foreground import LEVELS, Mask, by_colour, by_intensity
from comparisons.studies.calculations.photograph import Photograph, read_photograph
from comparisons.studies.pictures import image as drawn
from models import Gaussian, Sample

if TYPE_CHECKING:
    from comparisons.studies import Setting

__all__ = ["tell"]

ALIKE = 0.1  # correlation of neighbours from which pixels are no independent draws


def tell(setting: Setting) -> Story:
    """Fit two groups to the intensities, ask both codes, and cut the foreground out.

    >>> from comparisons.studies import Setting
    >>> tell(Setting(image="nowhere.png"))
    Traceback (most recent call last):
    models.refusal.Refusal: nowhere.png does not exist; give a picture in PNG or JPEG
    """
    path = setting.image or get_sample_data("grace_hopper.jpg", asfileobj=False)
    photo, seed = read_photograph(path), setting.seed
    seen = np.flatnonzero(photo.counts)
    sample = Sample(LEVELS[seen], counts=photo.counts[seen])
    comparison = second_opinion(Gaussian, sample, 2, seed=seed, progress=setting.progress)
    comparison.name_columns(["intensity"])
    masks = [by_intensity(photo, comparison)]
    if len(photo.colours):
        masks.append(by_colour(photo, seed))
    parted = (float(crossing(both(comparison)[0])), *interval(crossing(both(comparison)[1])))
    told = " and by ".join(f"{mask.by}, {mask.area:.1%} of the pixels" for mask in masks)
    pictures = (
        Picture(
            "masks",
            "The foreground, cut out",
            f"{photo.name} beside its foreground by {told}.",
            partial(drawn.masks, photo, masks),
        ),
        Picture(
            "histogram",
            "Two groups of intensities",
            f"Histogram of {photo.pixels:,} intensities with two Gaussians of means "
            "{:.0f} and {:.0f}.".format(*comparison.fields["mean"]),
            partial(drawn.histogram, photo, comparison, masks[0].group, parted),
        ),
    )
    columns = dict.fromkeys(["EM", "posterior: from", "to (95%)"], ".2f")
    crossed = Steps("Intensity at which both groups are equally likely", columns, [parted])
    steps = (roles(comparison, masks), crossed, areas(comparison, masks))
    return Story(steps, learned(photo, comparison, masks, parted), pictures, comparison)


def roles(comparison: Comparison, masks: list[Mask]) -> Steps:
    """Return which group is the foreground, by the rule."""
    frame = comparison.to_frame()["mle"]
    rows = []
    for mask in masks:
        for group in (mask.group, 1 - mask.group):
            own = group == mask.group
            middle, edge = mask.held if own else (1 - one for one in mask.held)
            mean = frame[f"mean[{group}]"] if mask.by == "intensity" else None
            rows.append((mask.by, "foreground" if own else "background", middle, edge, mean))
    columns = {"by": "", "group": "", "of the middle": ".1%", "of the edge": ".1%"}
    title = "Foreground: the group with more of the middle than of the edge"
    return Steps(title, columns | {"mean intensity": ".1f"}, rows)


def areas(comparison: Comparison, masks: list[Mask]) -> Steps:
    """Return the foreground's area, as the model's share and as pixels that are likelier in it."""
    row = comparison.to_frame().loc[f"weight[{masks[0].group}]"]
    rows = [("share by the posterior", row["mean"], row["sd"], row["low"], row["high"])]
    for mask in masks:
        share, error = mask.share
        ends = (share - 1.96 * error, share + 1.96 * error)
        rows.append((f"share by EM of {mask.by}", share, error, *ends))
        rows.append((f"pixels likelier in it, by {mask.by}", mask.area, None, *mask.within))
    columns = dict.fromkeys(["foreground", "area", "error", "from", "to (95%)"], ".3%")
    return Steps("Area of the foreground", columns, rows)


def learned(
    photo: Photograph, comparison: Comparison, masks: list[Mask], parted: tuple[float, ...]
) -> str:
    """Say what the picture teaches, and what its intervals leave out."""
    predicted = cells(both(comparison)[1], LEVELS).mean(axis=0)
    rough = np.maximum(photo.counts / photo.pixels - predicted, 0).sum()
    row = comparison.to_frame().loc[f"weight[{masks[0].group}]"]
    beside = "" if np.isnan(photo.alike) else f"; side by side they correlate by {photo.alike:.2f}"
    where = f"The groups part at intensity {parted[0]:.1f}. " if np.isfinite(parted[0]) else ""
    colour = "The picture is grey, so colour adds nothing. "
    if len(masks) > 1:
        alone = round(masks[1].area, 3) in {0, 1}
        colour = (
            "By colour EM finds one group only. " if alone else f"By colour: {masks[1].area:.1%}. "
        )
    if comparison.verdict != "agree":
        where = f"Verdict: {comparison.verdict}; the mask is the posterior's. "
    return (
        f"By intensity the foreground has {masks[0].area:.1%} of {photo.pixels:,} pixels, and a "
        f"weight of {row['mean']:.2%} in the mixture (95%: {row['low']:.2%} to {row['high']:.2%}). "
        f"{where}{colour}The intervals assume independent pixels{beside}"
        f"{', so that they are too narrow' * (photo.alike > ALIKE)}. {rough:.0%} of the "
        "histogram lies outside what two Gaussians predict."
    )


if __name__ == "__main__":
    tell_file(__file__)
