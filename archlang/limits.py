"""Bounds that keep checking and compiling finite. A file cannot raise a bound; a command-line flag can."""

from __future__ import annotations

from dataclasses import replace

from archlang.dataclass import dataclass

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True)
class Limits:
    """Largest values that are still allowed. Sizes are in bytes or characters, the rest are counts."""

    # reading files
    file_bytes: int = 256 * KIB
    total_bytes: int = MIB
    files: int = 64
    import_depth: int = 8

    # the form of a file
    nesting: int = 64
    tokens: int = 65_536
    name: int = 64
    string: int = 1_024
    doc: int = 16 * KIB
    terms: int = 256
    integer: int = 1 << 53  # floats hold every integer up to here exactly

    # the network that a file describes, once every block is expanded
    nodes: int = 10_000
    edges: int = 40_000
    dimension: int = 1 << 20
    parameters: int = 10**9
    symbols: int = 64  # symbolic sizes of all inputs, and terms of the number of a tensor's elements
    activation_bytes: int = 8 * GIB
    search_steps: int = 1_000_000  # of all searches that a file asks for: small kernels placed, words of codes compared

    # messages
    diagnostics: int = 50
    message: int = 4 * KIB


    @property
    def of_whole(self) -> Limits:
        """The limits of a network that is written out as one file, as model files hold it.

        It may be as long as all files of a network together, and their lines lie deeper; what a code comes to is
        written out as well.
        """
        return replace(self, file_bytes=4 * self.total_bytes, tokens=max(self.tokens, self.total_bytes))


DEFAULT = Limits()
