"""The design of a comparison: arms (a file with its dials), each from several seeds; alike for all who work at it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

from archlang.analysis import report
from archlang.elaborate.network import Network

Kept = Literal["last", "best"]


@dataclass(frozen=True)
class StudyArm:
    """One row of the table: a network as text that needs no other file, and what it takes.

    parameters  trained numbers
    flops       floating-point operations of one sample; None where a size is open
    """

    name: str
    text: str
    parameters: int
    flops: int | None


@dataclass(frozen=True)
class StudyDesign:
    """A comparison.

    arms     what is compared, the first being what the others are compared with
    data     the data, by name
    seeds    the seeds that each arm is trained from
    epochs   epochs of each training; None as the files say
    kept     the model of a training that is judged: of its last epoch, or of its best
    device   where it is computed
    processes  processes of each training, under torchrun where more than one
    threads  of torch, in each process: results depend on it in their last bits
    plugins  plug-ins whose operations the files use
    """

    arms: tuple[StudyArm, ...]
    data: str
    seeds: tuple[int, ...]
    epochs: int | None = None
    kept: Kept = "last"
    device: str = "auto"
    processes: int = 1
    threads: int = 1
    plugins: tuple[str, ...] = ()

    def jobs(self) -> Iterator[Job]:
        """All trainings, seed by seed: a comparison that is stopped early has the same seeds of each arm."""
        for seed in self.seeds:
            for number in range(len(self.arms)):
                yield Job(number, seed)

    def as_json(self) -> dict[str, Any]:
        """The design as a document."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """A digest of everything that decides on the results."""
        # Keys in one order: the digest names a folder, which another machine must find too.
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Job:
    """One training: the number of an arm, and a seed."""

    arm: int
    seed: int

    @property
    def key(self) -> str:
        """Its name in the journal and among the runs: `0-3` is the first arm from seed 3."""
        return f"{self.arm}-{self.seed}"


def design_of(document: Mapping[str, Any]) -> StudyDesign:
    """The design of a document that `StudyDesign.as_json` made. Raises TypeError, KeyError for any other."""
    # JSON has no tuples, and what is compared and hashed must be one form.
    values = dict(document)
    arms = tuple(StudyArm(**arm) for arm in values.pop("arms"))
    return StudyDesign(arms, seeds=tuple(values.pop("seeds")), plugins=tuple(values.pop("plugins")), **values)


def arm_of(name: str, network: Network) -> StudyArm:
    """The arm of a network. Its parameters are those that a symbolic size does not change."""
    # The text with its imports inside: workers need no file, and a change in an import is another study.
    counted = report(network)
    return StudyArm(name, network.text, _whole(counted.parameters) or 0, _whole(counted.flops))


def grid(dials: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Every combination of the values of dials, the last dial changing first.

    >>> grid({"a": ["1", "2"], "b": ["3"]})
    [{'a': '1', 'b': '3'}, {'a': '2', 'b': '3'}]
    """
    return [dict(zip(dials, values, strict=True)) for values in product(*dials.values())]


def values_of_dial(text: str) -> list[str]:
    """The values that a text lists: commas inside brackets and quotes belong to a value.

    >>> values_of_dial("8, 16"), values_of_dial("[1, 2], [3]"), values_of_dial('"a,b"')
    (['8', '16'], ['[1, 2]', '[3]'], ['"a,b"'])
    """
    values, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif not quoted:
            # A dial may be a list, `[1, 2]`, or a call such as `conv(1, 2)`.
            depth += (letter in "([") - (letter in ")]")
            if letter == "," and depth == 0:
                values.append(text[start:place])
                start = place + 1
    return [value.strip() for value in (*values, text[start:])]


def _whole(count: object) -> int | None:
    """A count that no open size decides on."""
    if isinstance(count, int):
        return count
    return None
