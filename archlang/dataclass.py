"""Data classes that are quick to define: as those of the standard library, but their methods are not compiled at once.

The standard library writes and compiles up to eight functions for each class when its module is imported. That was a
fifth of a whole check, which makes objects of half of these classes. Here the methods are shared by all classes or
closures, and only `__init__` is compiled, when an object of its class is first made.

>>> @dataclass(frozen=True)
... class Point:
...     x: int
...     y: int = 0
>>> Point(3), Point(1) == Point(1, 0), Point.__match_args__
(Point(x=3, y=0), True, ('x', 'y'))

`fields`, `replace`, `asdict` and `field` are the standard library's, and classes of either kind may inherit from the
other. What is not here: `order`, `InitVar`, `KW_ONLY`, annotations that are not texts.

A frozen class pays for its guard each time an object is made: ten times what the object itself costs. `unguarded` takes
the guard from classes of which a single file makes tens of thousands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["dataclass", "unguarded"]

_ELSEWHERE = ("InitVar", "dataclasses.InitVar", "KW_ONLY", "dataclasses.KW_ONLY")
_OF_CLASS = ("ClassVar", "typing.ClassVar")

_OWN_NAMES = ("_set", "_missing", "_default_", "_make_")
"""Beginnings of the names that a compiled `__init__` uses itself."""

_C = TypeVar("_C", bound=type)

if TYPE_CHECKING:
    # Type checkers know the standard library's decorator, and all that follows from it.
    from dataclasses import dataclass
else:

    def dataclass(
        cls: type | None = None, /, *, eq: bool = True, frozen: bool = False, slots: bool = False, kw_only: bool = False
    ) -> Any:
        """Make a data class; the options mean what they mean in the standard library.

        Raises TypeError (an annotation that is not a text, or one of a kind that is not here), ValueError (a default
        that all objects would share and could change).
        """

        def made(cls: type) -> type:
            return _made(cls, eq, frozen, slots, kw_only)

        if cls is None:
            return made
        return made(cls)


def unguarded(cls: _C) -> _C:
    """Take the guard from a frozen data class, and from all that inherit from it: nothing refuses an assignment.

    Type checkers refuse one as before. Raises TypeError (a class that is not frozen here, or inherits a guard).
    """
    settings = vars(cls).get("__dataclass_params__")
    if not isinstance(settings, SimpleNamespace) or not settings.frozen:
        raise TypeError(f"`{cls.__name__}` is no frozen data class")
    if _inherits_guard(cls):
        raise TypeError(f"`{cls.__name__}` inherits from a class that says how attributes are set")

    for name in ("__setattr__", "__delattr__"):
        delattr(cls, name)
    settings.unguarded = True
    if isinstance(vars(cls).get("__init__"), _Initializer):
        cls.__init__ = _Initializer(cls, frozen=False)  # type: ignore[misc]
    return cls


def _made(cls: type, eq: bool, frozen: bool, slots: bool, kw_only: bool) -> type:
    """The class, with its fields and methods; another one of the same name where it is to have slots."""
    _require_known_form(cls, frozen)
    own = _own_fields(cls, kw_only, slots)
    found: dict[str, Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        found.update(vars(base).get("__dataclass_fields__", {}))
    found.update(own)

    if slots:
        cls = _with_slots(cls, tuple(own))

    # The standard library looks for these two in the classes that it is given, and in their bases.
    cls.__dataclass_fields__ = found  # type: ignore[attr-defined]
    cls.__dataclass_params__ = SimpleNamespace(frozen=frozen, eq=eq, unguarded=False)  # type: ignore[attr-defined]
    _add_methods(cls, eq, frozen, slots)

    settings = [vars(base).get("__dataclass_params__") for base in cls.__mro__[1:]]
    if any(getattr(one, "unguarded", False) for one in settings) and not _inherits_guard(cls):
        unguarded(cls)
    return cls


def _inherits_guard(cls: type) -> bool:
    """Return whether a base of a class, `object` aside, says how attributes are set."""
    return any("__setattr__" in vars(base) for base in cls.__mro__[1:-1])


def _require_known_form(cls: type, frozen: bool) -> None:
    """Raise TypeError for what the standard library refuses, too, or reads otherwise than this module would."""
    body, annotated = vars(cls), vars(cls).get("__annotations__", {})
    for name, value in body.items():
        if isinstance(value, Field) and name not in annotated:
            raise TypeError(f"`{cls.__name__}.{name}` is a field without a type")
    for name in annotated:
        if name == "self" or name.startswith(_OWN_NAMES):
            raise TypeError(f"`{cls.__name__}.{name}`: a field of this name needs `dataclasses.dataclass`")

    if frozen and ("__setattr__" in body or "__delattr__" in body):
        raise TypeError(f"`{cls.__name__}` is frozen, and says itself how attributes are set")
    for base in cls.__mro__[1:]:
        settings = vars(base).get("__dataclass_params__")
        if settings is not None and settings.frozen != frozen:
            raise TypeError(f"`{cls.__name__}` and `{base.__name__}` are both frozen, or none of them is")


def _own_fields(cls: type, kw_only: bool, slots: bool) -> dict[str, Field[Any]]:
    """The fields that the body of a class declares. Their defaults become attributes of the class."""
    own: dict[str, Field[Any]] = {}
    for name, type_ in vars(cls).get("__annotations__", {}).items():
        if not isinstance(type_, str) or type_.startswith(_ELSEWHERE):
            raise TypeError(f"`{cls.__name__}.{name}`: this annotation needs `dataclasses.dataclass`")
        if type_.startswith(_OF_CLASS):
            continue

        given = vars(cls).get(name, MISSING)
        if isinstance(given, Field):
            one = given
        else:
            one = dataclasses.field(default=given)
        if one.default_factory is not MISSING and not one.init:
            raise TypeError(f"`{cls.__name__}.{name}`: `init = False` with a factory needs `dataclasses.dataclass`")
        if slots and one.default is not MISSING and not one.init:
            raise TypeError(f"`{cls.__name__}.{name}`: `init = False` with slots needs `dataclasses.dataclass`")
        if one.default is not MISSING and type(one.default).__hash__ is None:
            raise ValueError(f"`{cls.__name__}.{name}`: all objects would share this default; use `default_factory`")

        if one.kw_only is MISSING:
            one.kw_only = kw_only
        one.name, one.type = name, type_
        # Private, but without it `fields` takes this for no field.
        one._field_type = dataclasses._FIELD  # type: ignore[attr-defined]
        own[name] = one

        if one.default is not MISSING:
            setattr(cls, name, one.default)
        elif given is not MISSING:
            delattr(cls, name)
    return own


def _with_slots(cls: type, names: tuple[str, ...]) -> type:
    """The class once more, with slots, which a class can only be born with."""
    body = {name: value for name, value in vars(cls).items() if name not in (*names, "__dict__", "__weakref__")}
    again = type(cls)(cls.__name__, cls.__bases__, {**body, "__slots__": names})
    again.__qualname__ = cls.__qualname__
    return again


# --- methods ---------------------------------------------------------------------------------------------------------


def _add_methods(cls: type, eq: bool, frozen: bool, slots: bool) -> None:
    """Give a class all methods that its body does not define."""
    body = vars(cls)
    found: dict[str, Field[Any]] = cls.__dataclass_fields__  # type: ignore[attr-defined]
    methods: dict[str, Any] = {
        "__init__": _Initializer(cls, frozen),
        "__repr__": _repr,
        "__replace__": _replaced,
        "__match_args__": tuple(name for name, one in found.items() if one.init and not one.kw_only),
    }
    if eq:
        methods["__eq__"] = _equality(tuple(name for name, one in found.items() if one.compare))
    if frozen:
        methods.update(__setattr__=_refuse_setting, __delattr__=_refuse_deleting)
    if frozen and slots:
        methods.update(__getstate__=_state, __setstate__=_set_state)

    # Python itself forbids hashes of a class whose body defines `__eq__`; that is no wish of the body.
    hash_is_own = "__hash__" in body and not (body["__hash__"] is None and "__eq__" in body)
    for name, method in methods.items():
        if name not in body:
            setattr(cls, name, method)
    if eq and not hash_is_own:
        cls.__hash__ = None  # type: ignore[assignment]
        if frozen:
            hashed = [name for name, one in found.items() if one.hash or (one.hash is None and one.compare)]
            cls.__hash__ = _hashing(tuple(hashed))  # type: ignore[method-assign,assignment]


class _Initializer:
    """Stands for `__init__` of a class until it is first asked for, and then puts the real one in its own place."""

    def __init__(self, cls: type, frozen: bool) -> None:
        self.cls, self.frozen = cls, frozen

    def __get__(self, owner: object, _: type | None = None) -> Any:
        made = _initializer(self.cls, self.frozen)
        self.cls.__init__ = made  # type: ignore[misc]
        return made.__get__(owner, self.cls)


def _initializer(cls: type, frozen: bool) -> Callable[..., None]:
    """Compile `__init__`: an assignment for each field."""
    found: dict[str, Field[Any]] = cls.__dataclass_fields__  # type: ignore[attr-defined]
    # A frozen object cannot be assigned to, and the slow way round is needed once, when it is made.
    scope: dict[str, Any] = {"_set": object.__setattr__, "_missing": MISSING}
    by_place, by_name, body = ["self"], [], []

    for name, one in found.items():
        if not one.init:
            continue
        written = name
        if one.default is not MISSING:
            scope[f"_default_{name}"] = one.default
            written = f"{name}=_default_{name}"
        elif one.default_factory is not MISSING:
            scope[f"_make_{name}"] = one.default_factory
            written = f"{name}=_missing"
            body.append(f"if {name} is _missing: {name} = _make_{name}()")

        if one.kw_only:
            by_name.append(written)
        else:
            by_place.append(written)
        if frozen:
            body.append(f"_set(self, {name!r}, {name})")
        else:
            body.append(f"self.{name} = {name}")

    if by_name:
        by_place += ["*", *by_name]
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    lines = "\n    ".join(body or ["pass"])
    exec(f"def __init__({', '.join(by_place)}):\n    {lines}", scope)

    made: Callable[..., None] = scope["__init__"]
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    made.__annotations__ = {**{name: one.type for name, one in found.items() if one.init}, "return": None}
    return made


def _replaced(self: Any, /, **changes: Any) -> Any:
    """Copy an object with changes; `copy.replace` calls this, from Python 3.13 on."""
    return dataclasses.replace(self, **changes)


@recursive_repr()
def _repr(self: Any) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _getter(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """The reader of some attributes of an object: the value of a single one, a tuple of several."""
    if names:
        return attrgetter(*names)
    return lambda _: ()


def _equality(names: tuple[str, ...]) -> Callable[[Any, object], bool]:
    values = _getter(names)

    def __eq__(self: Any, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        # In a tuple, as the standard library does: a value that is no number is equal to itself there.
        return (values(self),) == (values(other),)

    return __eq__


def _hashing(names: tuple[str, ...]) -> Callable[[Any], int]:
    values = _getter(names)

    def __hash__(self: Any) -> int:
        return hash(values(self))

    return __hash__


def _refuse_setting(self: Any, name: str, value: object) -> None:
    if _is_frozen(self, name):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _refuse_deleting(self: Any, name: str) -> None:
    if _is_frozen(self, name):
        raise FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _is_frozen(of: Any, name: str) -> bool:
    """Tell whether an attribute is fixed: in a data class every one, in a plain class under one the fields alone."""
    return "__dataclass_fields__" in vars(type(of)) or name in of.__dataclass_fields__


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
