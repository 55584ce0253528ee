"""The one way from an image to the pixels that a network sees: turned, cut, in grey or colour, scaled.

Training, evaluation and prediction all take it, in this order, so that the same file gives the same numbers to each:

1. turned as its camera noted (EXIF orientation);
2. the middle cut out in the wanted proportions;
3. floats from 0 to 1, in one channel (grey) or three (colour), transparency dropped;
4. grey repeated or colour made grey, as the network asks;
5. scaled (bilinear, antialiased).
"""

from __future__ import annotations

import numpy
import torch
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile
from torch.nn import functional

from archlang.emit import ImagePreparation
from archlang.train.problems import bad_data

MOST_PIXELS = 50_000_000
"""Pixels of the largest image that is decoded: 200 MB, as Pillow keeps colour in four bytes."""

LARGE = 4_000_000
"""Pixels from which on an image is first made smaller by a whole factor, which costs no memory."""

GREY = ("1", "L", "LA", "La", "I", "F")
"""Pillow's modes without colour, beside those of 16 bits, which begin with `I;16`."""

ORIENTATION = 0x0112
"""The number under which a camera notes how an image is turned (EXIF)."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey image (ITU-R BT.601)."""


class TooManyPixels(ValueError):
    """An image that would take more memory than is allowed."""


def prepared(image: Image.Image, preparation: ImagePreparation | None) -> torch.Tensor:
    """An image that is open but not decoded, as floats [channels, rows, columns] from 0 to 1.

    Without a preparation it keeps its size, and has one channel or three. Raises `TooManyPixels`, `ValueError`, and
    what Pillow raises for broken files.
    """
    if preparation is not None:
        _decode_smaller(image, preparation)
    if image.width * image.height > MOST_PIXELS:
        raise TooManyPixels(f"{image.width} x {image.height} pixels are more than are decoded")

    ImageOps.exif_transpose(image, in_place=True)
    if preparation is None:
        return pixels_of(image)

    # Cut first, then scaled: the other order would scale pixels that are thrown away.
    rows, columns = kept_window(image.height, image.width, preparation)
    pixels = pixels_of(_reduced(_middle(image, rows, columns), preparation))
    return resized(with_channels(pixels[None], preparation.channels), preparation.rows, preparation.columns)[0]


def is_grey(image: Image.Image) -> bool:
    """Tell an image without colour, by its mode."""
    return image.mode in GREY or image.mode.startswith("I;16")


def is_turned(image: Image.Image) -> bool:
    """Tell an image that is stored turned or mirrored, as its camera noted: reading it moves its pixels.

    Pillow turns those of a TIFF file itself when it decodes them, and says so no more.
    """
    return image.getexif().get(ORIENTATION, 1) in range(2, 9)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Rows and columns of an image after it is turned as its camera noted; nothing is decoded."""
    sideways = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    if not sideways:
        return image.height, image.width

    # Pillow turns the size of a TIFF file when it opens it, and its pixels later; the tags keep what is stored.
    if isinstance(image, TiffImageFile):
        return image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
    return image.width, image.height


def pixels_of(image: Image.Image) -> torch.Tensor:
    """A Pillow image as floats [1 or 3, rows, columns] from 0 to 1; transparency is dropped.

    Raises `ValueError` for numbers whose range is not known: floats beyond 0 to 1, integers beyond 16 bits.
    """
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _deep(image)[None]

    plain = _in_bytes(image)
    pixels = torch.from_numpy(numpy.array(plain, dtype=numpy.uint8))
    if pixels.ndim == 2:
        return scaled(pixels[None])
    return scaled(pixels.permute(2, 0, 1))


def scaled(samples: torch.Tensor) -> torch.Tensor:
    """Samples as float32; integers of 8 or 16 bits without a sign become 0 to 1, other numbers stay as they are."""
    if samples.dtype == torch.uint8:
        return samples.float() / 255
    if samples.dtype == torch.uint16:
        return samples.float() / 65535
    return samples.float()


def kept_window(rows: int, columns: int, preparation: ImagePreparation) -> tuple[int, int]:
    """Rows and columns of the largest window in the wanted proportions, times the share that `crop` keeps.

    >>> kept_window(100, 300, ImagePreparation(3, 32, 32)), kept_window(256, 256, ImagePreparation(3, 224, 224, 0.875))
    ((100, 100), (224, 224))
    """
    # The side that would be cut less decides.
    scale = min(rows / preparation.rows, columns / preparation.columns) * preparation.crop
    kept_rows = round(preparation.rows * scale)
    kept_columns = round(preparation.columns * scale)
    return max(1, min(rows, kept_rows)), max(1, min(columns, kept_columns))


def with_channels(images: torch.Tensor, want: int) -> torch.Tensor:
    """Images [batch, channels, rows, columns] in `want` channels: grey repeated for three, colour made grey for one.

    Raises `ArchError` (bad-data) for any other number, since nobody said what the channels are.
    """
    have = images.shape[1]
    if have == want:
        return images
    if have == 1 and want == 3:
        return images.expand(-1, 3, -1, -1)
    if have == 3 and want == 1:
        weights = images.new_tensor(LUMA).view(1, 3, 1, 1)
        return (images * weights).sum(1, keepdim=True)

    help = ("arrays and tensors are [channels, rows, columns]; others are transposed in the function that gives them, "
            "or its dataset says `layout = \"HWC\"`")
    raise bad_data(f"the network wants {want} channels, the images of the data have {have}", help=help)


def resized(images: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Images [batch, channels, ...] scaled to `rows` by `columns` (bilinear, antialiased)."""
    if tuple(images.shape[2:]) == (rows, columns):
        return images
    return functional.interpolate(images, (rows, columns), mode="bilinear", antialias=True, align_corners=False)


def middle_place(down: int, across: int) -> tuple[int, int]:
    """The first row and column of the window in the middle, where it leaves so many rows and columns free.

    Half a pixel is rounded to the even one, as torchvision's `CenterCrop` does.
    """
    return round(down / 2), round(across / 2)


def _decode_smaller(image: Image.Image, preparation: ImagePreparation) -> None:
    """Let a JPEG's own transform halve a large image, which takes neither the time nor the memory of all its pixels."""
    if image.width * image.height <= LARGE:
        return

    # Twice the wanted sizes, whichever way the image is turned: what is left to scale is antialiased.
    side = 2 * max(preparation.rows, preparation.columns)
    rows, columns = kept_window(image.height, image.width, preparation)
    share = min(1.0, side / min(rows, columns))
    image.draft(image.mode, (round(image.width * share), round(image.height * share)))


def _middle(image: Image.Image, rows: int, columns: int) -> Image.Image:
    if (rows, columns) == (image.height, image.width):
        return image

    top, left = (image.height - rows) // 2, (image.width - columns) // 2
    return image.crop((left, top, left + columns, top + rows))


def _reduced(image: Image.Image, preparation: ImagePreparation) -> Image.Image:
    """A large image as means over squares of pixels, at least twice as large as wanted.

    Floats of all its pixels would take three times the memory of the image itself.
    """
    factor = min(image.height // (2 * preparation.rows), image.width // (2 * preparation.columns))
    if image.width * image.height <= LARGE or factor < 2:
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_deep(image).numpy()).reduce(factor)
    return _in_bytes(image).reduce(factor)


def _in_bytes(image: Image.Image) -> Image.Image:
    """An image of 8 bits a channel, grey or in colour."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "La":
        image = image.convert("LA")
    if is_grey(image):
        return image.convert("L")

    # Premultiplied colours are known to RGBA alone, and straight from a transparent palette to RGB Pillow warns.
    if image.mode == "RGBa" or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
    return image.convert("RGB")


def _deep(image: Image.Image) -> torch.Tensor:
    """Grey of 16 bits or floats, [rows, columns] from 0 to 1."""
    values = torch.from_numpy(numpy.array(image, dtype=numpy.float32))
    if image.mode != "F":
        values.div_(65535)  # Pillow opens 16-bit files as 32-bit integers too

    low, high = values.aminmax()
    if not (float(low) >= 0 and float(high) <= 1):  # NaN is neither
        known = "0 to 65535"
        if image.mode == "F":
            known = "0 to 1"
        raise ValueError(f"it holds numbers beyond {known}, whose range is not known")
    return values
