"""Classes of `archlang.dataclass` beside the same of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import pytest

from archlang.dataclass import dataclass, unguarded

Make = Callable[..., Any]
KINDS = [
    {}, {"eq": False}, {"frozen": True}, {"frozen": True, "eq": False}, {"frozen": True, "slots": True},
    {"slots": True}, {"kw_only": True}, {"frozen": True, "kw_only": True},
]  # fmt: skip


def example(make: Make, **options: Any) -> Any:
    """One class with all that is used, made by one of the two."""

    @make(**options)
    class Example:
        """An example."""

        first: int
        second: str = "b"
        kinds: ClassVar[int] = 3
        third: list[int] = field(default_factory=list, compare=False)
        fourth: float = field(default=0.5, repr=False)
        fifth: int = field(default=1, kw_only=True)
        sixth: int = field(init=False, repr=False, compare=False)

        @property
        def twice(self) -> int:
            return 2 * self.first

    return Example


@dataclass(frozen=True)
class Plain:
    """At the top of a module, where pickle finds it."""

    number: float
    names: tuple[str, ...] = ()

    @cached_property
    def count(self) -> int:
        """How many names."""
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Slotted:
    """The same, without a dictionary."""

    number: int
    name: str = ""


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_everything_is_as_in_the_standard_library(options: dict[str, Any]) -> None:
    ours, theirs = example(dataclass, **options), example(dataclasses.dataclass, **options)
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((1,), {}), ((1, "x", [2], 0.25), {"fifth": 4}), ((), {"first": 1}), ((), {"first": 2, "third": [3]}),
        ((), {}), ((1, "x", [2], 0.25, 4), {}), ((1,), {"sixth": 1}), ((1,), {"seventh": 1}),
    ]  # fmt: skip

    def outcome(make: Make) -> list[Any]:
        found: list[Any] = []
        for args, kwargs in calls:
            try:
                found.append(make(*args, **kwargs))
            except TypeError as problem:
                found.append(str(problem).rpartition(".")[2])
        return found

    mine, others = outcome(ours), outcome(theirs)
    assert list(map(repr, mine)) == list(map(repr, others))
    assert [[a == b for b in mine] for a in mine] == [[a == b for b in others] for a in others]
    assert mine[2] != others[2]  # of another class
    assert [str(one) for one in fields(ours)] == [str(one) for one in fields(theirs)]
    assert ours.__match_args__ == theirs.__match_args__
    assert str(inspect.signature(ours)).count("=") == str(inspect.signature(theirs)).count("=")
    assert (ours.__hash__ is None) == (theirs.__hash__ is None)
    assert hasattr(mine[2], "__dict__") == hasattr(others[2], "__dict__")

    made, other = mine[2], others[2]
    assert repr(replace(made, first=9)) == repr(replace(other, first=9))
    assert not hasattr(made, "sixth") and not hasattr(other, "sixth")
    assert made.third is not ours(first=1).third
    for one in (made, other):
        if options.get("frozen"):
            with pytest.raises(FrozenInstanceError, match="cannot assign to field 'first'"):
                one.first = 3
            with pytest.raises(FrozenInstanceError, match="cannot delete field 'first'"):
                del one.first
        else:
            one.first = 3
            assert one.twice == 6


@unguarded
@dataclass(frozen=True)
class Open:
    """Nothing refuses an assignment."""

    number: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenBelow(Open):
    """Without a guard as well."""

    name: str = "a"


def test_an_unguarded_class_is_a_frozen_one_without_its_guard() -> None:
    assert Open(1, ("a",)) == Open(1, ("a",)) != Open(2)
    assert len({Open(1), Open(1), OpenBelow(1), OpenBelow(1)}) == 2
    assert repr(replace(OpenBelow(1), name="b")) == "OpenBelow(number=1, names=(), name='b')"
    for made in (Open(1), OpenBelow(1)):
        assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made
        made.number = 3  # type: ignore[misc]  # whoever checks types refuses it
        assert made.number == 3


def test_guards_that_cannot_be_taken() -> None:
    with pytest.raises(TypeError, match="no frozen data class"):
        unguarded(dataclass(type("Changing", (), {"__annotations__": {"number": "int"}})))
    with pytest.raises(TypeError, match="no frozen data class"):
        unguarded(dataclasses.dataclass(frozen=True)(type("Theirs", (), {})))
    with pytest.raises(TypeError, match="says how attributes are set"):
        unguarded(dataclass(frozen=True)(type("Below", (Plain,), {})))

    # A guard from another base stays: the class with both is guarded.
    @dataclass(frozen=True)
    class Both(Open, Plain):
        pass

    with pytest.raises(FrozenInstanceError):
        Both(1).number = 2  # type: ignore[misc]


def test_hashes_follow_equality() -> None:
    assert len({Plain(1, ("a",)), Plain(1, ("a",)), Plain(2, ("a",))}) == 2
    assert hash(Slotted(1, "a")) == hash(Slotted(1, "a"))
    assert dataclasses.asdict(Plain(1, ("a",))) == {"number": 1, "names": ("a",)}
    nothing = float("nan")
    assert Plain(nothing) == Plain(nothing)  # the same object, as in a tuple


@pytest.mark.parametrize("made", [Plain(1, ("a", "b")), Slotted(3, "c")], ids=repr)
def test_copies_and_pickles_are_equal(made: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(made, protocol)) == made
    assert copy.copy(made) == made == copy.deepcopy(made)


@pytest.mark.parametrize("below", [dataclass, dataclasses.dataclass])
@pytest.mark.parametrize("above", [dataclass, dataclasses.dataclass])
def test_either_kind_inherits_from_the_other(below: Make, above: Make) -> None:
    @below(frozen=True, kw_only=True)
    class Below:
        place: int = 0

    @above(frozen=True)
    class Above(Below):
        name: str

    class Last(Above):
        pass

    assert Above("a", place=2) == replace(Above("a"), place=2)
    assert [one.name for one in fields(Above)] == ["place", "name"]
    assert isinstance(Last("b"), Above) and Last("b").name == "b"
    with pytest.raises(FrozenInstanceError):
        Last("b").name = "c"  # type: ignore[misc]
    Last("b").other = 3  # type: ignore[attr-defined]  # no field: the standard library lets it be, too


def test_methods_of_the_body_stay() -> None:
    @dataclass(frozen=True)
    class Own:
        number: int

        def __post_init__(self) -> None:
            object.__setattr__(self, "number", self.number + 1)

        def __repr__(self) -> str:
            return "own"

        def __hash__(self) -> int:
            return 7

        def __eq__(self, other: object) -> bool:
            return True

    assert (Own(1).number, repr(Own(1)), hash(Own(1)), Own(1) == 5) == (2, "own", 7, True)


def test_what_is_not_here_is_refused() -> None:
    with pytest.raises(TypeError, match="this annotation needs"):
        dataclass(type("Unquoted", (), {"__annotations__": {"number": int}}))
    with pytest.raises(TypeError, match="this annotation needs"):
        dataclass(type("Initial", (), {"__annotations__": {"number": "InitVar[int]"}}))
    with pytest.raises(ValueError, match="all objects would share this default"):
        dataclass(type("Shared", (), {"__annotations__": {"number": "list[int]"}, "number": []}))


@pytest.mark.parametrize("body", [
    "x = dataclasses.field(default=1)",
    "x: int\n    def __setattr__(self, name, value): pass",
    "self: int",
    "_make_x: int",
])
def test_what_would_be_read_otherwise_is_refused(body: str) -> None:
    text = f"from __future__ import annotations\n@dataclass(frozen=True)\nclass A:\n    {body}\n"
    with pytest.raises(TypeError):
        exec(text, {"dataclass": dataclass, "dataclasses": dataclasses})


def test_frozen_and_other_classes_do_not_mix() -> None:
    @dataclass
    class Loose:
        x: int

    with pytest.raises(TypeError):
        @dataclass(frozen=True)
        class Frozen(Loose):
            y: int


def test_a_copy_with_changes() -> None:
    @dataclass(frozen=True)
    class Point:
        x: int
        y: int = 2

    assert Point(1).__replace__(y=3) == Point(1, 3)
