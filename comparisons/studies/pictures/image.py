"""A photograph beside its masks, and the histogram of its intensities with both groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgb

from comparisons.pictures.style import (
    BAND,
    DATA,
    EM_LINE,
    POSTERIOR_LINE,
    blank,
    colour,
    few_ticks,
    framed,
    line,
    patch,
    side_by_side,
    styled,
)
from comparisons.studies.calculations.boundary import both, joint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from comparisons.kept.facts import Facts
    from comparisons.studies.calculations.foreground import Mask
    from comparisons.studies.calculations.photograph import Photograph
    from models.arrays import Array

__all__ = ["histogram", "masks"]

PALE = 0.82  # how far the background fades


@styled
def masks(photograph: Photograph, found: Sequence[Mask]) -> Figure:
    """Draw the photograph beside its foreground, the rest faded, for each mask.

    >>> from matplotlib.cbook import get_sample_data
    >>> from comparisons.studies.calculations.foreground import Mask
    >>> from comparisons.studies.calculations.photograph import read_photograph
    >>> photo = read_photograph(get_sample_data("grace_hopper.jpg", asfileobj=False))
    >>> mask = Mask("intensity", np.ones(photo.grey.shape), 0.25, 1, (0.8, 0.1), (0.3, 0.01))
    >>> [axes.get_title() for axes in masks(photo, [mask]).axes]
    ['the photograph', 'foreground by intensity: 25.0%']
    """
    height, width = photograph.grey.shape
    panels = 1 + len(found)
    tall = float(np.clip(9 / panels * height / width, 1.2, 5.2))
    figure = blank(tall + 1.05)
    first, *others = side_by_side(figure, panels)
    first.imshow(photograph.shown, interpolation="antialiased", gid="photo-0")
    first.set_title("the photograph")
    shade = np.array(_shade(1 - found[0].group))
    for at, (mask, axes) in enumerate(zip(found, others, strict=True), 1):
        faded = _faded(photograph.shown, mask.chance[..., None], shade)
        axes.imshow(faded, interpolation="antialiased", gid=f"photo-{at}")
        axes.set_title(f"foreground by {mask.by}: {mask.area:.1%}")
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    entries = [patch({"color": shade}, "covered: background (partly, where in doubt)")]
    caption = "A mixture knows what a pixel looks like, not where it is."
    return framed(figure, "Foreground and background", entries, caption)


def _shade(group: int) -> tuple[float, float, float]:
    """Return the pale colour that covers a background."""
    red, green, blue = (PALE + (1 - PALE) * one for one in to_rgb(colour(group)))
    return red, green, blue


def _faded(shown: NDArray[np.uint8], chance: Array, shade: Array) -> Array:
    """Return the colours (h, w, 3) with the background covered, what is doubtful in part."""
    return chance * (shown / 255) + (1 - chance) * shade


@styled
def histogram(
    photograph: Photograph, facts: Facts, foreground: int, within: tuple[float, ...]
) -> Figure:
    """Draw how often each intensity occurs, both groups, and where they part.

    foreground: its component; within: where they part by EM, and the posterior's interval.

    >>> from types import SimpleNamespace
    >>> from matplotlib.cbook import get_sample_data
    >>> from comparisons.studies.calculations.photograph import read_photograph
    >>> photo = read_photograph(get_sample_data("grace_hopper.jpg", asfileobj=False))
    >>> mean = np.array([50.0, 150.0])
    >>> fields = {"weight": np.full(2, 0.5), "mean": mean, "sd": np.full(2, 30.0)}
    >>> draws = {name: np.tile(field, (9, 1)) for name, field in fields.items()}
    >>> facts = SimpleNamespace(fields=fields, draws=draws)
    >>> histogram(photo, facts, 1, (100.0, 99.0, 101.0)).axes[0].get_ylabel()
    'share of pixels'
    """
    em, draws = both(facts)
    sds = em.theta.sd
    near = [mean + sd * np.linspace(-4, 4, 81) for mean, sd in zip(em.theta.mean, sds, strict=True)]
    x = np.union1d(np.linspace(-0.5, 255.5, 257), np.clip(np.concatenate(near), -0.5, 255.5))
    parts = joint(em, x)
    drawn = joint(draws, x).sum(axis=0)
    band = np.quantile(drawn, [0.025, 0.975], axis=0)
    shares = photograph.counts / photograph.pixels
    figure = blank(4.6)
    axes = figure.add_subplot()
    axes.bar(np.arange(256), shares, 1.0, color=DATA)
    for group, part in enumerate(parts):
        axes.fill_between(x, part, color=colour(group), alpha=0.25, linewidth=0)
    axes.fill_between(x, *band, **BAND)
    axes.plot(x, drawn.mean(axis=0), **POSTERIOR_LINE)
    axes.plot(x, parts.sum(axis=0), **EM_LINE)
    entries: list[Artist] = [patch({"color": DATA}, f"{photograph.pixels:,} pixels")]
    roles = ["background", "foreground"] if foreground else ["foreground", "background"]
    entries += [
        patch({"color": colour(group), "alpha": 0.35}, f"group {group + 1}: {role}")
        for group, role in enumerate(roles)
    ]
    entries += [
        line(EM_LINE, "EM"),
        line(POSTERIOR_LINE, "posterior mean"),
        patch(BAND, "its 95% band"),
    ]
    caption = "There is no intensity at which both groups are equally likely."
    if np.isfinite(within).all():
        axes.axvline(within[0], **EM_LINE)
        axes.axvspan(within[1], within[2], **BAND)
        caption = (
            f"Both groups are equally likely at {within[0]:.2f} (95%: {within[1]:.2f} to "
            f"{within[2]:.2f}), if pixels are independent."
        )
    top = np.quantile(shares, 0.99)
    axes.set(xlim=(-0.5, 255.5), xlabel="intensity, black to white", ylabel="share of pixels")
    axes.set_ylim(0, 1.1 * min(max(shares.max(), parts.sum(axis=0).max()), 4 * max(top, 1e-9)))
    few_ticks(axes, 8)
    return framed(figure, "Two groups of intensities", entries, caption)
