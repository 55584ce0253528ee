"""Every bound that keeps checking and compiling finite. A file never raises one; a command-line flag may."""

from __future__ import annotations

from dataclasses import dataclass

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes or characters, the rest in counts. Each is the largest value still allowed."""

    file_bytes: int = 256 * KIB
    total_bytes: int = MIB
    files: int = 64
    import_depth: int = 8
    nesting: int = 64
    tokens: int = 65_536
    name: int = 64
    string: int = 1_024
    doc: int = 16 * KIB
    terms: int = 256
    nodes: int = 10_000
    edges: int = 40_000
    dimension: int = 1 << 20
    parameters: int = 10**9
    activation_bytes: int = 8 * GIB
    integer: int = 1 << 53
    diagnostics: int = 50
    message: int = 4 * KIB


DEFAULT = Limits()
