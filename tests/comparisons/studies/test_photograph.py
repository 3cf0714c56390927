"""Pictures of all kinds, and files that are none."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from comparisons.studies.calculations.photograph import (
    LARGEST,
    TILE,
    cell_of,
    middle_of,
    read_photograph,
)
from models.refusal import Refusal

GREY = np.arange(256, dtype="u1").reshape(8, 32)
LIMIT = 2  # bytes a pixel: less than two copies of eight bits, let alone of doubles
WORK = 64  # bytes that counting takes for each pixel of a tile
MEASURE = """
import resource, sys, warnings
from pathlib import Path
import numpy as np
from PIL import Image
from comparisons.studies.calculations.photograph import read_photograph
def peak():  # of this program alone; on Linux getrusage would start from its parent's
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
small, large, how = sys.argv[1:]
warnings.simplefilter("ignore")
read = read_photograph if how == "ours" else lambda path: np.asarray(Image.open(path), float)
read(small)
before = peak()
read(large)
print(peak() - before)
"""


def write(path, pixels, **how):
    Image.fromarray(pixels).save(path, **how)
    return path


def counts(pixels):
    return np.bincount(np.asarray(pixels).ravel(), minlength=256)


def test_every_pixel_is_counted(tmp_path):
    wide = np.tile(GREY, (200, 40))
    found = read_photograph(write(tmp_path / "a.png", wide))
    assert (found.counts == counts(wide)).all()
    assert found.counts.sum() == found.pixels == wide.size
    assert max(found.grey.shape) <= 600
    assert len(found.colours) == 0
    assert not (read_photograph(write(tmp_path / "b.png", wide // 2)).counts == counts(wide)).all()


def test_neighbours_are_those_of_the_whole_picture(tmp_path, monkeypatch):
    """Pixels far apart, as they are kept to show, would not be alike."""
    noise = np.random.default_rng(0).integers(0, 128, (700, 1301)).astype("u1")
    blurred = noise[:, 1:] + noise[:, :-1]

    def alike(pixels):
        return read_photograph(write(tmp_path / "a.png", pixels)).alike

    error = 1 / np.sqrt(noise.size)
    expected = np.corrcoef(blurred[:, 1:].ravel(), blurred[:, :-1].ravel())[0, 1]
    assert expected == pytest.approx(0.5, abs=4 * error)
    assert alike(blurred) == pytest.approx(expected, rel=1e-12)
    assert abs(alike(noise)) < 4 * error  # negative control
    assert np.isnan(alike(np.arange(5, dtype="u1")[:, None]))


@pytest.mark.parametrize("shape", [(3, 1000, 3), (1000, 3), (40, 70, 3)])
def test_tiles_make_the_whole(shape, tmp_path, monkeypatch):
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype("u1")
    whole = read_photograph(write(tmp_path / "a.png", pixels))
    step = -(-max(shape[:2]) // 600)
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    assert (whole.grey == grey[::step, ::step]).all()
    monkeypatch.setattr("comparisons.studies.calculations.photograph.TILE", 64)
    tiled = read_photograph(tmp_path / "a.png")
    for one, other in zip(whole, tiled, strict=True):
        if not isinstance(one, float):
            np.testing.assert_array_equal(one, other)


def test_kinds_of_greys(tmp_path):
    expected = counts(GREY)
    for name, image in {
        "sixteen bits": Image.fromarray(GREY.astype("u2") * 257),
        "palette": Image.fromarray(GREY).convert("P"),
        "rgb": Image.merge("RGB", [Image.fromarray(GREY)] * 3),
        "opaque": Image.fromarray(GREY).convert("LA"),
    }.items():
        image.save(tmp_path / "a.png")
        found = read_photograph(tmp_path / "a.png")
        assert (found.counts == expected).all(), name
        assert len(found.colours) == 0


def test_colours_are_counted_in_cells(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype("u1")
    found = read_photograph(write(tmp_path / "a.png", pixels))
    assert (found.counts == counts(Image.fromarray(pixels).convert("L"))).all()
    assert found.colour_counts.sum() == found.pixels
    assert np.abs(middle_of(cell_of(pixels)) - pixels).max() <= 3.5
    every = np.unique(pixels.reshape(-1, 3) // 8, axis=0)
    assert (found.colours == every * 8 + 3.5).all()


def test_what_is_transparent_stands_on_white(tmp_path):
    pixels = np.zeros((4, 6, 4), "u1")
    pixels[:, :3] = (200, 30, 30, 255)
    pixels[0, 0] = (10, 10, 10, 255)
    found = read_photograph(write(tmp_path / "a.png", pixels))
    assert found.counts[255] == 12
    assert found.counts[0] == 0  # negative control: the colour behind what is transparent


def test_the_camera_was_held_sideways(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = read_photograph(write(tmp_path / "a.jpg", GREY, quality=95))
    turned = read_photograph(write(tmp_path / "b.jpg", GREY, quality=95, exif=exif))
    assert (turned.grey == np.rot90(upright.grey, -1)).all()
    assert turned.shown.shape == (32, 8, 3)
    assert (turned.counts == upright.counts).all()


def test_bad_files_are_one_line(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "empty.png").write_bytes(b"")
    frames = [Image.fromarray(GREY), Image.fromarray(GREY[::-1])]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    whole = write(
        tmp_path / "whole.png", np.random.default_rng(0).integers(0, 256, (99, 99)).astype("u1")
    ).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    write(tmp_path / "one.png", np.full((5, 5), 7, "u1"))
    write(tmp_path / "two.png", np.eye(5, dtype=bool))
    os.mkfifo(tmp_path / "pipe.png")
    for name, said in {
        "text.png": "no picture in PNG or JPEG",
        "drawing.svg": "no picture in PNG or JPEG",
        "moving.gif": "no picture in PNG or JPEG",
        "empty.png": "is empty",
        "cut.png": "is damaged",
        "one.png": "one colour only",
        "two.png": "two intensities only",
        "none.png": "does not exist",
        "pipe.png": "no regular file",
        "": "is a folder",
    }.items():
        with pytest.raises(Refusal, match=said) as caught:
            read_photograph(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert read_photograph(tmp_path / "whole.png").pixels == 99 * 99  # negative control


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    for side in (11_000, 14_000):  # over our limit; over Pillow's too
        assert side**2 > LARGEST
        path = tmp_path / "huge.png"
        Image.new("1", (side, side)).save(path)
        with pytest.raises(Refusal, match="at most 120 million"):
            read_photograph(path)


@pytest.mark.slow
@pytest.mark.parametrize("side", [7_000, 10_000])
def test_megapixels_take_little_more_than_their_bytes(side, tmp_path):
    small = write(tmp_path / "small.png", np.tile(GREY, (8, 2)))

    def bytes_a_pixel(pixels, how):
        large = write(tmp_path / "large.png", pixels, compress_level=1)
        out = subprocess.run(
            [sys.executable, "-c", MEASURE, str(small), str(large), how],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(out.stdout) / (pixels.shape[0] * pixels.shape[1])

    def grey(height, width):
        return np.tile(GREY, (height // 8, width // 32 + 1))[:, :width]

    assert bytes_a_pixel(grey(side, side), "ours") < LIMIT
    assert bytes_a_pixel(grey(4_000, 4_000), "as doubles") > LIMIT  # negative control
    # colour is decoded to four bytes; a tile of a wide picture is no larger than any other
    wide = np.repeat(grey(96, 200_000)[..., None], 3, axis=2)
    assert bytes_a_pixel(wide, "ours") < 4 + WORK * TILE / (96 * 200_000)
    assert bytes_a_pixel(wide, "as doubles") > 4 + WORK * TILE / (96 * 200_000)
