"""What a pass did and what it left, each with its reason by name."""

from __future__ import annotations

from dataclasses import dataclass

REASONS: dict[str, str] = {
    "training-mode": "it is in training mode",
    "no-statistics": "it keeps no running statistics",
    "not-finite": "its statistics give no finite scale",
    "rank-unknown": "which axis it sees is not known without an example input",
    "other-axis": "it sees another axis than the channels of what stands beside it",
    "no-contraction": "no convolution or dense map stands directly before or behind it",
    "read-elsewhere": "others read the result before it",
    "shared": "the convolution is used more than once",
    "hooks": "it has hooks, which would be lost",
    "parametrised": "its weights are parametrised",
    "calculated-weights": "its weights are calculated, not stored",
    "no-weights-yet": "its weights are not there yet",
    "own-class": "its class computes something of its own",
    "channels": "its channels are not those of the convolution",
    "dtype": "it and the convolution differ in dtype or device",
    "border": "at the border the padding meets a shift or a kernel that is not there without it",
    "border-by-value": "whether zero padding meets a shift depends on weights, and a model file's structure must not",
    "padding-modes": "paddings of different kinds meet",
    "stride": "a stride stands before a kernel that slides, or branches differ in stride",
    "sizes": "the branches' results differ in size",
    "cost": "one convolution would take more multiplications than the parts",
    "pooling": "the average counts other positions at the border",
    "changed-in-place": "an operation overwrites a tensor that others read",
    "transposed": "a transposed convolution adds up differently at the border",
    "trained-branch": "a branch of the sum has a batch norm in training mode",
}
"""Every reason for which something stays as it is."""


class Kept(Exception):
    """Why a candidate stays as it is: a name of `REASONS`, and maybe which part is meant.

    >>> str(Kept("trained-branch", "left.norm"))
    'a branch of the sum has a batch norm in training mode (left.norm)'
    """

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(REASONS[name] + (f" ({detail})" if detail else ""))
        self.name = name


@dataclass(frozen=True)
class Skip:
    """A candidate that stays: its place, the reason's name and its words."""

    what: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} kept: {self.name}: {self.reason}"


@dataclass(frozen=True)
class Merge:
    """Nodes that became one: their places, the place of what they became, and where the old and the new graph hold the
    same value (names of nodes).
    """

    parts: tuple[str, ...]
    into: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{' + '.join(self.parts)} into {self.into}"


@dataclass(frozen=True)
class Report:
    """What a pass did: for each change what became of it, for each candidate left alone the reason."""

    merges: tuple[Merge, ...] = ()
    skipped: tuple[Skip, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.merges)

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.merges, *self.skipped)))
