"""Truth values of samples as text: which of them a model got right, in a line of a journal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy


def bits(right: Sequence[bool]) -> str:
    """Truth values as hexadecimal digits, the first sample being the highest bit.

    >>> bits([True, False, False, False, True])
    '88'
    """
    return numpy.packbits(numpy.array(right, bool)).tobytes().hex()


def truths(text: str, count: int) -> list[bool]:
    """Truth values of hexadecimal digits.

    >>> truths("88", 5)
    [True, False, False, False, True]
    """
    packed = numpy.frombuffer(bytes.fromhex(text), numpy.uint8)
    return [bool(bit) for bit in numpy.unpackbits(packed)[:count]]
