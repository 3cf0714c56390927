"""A picture from a file as counts of its intensities and colours, in memory that stays bounded.

Only the decoder keeps all pixels in memory. All are counted, a tile at a time; a few are kept to
show.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from models.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["LARGEST", "TILE", "Photograph", "cell_of", "middle_of", "read_photograph"]

LARGEST = 120_000_000  # pixels; decoded they are up to four bytes each
FORMATS = ("PNG", "JPEG")
TILE = 1 << 20  # pixels counted at once
SHOWN = 600  # pixels of the longer side that are kept to show
BITS = 5  # of each colour channel, so that there are at most 32,768 colours
FEWEST = 3  # intensities that two Gaussians can be fitted to
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    struct.error,
    zlib.error,
)
SMALLER = f"give a copy of at most {LARGEST // 1_000_000} million"
ORIENTATION = 0x0112  # of EXIF: how the camera was held


class Photograph(NamedTuple):
    """What is kept of a picture.

    name: of its file; pixels: how many it has.
    counts: (256,) how many pixels have each intensity.
    alike: the correlation of intensities side by side, NaN where they do not vary.
    colours, colour_counts: (m, 3) the middles of cells of colour with pixels, and (m,) how many;
        none where red, green and blue are the same everywhere.
    grey, shown: (h, w) intensities and (h, w, 3) colours of every few pixels, to show.

    >>> from matplotlib.cbook import get_sample_data
    >>> photo = read_photograph(get_sample_data("grace_hopper.jpg", asfileobj=False))
    >>> photo.pixels, int(photo.counts.sum())
    (307200, 307200)
    """

    name: str
    pixels: int
    counts: NDArray[np.int64]
    alike: float
    colours: Array
    colour_counts: NDArray[np.int64]
    grey: NDArray[np.uint8]
    shown: NDArray[np.uint8]


def read_photograph(path: str | Path) -> Photograph:
    """Return what a PNG or JPEG file shows, or raise Refusal that says why it cannot be.

    >>> from PIL import Image
    >>> Image.new("L", (8, 8)).save("black.png")
    >>> try:
    ...     read_photograph("black.png")
    ... except Refusal as refusal:
    ...     print(refusal)
    black.png has one colour only; there is nothing to separate
    """
    path = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # our own limit replaces Pillow's warning of size
        photograph = _counted(path.name, *_decoded(path))
    seen = np.count_nonzero(photograph.counts)
    if seen == 1:
        what = "brightness" if len(photograph.colours) > 1 else "colour"
        raise Refusal(f"{path} has one {what} only; there is nothing to separate")
    if seen < FEWEST:
        raise Refusal(
            f"{path} has two intensities only and is separated already; give a picture with shades"
        )
    return photograph


def _decoded(path: Path) -> tuple[Image.Image, int]:
    """Return a picture's pixels and how the camera was held, or say what is wrong in one line."""
    if path.is_dir():
        raise Refusal(f"{path} is a folder; give a file")
    if path.exists() and not path.is_file():  # to look at the end of a pipe would wait for ever
        raise Refusal(f"{path} is no regular file; give a picture in PNG or JPEG")
    try:
        with Image.open(path, formats=FORMATS) as image:
            _refuse_large(path, image.size)
            image.load()
            return image, image.getexif().get(ORIENTATION, 1)
    except (Refusal, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise Refusal(f"{path} has too many pixels; {SMALLER}") from None
    except UnidentifiedImageError:
        known = "is no picture in PNG or JPEG; save it as one of these"
        raise Refusal(f"{path} {known if path.stat().st_size else 'is empty'}") from None
    except FileNotFoundError:
        raise Refusal(f"{path} does not exist; give a picture in PNG or JPEG") from None
    except PermissionError:
        raise Refusal(f"{path} may not be read; ask for permission, or copy it") from None
    except BROKEN as problem:
        why = " ".join(str(problem).split()) or type(problem).__name__
        raise Refusal(f"{path} is damaged ({why}); give a whole picture") from None


def _refuse_large(path: Path, size: tuple[int, int]) -> None:
    """Refuse what would take more memory than the limit allows, before it is decoded."""
    pixels = size[0] * size[1]
    if pixels > LARGEST:
        raise Refusal(f"{path} has {pixels / 1e6:,.0f} million pixels; {SMALLER}")


def _counted(name: str, image: Image.Image, held: int) -> Photograph:
    """Count intensities and colours tile by tile, and keep every few pixels to show.

    held: the orientation by EXIF.
    """
    width, height = image.size
    step = -(-max(width, height) // SHOWN)
    across = min(width, TILE)
    down = TILE // across
    counts, cells, coloured = np.zeros(256, np.int64), np.zeros(8**BITS, np.int64), False
    sums, kept = np.zeros(6, np.int64), []
    for top in range(0, height, down):
        beside = []
        for left in range(0, width, across):
            box = (left, top, min(left + across, width), min(top + down, height))
            grey, colour = _channels(image.crop(box))
            counts += np.bincount(grey.ravel(), minlength=len(counts))
            sums += _pairs(grey)
            if colour.shape[-1] == 3:
                cells += np.bincount(cell_of(colour).ravel(), minlength=len(cells))
                coloured = coloured or bool((colour != colour[..., :1]).any())
            every = np.s_[-top % step :: step, -left % step :: step]
            beside.append((grey[every].copy(), colour[every].copy()))  # views would keep the tile
        kept.append([np.concatenate(parts, axis=1) for parts in zip(*beside, strict=True)])
    grey, shown = (_upright(np.concatenate(parts), held) for parts in zip(*kept, strict=True))
    there = np.flatnonzero(cells) if coloured else np.zeros(0, np.intp)
    return Photograph(
        name,
        width * height,
        counts,
        _correlation(sums),
        middle_of(there),
        cells[there],
        grey,
        np.broadcast_to(shown, (*grey.shape, 3)),
    )


def _pairs(grey: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return of pixels a left of b: how many, and the sums of a, b, a a, b b and a b."""
    a, b = (side.astype(np.int64).ravel() for side in (grey[:, :-1], grey[:, 1:]))
    return np.array([len(a), a.sum(), b.sum(), a @ a, b @ b, a @ b])


def _correlation(sums: NDArray[np.int64]) -> float:
    """Return the correlation that the sums of `_pairs` make, in whole numbers of any size."""
    n, a, b, aa, bb, ab = map(int, sums)
    spread = (n * aa - a * a) * (n * bb - b * b)
    return (n * ab - a * b) / spread**0.5 if spread else float("nan")


def _channels(strip: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the intensities (h, w) and the colours (h, w, 3), or (h, w, 1) of greys.

    Sixteen bits are scaled to eight; transparent parts are put on white, as a page shows them.
    """
    if strip.mode.startswith("I"):
        grey = ((np.asarray(strip).astype(np.uint32) + 128) // 257).astype(np.uint8)
        return grey, grey[..., None]
    if strip.has_transparency_data:
        page = Image.new("RGBA", strip.size, "white")
        strip = Image.alpha_composite(page, strip.convert("RGBA")).convert("RGB")
    if strip.mode in {"1", "L"}:
        grey = np.asarray(strip.convert("L"))
        return grey, grey[..., None]
    strip = strip.convert("RGB")
    return np.asarray(strip.convert("L")), np.asarray(strip)


def cell_of(colour: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the cell (...) in which a colour (..., 3) lies.

    >>> cell_of(np.zeros(3, np.uint8))
    np.int64(0)
    """
    high = (colour >> (8 - BITS)).astype(np.intp)
    found: NDArray[np.intp] = (high[..., 0] << 2 * BITS) | (high[..., 1] << BITS) | high[..., 2]
    return found


def middle_of(cell: NDArray[np.intp]) -> Array:
    """Return the colours (m, 3) in the middle of cells (m,).

    >>> middle_of(np.array([0, 1])).tolist()
    [[3.5, 3.5, 3.5], [3.5, 3.5, 11.5]]
    """
    last = (1 << BITS) - 1
    each = np.stack([cell >> 2 * BITS, (cell >> BITS) & last, cell & last], axis=-1)
    width = 1 << (8 - BITS)
    return each * float(width) + (width - 1) / 2


def _upright(pixels: NDArray[np.uint8], held: int) -> NDArray[np.uint8]:
    """Return pixels (h, w) or (h, w, c) as the camera saw them."""
    if held == 1:
        return pixels
    single = pixels.ndim == 3 and pixels.shape[2] == 1
    turned = Image.fromarray(pixels[..., 0] if single else pixels)
    turned.getexif()[ORIENTATION] = held
    found = np.asarray(ImageOps.exif_transpose(turned))
    return found[..., None] if single else found
