"""A reader of pickles that calls nothing: their opcodes are carried out here, on plain values alone.

A pickle is a program for a machine with a stack and a memo. Python's own machine calls what the program names; this one
knows bytes, texts, numbers, lists, tables and drafts of arrays (`pickle_arrays`), and refuses the rest.

Format: PEP 307, PEP 3154, PEP 574 and Python's `pickletools`; protocols 0 to 5, without buffers out of band.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from archlang.train.data.formats.pickle_arrays import BrokenPickle, Draft, Plain, applied, named

MOST_STEPS = 5_000_000
"""Opcodes that are carried out at most; CIFAR-100 has 300,000."""

LONGEST_NUMBER = 256
"""Digits or bytes of an integer."""

_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.?)", re.DOTALL)
_ESCAPES = {b"\\": b"\\", b"'": b"'", b'"': b'"', b"n": b"\n", b"r": b"\r", b"t": b"\t"}
"""The escapes that Python 2 writes, beside those in hexadecimal digits."""

_MARK = object()
_STOP = b"."[0]


def loads(raw: bytes) -> Plain:
    """The value that a pickle holds: None, numbers, bytes (texts of Python 2 too), texts, lists, tuples, tables.

    An array is a draft still; `pickle_arrays.array_of` makes it. Raises `BrokenPickle`, and nothing else.
    """
    return _Machine(raw).run()


class _Machine:
    """The program, where in it the machine stands, its stack and its memo."""

    def __init__(self, program: bytes) -> None:
        self.program = program
        self.at = 0
        self.stack: list[Plain] = []
        self.memo: dict[int, Plain] = {}

    def run(self) -> Plain:
        """Carry the program out up to its end, and give what is on top of the stack then."""
        program = self.program
        # A bound on the work, since a small program may repeat itself without end.
        for _ in range(MOST_STEPS):
            if self.at >= len(program):
                raise BrokenPickle("it is cut off")
            opcode = program[self.at]
            self.at += 1

            if opcode == _STOP:
                return self.pop()
            step = _STEPS.get(opcode)
            if step is None:
                raise BrokenPickle(f"it asks for more than plain values (opcode {opcode:#04x})")
            step(self)
        raise BrokenPickle(f"it has more than {MOST_STEPS} steps")

    # --- the program -------------------------------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        """The next bytes of the program."""
        end = self.at + count
        if count < 0 or end > len(self.program):
            raise BrokenPickle("it is cut off")
        raw = self.program[self.at : end]
        self.at = end
        return raw

    def number(self, form: str) -> Plain:
        """The next number, as `struct` spells its form."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        """The program up to the next line end."""
        end = self.program.find(b"\n", self.at)
        if end < 0:
            raise BrokenPickle("it is cut off")
        raw = self.program[self.at : end]
        self.at = end + 1
        return raw

    def whole(self, digits: bytes) -> int:
        """An integer from its decimal digits."""
        if len(digits) > LONGEST_NUMBER:
            raise BrokenPickle("it holds a number with too many digits")
        try:
            return int(digits)
        except ValueError:
            raise BrokenPickle("it holds a number that is none") from None

    # --- the stack ---------------------------------------------------------------------------------------------------

    def push(self, value: Plain) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Plain:
        """Take the value off the top of the stack."""
        if not self.stack or self.stack[-1] is _MARK:
            raise BrokenPickle("it takes what is not there")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Plain]:
        """Take all values above the last mark, and the mark."""
        values: list[Plain] = []
        while self.stack:
            value = self.stack.pop()
            if value is _MARK:
                return values[::-1]
            values.append(value)
        raise BrokenPickle("it has no mark")

    def top(self, kind: type) -> Plain:
        """The value on top of the stack, which must be of a kind."""
        if not self.stack or type(self.stack[-1]) is not kind:
            raise BrokenPickle("it fills what is no list or table")
        return self.stack[-1]

    def keep(self, key: int) -> None:
        """Note the top of the stack in the memo."""
        value = self.pop()
        self.memo[key] = value
        self.push(value)

    def recall(self, key: int) -> None:
        """Put what the memo has on the stack."""
        if key not in self.memo:
            raise BrokenPickle("it recalls what it never noted")
        self.push(self.memo[key])

    def fill(self, pairs: list[Plain]) -> None:
        """Put keys and values, one after the other, into the table on top of the stack."""
        table = self.top(dict)
        if len(pairs) % 2:
            raise BrokenPickle("it has a key without a value")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(key) not in (bytes, str, int):  # others may be costly, or impossible, to look up
                raise BrokenPickle("it has a table whose keys are no texts")
            table[key] = value


# --- one function for each opcode that takes more than a line --------------------------------------------------------


def _protocol(machine: _Machine) -> None:
    version = machine.number("<B")
    if version > 5:
        raise BrokenPickle(f"it is written in protocol {version}, which is not known")


def _int_line(machine: _Machine) -> None:
    line = machine.line()
    # Booleans of protocol 0 and 1 are these two spellings of integers.
    if line in (b"00", b"01"):
        machine.push(line == b"01")
    else:
        machine.push(machine.whole(line))


def _float_line(machine: _Machine) -> None:
    try:
        machine.push(float(machine.line()))
    except ValueError:
        raise BrokenPickle("it holds a number that is none") from None


def _long(machine: _Machine, form: str) -> None:
    size = machine.number(form)
    if not 0 <= size <= LONGEST_NUMBER:
        raise BrokenPickle("it holds a number with too many digits")
    machine.push(int.from_bytes(machine.take(size), "little", signed=True))


def _string_line(machine: _Machine) -> None:
    """A text of Python 2 in quotes, with escapes."""
    line = machine.line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise BrokenPickle("it holds a text without quotes")
    machine.push(_ESCAPE.sub(_unescaped, line[1:-1]))


def _unescaped(match: re.Match[bytes]) -> bytes:
    """The byte that an escape of Python 2 stands for."""
    escape = match[1]
    if escape[:1] == b"x" and len(escape) == 3:
        return bytes((int(escape[1:], 16),))
    if escape not in _ESCAPES:
        raise BrokenPickle("it holds a text with an unknown escape")
    return _ESCAPES[escape]


def _unicode(machine: _Machine, raw: bytes, coding: str) -> None:
    try:
        machine.push(raw.decode(coding))
    except UnicodeDecodeError:
        raise BrokenPickle("it holds a text that is none") from None


def _tuple_of(machine: _Machine, count: int) -> None:
    values = [machine.pop() for _ in range(count)]
    machine.push(tuple(values[::-1]))


def _append(machine: _Machine) -> None:
    value = machine.pop()
    machine.top(list).append(value)


def _appends(machine: _Machine) -> None:
    values = machine.pop_to_mark()
    machine.top(list).extend(values)


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.fill([key, value])


def _dict(machine: _Machine) -> None:
    pairs = machine.pop_to_mark()
    machine.push({})
    machine.fill(pairs)


def _global_line(machine: _Machine) -> None:
    module, name = machine.line(), machine.line()
    machine.push(named(module.decode("utf-8", "replace"), name.decode("utf-8", "replace")))


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    machine.push(named(module, name))


def _reduce(machine: _Machine) -> None:
    arguments, function = machine.pop(), machine.pop()
    machine.push(applied(function, arguments))


def _build(machine: _Machine) -> None:
    state = machine.pop()
    machine.top(Draft).state = state


_STEPS: dict[int, Callable[[_Machine], None]] = {
    opcode[0]: step for opcode, step in {
        # the program itself
        b"\x80": _protocol, b"\x95": lambda m: m.take(8),
        # numbers and the like
        b"N": lambda m: m.push(None), b"\x88": lambda m: m.push(True), b"\x89": lambda m: m.push(False),
        b"I": _int_line, b"J": lambda m: m.push(m.number("<i")), b"K": lambda m: m.push(m.number("<B")),
        b"M": lambda m: m.push(m.number("<H")), b"L": lambda m: m.push(m.whole(m.line().removesuffix(b"L"))),
        b"\x8a": lambda m: _long(m, "<B"), b"\x8b": lambda m: _long(m, "<i"),
        b"F": _float_line, b"G": lambda m: m.push(m.number(">d")),
        # bytes, and texts of Python 2, which are bytes
        b"S": _string_line, b"T": lambda m: m.push(m.take(m.number("<i"))),
        b"U": lambda m: m.push(m.take(m.number("<B"))), b"B": lambda m: m.push(m.take(m.number("<I"))),
        b"C": lambda m: m.push(m.take(m.number("<B"))), b"\x8e": lambda m: m.push(m.take(m.number("<Q"))),
        b"\x96": lambda m: m.push(m.take(m.number("<Q"))),
        # texts
        b"V": lambda m: _unicode(m, m.line(), "raw-unicode-escape"),
        b"X": lambda m: _unicode(m, m.take(m.number("<I")), "utf-8"),
        b"\x8c": lambda m: _unicode(m, m.take(m.number("<B")), "utf-8"),
        b"\x8d": lambda m: _unicode(m, m.take(m.number("<Q")), "utf-8"),
        # lists, tuples, tables
        b"]": lambda m: m.push([]), b"l": lambda m: m.push(m.pop_to_mark()), b"a": _append, b"e": _appends,
        b")": lambda m: m.push(()), b"t": lambda m: m.push(tuple(m.pop_to_mark())),
        b"\x85": lambda m: _tuple_of(m, 1), b"\x86": lambda m: _tuple_of(m, 2), b"\x87": lambda m: _tuple_of(m, 3),
        b"}": lambda m: m.push({}), b"d": _dict, b"s": _set_item, b"u": lambda m: m.fill(m.pop_to_mark()),
        # the stack and the memo
        b"(": lambda m: m.push(_MARK), b"0": lambda m: m.pop(), b"1": lambda m: m.pop_to_mark(),
        b"p": lambda m: m.keep(m.whole(m.line())), b"q": lambda m: m.keep(m.number("<B")),
        b"r": lambda m: m.keep(m.number("<I")), b"\x94": lambda m: m.keep(len(m.memo)),
        b"g": lambda m: m.recall(m.whole(m.line())), b"h": lambda m: m.recall(m.number("<B")),
        b"j": lambda m: m.recall(m.number("<I")),
        # names, of which arrays are made
        b"c": _global_line, b"\x93": _stack_global, b"R": _reduce, b"b": _build,
    }.items()
}
