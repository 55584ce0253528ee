"""The report of a rewriting: what it did and what it left, each with its reason by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """The reason for which something stays as it is, in words.

    `by_state`: it depends on the state of one model (its weights, modes, hooks), so that the same network with fresh
    weights would come out otherwise. A model file cannot repeat such a rewriting.
    """

    text: str
    by_state: bool = False


REASONS: dict[str, Reason] = {
    "training-mode": Reason("it is in training mode", by_state=True),
    "no-statistics": Reason("it keeps no running statistics"),
    "not-finite": Reason("its statistics give no finite scale", by_state=True),
    "rank-unknown": Reason("which axis it sees is not known without an example input"),
    "other-axis": Reason("it sees another axis than the channels of what stands beside it"),
    "no-contraction": Reason("no convolution or linear layer stands directly before or behind it"),
    "read-elsewhere": Reason("others read the result before it"),
    "shared": Reason("the convolution is used more than once"),
    "hooks": Reason("it has hooks, which would be lost", by_state=True),
    "parametrised": Reason("its weights are parametrised", by_state=True),
    "calculated-weights": Reason("its weights or settings are calculated, not stored"),
    "no-weights-yet": Reason("its weights are not there yet"),
    "own-class": Reason("its class computes something of its own"),
    "arguments": Reason("it is called with an argument that fusion does not read"),
    "channels": Reason("its channels are not those of the convolution"),
    "dtype": Reason("it and the convolution differ in dtype or device"),
    "overflow": Reason("the folded kernel would overflow its dtype, or lose its digits", by_state=True),
    "border": Reason("at the border the padding meets a shift or a kernel that is not there without it"),
    "border-by-value": Reason(
        "whether zero padding meets a shift depends on weights, and a model file's structure must not"),
    "padding-modes": Reason("paddings of different kinds meet"),
    "stride": Reason("a stride stands before a kernel that slides, or branches differ in stride"),
    "sizes": Reason("the branches' results differ in size"),
    "cost": Reason("one convolution would take more multiplications than the parts"),
    "pooling": Reason("the average counts other positions at the border"),
    "changed-in-place": Reason("an operation overwrites a tensor that others read"),
    "transposed": Reason("a transposed convolution adds up differently at the border"),
    "trained-branch": Reason("a branch of the sum has a batch norm in training mode", by_state=True),
}
"""Every reason for which something stays as it is."""


class Obstacle(Exception):
    """A reason why a candidate stays as it is: a name of `REASONS`, and maybe which part is meant.

    >>> str(Obstacle("trained-branch", "left.norm"))
    'a branch of the sum has a batch norm in training mode (left.norm)'
    """

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(REASONS[name].text + (f" ({detail})" if detail else ""))
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
    """Nodes that became one: their places, the place of the result, and where the old and the new graph hold the same
    value (names of nodes).
    """

    parts: tuple[str, ...]
    into: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{' + '.join(self.parts)} into {self.into}"


@dataclass(frozen=True)
class FusionReport:
    """The work of a rewriting: for each change the result, for each candidate left alone the reason.

    `compared` says whether the new module was run beside the model and gave the same, `verb` what a change is.
    """

    merges: tuple[Merge, ...] = ()
    skipped: tuple[Skip, ...] = ()
    compared: bool = False
    verb: str = "changed"

    def __bool__(self) -> bool:
        return bool(self.merges)

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.merges, *self.skipped)))

    @property
    def repeatable(self) -> bool:
        """Tell whether the same network with fresh weights comes out in the same form."""
        return not any(REASONS[skip.name].by_state for skip in self.skipped if skip.name in REASONS)
