"""Samples and other numbers of users' data as plain tensors: on the CPU, strided, without gradients."""

from __future__ import annotations

from typing import Any, Literal

import numpy
import torch
from PIL import Image

from archlang.emit import ImagePreparation
from archlang.train.data.image_files import strict_about_size
from archlang.train.data.pixels import prepared, scaled
from archlang.train.problems import bad_data

Layout = Literal["CHW", "HWC"]
"""Axes of an image in an array: channels first, as torch has them, or last. It is declared, never guessed."""

NUMERIC = "buif"
"""Kinds of numpy's numbers that torch has too: bool, unsigned, integer, float."""


def as_sample(value: Any, layout: Layout = "CHW", preparation: ImagePreparation | None = None,
              whole: bool = False) -> torch.Tensor:
    """One sample as floats: a tensor or an array as it is, axes by `layout`; a Pillow image as `preparation` asks.

    Samples of whole numbers stay what they are.

    Raises `ArchError` (bad-data) for anything else, and `ValueError` for an image whose pixels are not known.
    """
    if isinstance(value, Image.Image):
        with strict_about_size():
            return prepared(value.copy(), preparation)  # the user's image is not turned

    if not isinstance(value, torch.Tensor | numpy.ndarray):
        raise bad_data("a sample is neither a tensor nor an array nor an image")

    sample = plain_tensor(value, "a sample")
    if not sample.ndim:
        raise bad_data("a sample is a single number without an axis", help="give it one, as in [1]")
    if not sample.numel():
        raise bad_data(f"a sample is empty: {list(sample.shape)}")
    if not is_finite(sample):
        raise bad_data("a sample holds NaN or infinity")
    # Only images have an order of axes to declare.
    if layout == "HWC" and sample.ndim == 3:
        sample = sample.permute(2, 0, 1)
    if whole:
        return sample
    return scaled(sample)


def is_finite(values: torch.Tensor) -> bool:
    """Tell whether all numbers are finite; integers always are."""
    if not values.is_floating_point():
        return True
    if values.element_size() < 2:
        values = values.float()  # torch does not ask it of floats of 8 bits
    return bool(values.isfinite().all())


def samples_in_memory(value: torch.Tensor | numpy.ndarray) -> torch.Tensor:
    """All samples of a data set, [count, ...]. Raises `ArchError` (bad-data), naming the first that is not finite."""
    samples = plain_tensor(value, "the array of samples")
    if not is_finite(samples):
        first = int((~samples.isfinite()).nonzero()[0, 0])
        raise bad_data(f"item {first} of the data holds NaN or infinity")
    return samples


def plain_tensor(value: torch.Tensor | numpy.ndarray, what: str) -> torch.Tensor:
    """A tensor or an array of numbers as a plain tensor. Raises `ArchError` (bad-data) where it is none.

    >>> plain_tensor(numpy.array([[1, 2]], dtype=">i2"), "it").tolist()
    [[1, 2]]
    """
    if isinstance(value, numpy.ndarray):
        return _of_array(value, what)

    if value.is_meta or value.is_quantized or value.is_nested or value.is_complex() or value.layout != torch.strided:
        raise bad_data(f"{what} is a tensor of another kind than plain numbers ({_kind(value)})")
    plain: torch.Tensor = value.detach().cpu().as_subclass(torch.Tensor)
    # In one order of memory: another one makes torch choose other kernels, whose last digits differ.
    return plain.contiguous()


def _of_array(value: numpy.ndarray, what: str) -> torch.Tensor:
    if isinstance(value, numpy.ma.MaskedArray):
        raise bad_data(f"{what} is a masked array; fill what is masked (`.filled()`)")
    if value.dtype.kind not in NUMERIC:
        raise bad_data(f"{what} is an array of {_numpy_kind(value)}, not of numbers")

    # Torch has neither the other order of bytes, nor floats beyond 8 bytes, nor steps backwards through memory, nor C's
    # second name for 64 bits (`num`), nor memory that may not be written.
    dtype = numpy.dtype(f"={value.dtype.kind}{min(value.dtype.itemsize, 8)}")
    plain = numpy.asarray(value, dtype, order="C")
    if plain.dtype.num != dtype.num or not plain.flags.writeable or min(plain.strides, default=0) < 0:
        plain = numpy.array(plain).astype(dtype, order="C", copy=True)
    return torch.from_numpy(plain)


def _kind(value: torch.Tensor) -> str:
    kinds = {"a meta tensor, without values": value.is_meta, "quantised": value.is_quantized,
             "nested": value.is_nested, "complex": value.is_complex()}
    return next((kind for kind, is_so in kinds.items() if is_so), "sparse")


def _numpy_kind(value: numpy.ndarray) -> str:
    kinds = {"O": "objects", "U": "texts", "S": "texts", "c": "complex numbers", "M": "dates", "m": "times"}
    return kinds.get(value.dtype.kind, "records")
