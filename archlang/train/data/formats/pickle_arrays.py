"""The arrays of a pickle, drafted from what it names, and made at the end.

Even numpy's constructors, called in a crafted order, give an array over memory of the writer's choosing. Here none is
called: the names that an array is written with mark a draft, and an array is made of it by `numpy.frombuffer`, over
bytes that the pickle holds, of a type of numbers, where sizes and bytes agree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy

Plain = Any
"""None, a bool, an int, a float, bytes, a str, or a list, tuple, dict or array of them."""

_TYPE = re.compile(r"[|<>=]?(?:b1|[iu][1248]|f[248])|[bBhHiIlLqQefd?]")
"""Types of numbers as numpy spells them: `u1`, `<f4`."""


class BrokenPickle(ValueError):
    """The reason for which bytes are no pickle of plain values."""


# --- what a pickle may name ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NamedThing:
    """A name of a pickle, which stands for nothing until it is applied."""

    name: str


class Draft:
    """An array or its type, whose state the pickle tells after it has named it."""

    def __init__(self, kind: str, arguments: tuple[Plain, ...]) -> None:
        self.kind = kind
        self.arguments = arguments
        self.state: Plain = None


_NAMES: Mapping[tuple[str, str], str] = {
    ("numpy.core.multiarray", "_reconstruct"): "array",
    ("numpy._core.multiarray", "_reconstruct"): "array",
    ("numpy.core.numeric", "_frombuffer"): "buffer",
    ("numpy._core.numeric", "_frombuffer"): "buffer",
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "bytes",
    ("builtins", "bytes"): "bytes",
    ("__builtin__", "bytearray"): "bytes",
    ("builtins", "bytearray"): "bytes",
}
"""The names that arrays, and bytes in old protocols, are written with; every other name is refused."""


def named(module: Plain, name: Plain) -> NamedThing:
    """The thing that a pickle names. Raises `BrokenPickle` for any name that arrays and bytes are not written with."""
    if type(module) is not str or type(name) is not str:
        raise BrokenPickle("it names what is no text")
    if (module, name) not in _NAMES:
        raise BrokenPickle(f"it asks for {module[:60]}.{name[:60]}")
    return NamedThing(_NAMES[module, name])


def applied(function: Plain, arguments: Plain) -> Plain:
    """The draft or the bytes that a name applied to arguments stands for."""
    if not isinstance(function, NamedThing) or type(arguments) is not tuple:
        raise BrokenPickle("it calls what is no name")

    if function.name in ("array", "buffer", "dtype"):
        return Draft(function.name, arguments)
    if function.name == "encode" and arguments and type(arguments[0]) is str:
        return _latin1(arguments[0])
    if function.name == "bytes" and not arguments:
        return b""
    raise BrokenPickle(f"it calls {function.name} with other arguments than arrays and bytes are written with")


def _latin1(text: str) -> bytes:
    """Bytes as Python 3 writes them in an old protocol: a text with a character for each."""
    try:
        return text.encode("latin1")
    except UnicodeEncodeError:
        raise BrokenPickle("it holds bytes that are none") from None


# --- from drafts to arrays -------------------------------------------------------------------------------------------


def array_of(value: Plain) -> numpy.ndarray:
    """The array that a value of a pickle is a draft of, read-only. Raises `BrokenPickle` where it is none.

    Only what is wanted is made: a small pickle may hold many drafts over the same bytes.
    """
    if not isinstance(value, Draft) or value.kind == "dtype":
        raise BrokenPickle("it holds something else than an array")

    if value.kind == "buffer":
        if len(value.arguments) != 4:
            raise BrokenPickle("it holds an array without shape or type")
        raw, kind, shape, order = value.arguments
        return _array(raw, kind, shape, order == "F")

    if type(value.state) is not tuple or len(value.state) != 5:
        raise BrokenPickle("it holds an array without contents")
    # numpy's state: a version, then these.
    _, shape, kind, is_fortran, raw = value.state
    return _array(raw, kind, shape, is_fortran is True)


def _array(raw: Plain, kind: Plain, shape: Plain, is_fortran: bool) -> numpy.ndarray:
    """An array over bytes. Raises `BrokenPickle` where type, shape and bytes do not agree."""
    if type(shape) is not tuple or len(shape) > 8 or not all(type(size) is int and size >= 0 for size in shape):

        raise BrokenPickle("it holds an array of a shape that is none")
    if type(raw) is str:
        raw = _latin1(raw)
    if type(raw) is not bytes:
        raise BrokenPickle("it holds an array of something else than bytes")

    if not raw:
        raise BrokenPickle("it holds an empty array")

    dtype = _dtype(kind)
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise BrokenPickle(f"it holds an array {list(shape)} of {len(raw)} bytes")
    flat = numpy.frombuffer(raw, dtype)
    if is_fortran:
        return flat.reshape(shape, order="F")
    return flat.reshape(shape)


def _dtype(kind: Plain) -> numpy.dtype:
    """A type of numbers, with the order of bytes that its state tells."""
    if not isinstance(kind, Draft) or kind.kind != "dtype" or not kind.arguments:
        raise BrokenPickle("it holds an array without a type")

    spelt = _ascii(kind.arguments[0])
    if not _TYPE.fullmatch(spelt):
        raise BrokenPickle(f"it holds an array of another type than numbers ({spelt[:40]})")

    dtype = numpy.dtype(spelt)
    # The first name tells the size alone, as in `u1`; the order of bytes comes with the state.
    order = ""
    if type(kind.state) is tuple and len(kind.state) > 1:
        order = _ascii(kind.state[1])
    if order == "<":
        return dtype.newbyteorder("<")
    if order == ">":
        return dtype.newbyteorder(">")
    return dtype


def _ascii(text: Plain) -> str:
    if type(text) is bytes:  # a text of Python 2
        return text.decode("ascii", "replace")
    if type(text) is str:
        return text
    return ""
