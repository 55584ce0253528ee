"""Which formats of image files are read: every one that is named, with the pixels that were written."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from PIL import Image, features

from archlang.train.data.image_files import FORMATS, NoImage, read_pixels, readable

PIXELS = numpy.random.default_rng(0).integers(0, 255, (16, 16, 3)).astype("u1")

KEPT_AS_THEY_ARE = ("png", "bmp", "dib", "tiff", "ppm", "tga", "pcx", "ico", "sgi", "qoi")
"""Those that lose nothing."""

BUILT_IN = {"jpeg": "jpg", "mpo": "jpg", "webp": "webp", "jp2": "jpg_2000", "avif": "avif"}
"""Those that change pixels a little, with the part of Pillow that each wants."""


@pytest.mark.parametrize("ending", KEPT_AS_THEY_ARE)
def test_the_pixels_written_are_those_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{ending}"
    Image.fromarray(PIXELS).save(path)

    assert numpy.array_equal((read_pixels(path, None) * 255).round().numpy(), PIXELS.transpose(2, 0, 1))


@pytest.mark.parametrize("ending", BUILT_IN)
def test_formats_that_change_pixels_a_little_are_read(ending: str, tmp_path: Path) -> None:
    if not features.check(BUILT_IN[ending]):
        pytest.skip(f"this Pillow was built without {ending}")

    path = tmp_path / f"image.{ending}"
    Image.fromarray(PIXELS).save(path)
    assert read_pixels(path, None).shape == (3, 16, 16)


def test_what_is_no_image_is_said_plainly(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"no")
    with pytest.raises(NoImage, match=r"^is no image that can be read$"):
        read_pixels(path, None)


def test_every_format_has_a_reader() -> None:
    """A name without one stops Pillow at it, so that no format behind it is read."""
    Image.init()
    assert set(FORMATS) - {"AVIF", "WEBP", "JPEG2000"} <= set(Image.OPEN)


def test_a_reader_that_this_pillow_lacks_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (2, 2), (255, 0, 0)).save(tmp_path / "red.sgi")

    # Pillow ends its search at the first name that it has no reader for.
    monkeypatch.delitem(Image.OPEN, "WEBP", raising=False)
    readable.cache_clear()
    try:
        assert "WEBP" not in readable()
        assert read_pixels(tmp_path / "red.sgi", None)[:, 0, 0].tolist() == [1, 0, 0]
    finally:
        readable.cache_clear()
