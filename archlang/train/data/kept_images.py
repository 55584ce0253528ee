"""Decoded images that are kept, so that a training decodes each file once."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from math import prod

import torch

MOST_BYTES = 1 << 30
"""Memory for the decoded images of one part of the data; those that do not find room are decoded every time."""

SHARE = 8
"""At most one part in so many of the machine's memory is taken for them."""


class KeptImages:
    """Room for the first images of a split, as floats. Processes that are forked later have it in common.

    All bits of a number are kept inverted, so that fresh memory, which holds zeros, reads as NaN. An image has none:
    what another process has written half of is seen to be unfinished.
    """

    def __init__(self, count: int, shape: tuple[int, ...]) -> None:
        size = 4 * prod(shape)
        self.count = min(count, _room() // size)
        # Without a name in a file system, whose size a container may limit; pages are taken as they are written.
        self._memory = mmap.mmap(-1, max(1, self.count) * size)
        numbers = torch.frombuffer(self._memory, dtype=torch.int32)
        self._rows = numbers.view(max(1, self.count), *shape)

    def __reduce__(self) -> tuple[object, ...]:
        """Memory cannot be sent to a process that is not forked: it keeps images of its own, none."""
        return KeptImages, (0, (1,))

    def get(self, number: int, decode: Callable[[], torch.Tensor]) -> torch.Tensor:
        """The image of a number, decoded where it is not there yet."""
        if number >= self.count:
            return decode()

        kept = self._rows[number].bitwise_not().view(torch.float32)
        if not bool(kept.isnan().any()):
            return kept

        image = decode()
        if image.shape == kept.shape and image.dtype == torch.float32:
            self._rows[number].copy_(image.contiguous().view(torch.int32).bitwise_not())
        return image


def _room() -> int:
    """Bytes that kept images may take."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return MOST_BYTES
    return min(MOST_BYTES, whole // SHARE)
