"""Uses of everything that has arguments, with values at, just inside and just outside of each bound, and far away."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import archlang
from archlang.ops import CATALOGUE
from archlang.ops.extents import AnySizeOf, Extent
from archlang.ops.kinds import (
    CodeKind,
    Flag,
    Int,
    Kind,
    ListKind,
    OneOf,
    PlacedSize,
    Real,
    SettingKind,
    SizeOf,
    StageKind,
    String,
    TensorKind,
    Words,
)
from archlang.ops.model import REQUIRED, Arg, Op, Setting, Structure
from archlang.ops.tables import TableKind

Entry = Op | Structure | Setting

TYPES = ("[1]", "[6]", "[1, 1]", "[5, 8]", "[1, 1, 1]", "[4, 9, 12]", "[8, 1, 1]", "[4, 4, 5, 6]", "[1, 1, 1, 1]",
         "[2, 7, 1, 3]", "[8, 4, 8, 8]", "[16, 2, 2]")
"""What flows in: each rank, ordinary, of single places, and narrow."""

WHOLE = ("0", "1", "2", "3", "4", "7", "8", "-1", "64", "1000", "1000000", "2147483647", "2147483648",
         "9007199254740992", "9007199254740993", "1000000000000000000000000000000", "2.0", "true", "-0")
NUMBERS = ("0", "1", "-1", "0.5", "1e-3", "1e-7", "1e-30", "1e-45", "1e-50", "5e-324", "1e-400", "0.999999999999",
           "1.000000000001", "2", "100", "1e6", "1e18", "3.4e38", "3.5e38", "-3.5e38", "1e300", "1.7e308", "-1e308",
           "1e400", "-0.0", "true", "16777217")
STAGES = ("relu", "identity", "conv(1x1, 4)", "conv(3x3, 4) -> batch_norm", "linear(4)", "flatten", "layer_norm",
          "max_pool(2x2)", "softmax", "dropout(0.5)")
CODES = ('words("10", "01")', 'words("110", "011", "101")', 'words("1")', 'words("1", "1", duplicates = true)',
         'words("0")', 'words("00", "11")')
PLACES = ("1x1 at (1, 1)", "3x3 at (1, 1)", "1x3 at (3, 1)", "3x1 at (1, 3)", "2x2 at (2, 2)", "4x1 at (1, 1)",
          "1x1 at (4, 1)", "1x1 at (0, 1)", "1x1 at (1, -1)", "2x2 at (3, 3)")
@dataclass(frozen=True)
class Trial:
    """One use: the type that flows in, the stages behind it, and declarations before the network."""

    entry: str
    type: str
    stages: str
    declared: str = ""

    @property
    def text(self) -> str:
        """The whole file."""
        return (f"archlang 1\n{self.declared}\nnetwork N {{\n  input x: {self.type}\n  y = x -> {self.stages}\n"
                "  output y\n}\n")


def values(kind: Kind) -> tuple[str, ...]:
    """Texts for an argument of a kind: right, at the bounds, next to them, far outside, and of other kinds."""
    match kind:
        case Int():
            return (*_around(kind.low, kind.high), *WHOLE)
        case Extent():
            return (*_around(kind.low, None), *WHOLE, "H", "H - 1", "H * 0")
        case Real():
            return (*_around_real(kind.low, kind.high), *NUMBERS)
        case Flag():
            return ("true", "false", "0", "1", '"true"')
        case Words():
            return (*kind.words, "none_of_these", '"quoted"', "3")
        case String():
            return ('"a"', '""', '"\\\\"', "3")
        case SizeOf():
            return _sizes(kind.rank, kind.low)
        case AnySizeOf():
            return _sizes(kind.rank, 1)
        case ListKind():
            return _lists(kind)
        case OneOf():
            return tuple(text for inner in kind.kinds for text in values(inner))
        case SettingKind():
            return tuple(_plain(setting) for setting in _settings(kind.role))
        case StageKind():
            return (*STAGES, "3", "sum")
        case TensorKind():
            return ("x", "x -> relu", "x -> flatten", "3")
        case CodeKind():
            return (*CODES, "3")
        case PlacedSize():
            return PLACES
    return ()


def _around(low: int | None, high: int | None) -> tuple[str, ...]:
    bounds = [bound for bound in (low, high) if bound is not None]
    return tuple(str(bound + step) for bound in bounds for step in (-1, 0, 1))


def _around_real(low: float | None, high: float | None) -> tuple[str, ...]:
    bounds = [float(bound) for bound in (low, high) if bound is not None]
    return tuple(repr(bound + step) for bound in bounds for step in (-1e-9, 0.0, 1e-9))


def _sizes(rank: int, low: int) -> tuple[str, ...]:
    """Sizes of the right and of other ranks, square and not, small and larger than any map."""
    numbers = (1, 2, 3, 5, 9, 13)
    square = tuple("x".join([str(n)] * rank) if rank > 1 else str(n) for n in numbers)
    uneven = tuple("x".join(str(n) for n in row[:rank]) for row in ((1, 7, 2), (7, 1, 3), (2, 3, 4), (12, 1, 1),
                                                                    (7, 3, 3)))
    called = tuple("size(" + ", ".join([str(low + step)] * rank) + ")" for step in (-1, 0, 1))
    return (*square, *uneven, *called, "0", "1", "2", "-1", "1000000", "4294967296", "2.5", "3x3x3x3", "true")


def _lists(kind: ListKind) -> tuple[str, ...]:
    inner = [text for text in values(kind.item) if text not in ("true",)]
    some = inner[: min(len(inner), 12)]
    whole = ["[]", *(f"[{text}]" for text in some), *(f"[{a}, {b}]" for a, b in zip(some, inner[1:], strict=False))]
    lengths = {kind.low - 1, kind.low, kind.low + 1, *(() if kind.high is None else (kind.high, kind.high + 1))}
    filled = [f"[{', '.join([some[0] if some else '1'] * n)}]" for n in sorted(lengths) if 0 <= n <= 1100]
    return (*whole, *filled, "[[1]]", "3")


def _settings(role: str) -> list[Setting]:
    return [s for (r, _), s in CATALOGUE.settings.items() if r == role]


def _plain(setting: Setting) -> str:
    """A setting with as little as it needs."""
    needed = [arg for arg in setting.args if arg.default is REQUIRED]
    if not needed:
        return setting.name
    inner = ", ".join(_ordinary(arg) for arg in needed)
    return f"{setting.name}({inner})"


def _ordinary(arg: Arg) -> str:
    """Something usual for a required argument of a setting."""
    match arg.kind:
        case Int():
            return str(max(2, arg.kind.low or 2))
        case Real():
            return "0.5"
        case StageKind():
            return "conv(1x1, 4)"
        case _:
            return values(arg.kind)[0]


# --- uses ------------------------------------------------------------------------------------------------------------

_TRAIN = """train {{
  loss = cross_entropy(y, label)
  optimizer = OPTIMIZER
  phase all {{ epochs = 4; lr = CURVE }}
}}"""
CONTEXTS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "initialiser": (("[3, 6, 6]", "conv(3x1, 4, init = {})", ""), ("[1]", "linear(9, init = {})", ""),
                    ("[3, 4, 6, 6]", "conv_transpose3d(2x2x2, 4, init = {})", "")),
    "router": (("[4, 6, 6]", "fork(2, {}) -> each {{ conv(1x1, 4) }} -> mean", ""),
               ("[4, 1, 1]", "fork(3) -> each {{ conv(1x1, 4) }} -> route({}) -> mean", ""),
               ("[6]", "fork(2) -> each {{ linear(4) }} -> route({}, to = 3) -> sum", ""),
               ("[6]", "experts(3, {}) {{ linear(4) }}", ""),
               ("[4, 6, 6]", "experts(1, {}) {{ conv(1x1, 4) }}", "")),
    "aggregator": (("[6]", "layers {{ linear(4); linear(4) }} -> attend({})", ""),
                   ("[4, 1, 1]", "layers {{ conv(1x1, 4); relu; conv(1x1, 4) }} -> attend({})", "")),
    "encoding": (("[5, 8]", "attention(2, positions = {})", ""), ("[1, 4]", "attention(1, positions = {})", "")),
    "weights": (("[4, 6, 6]", "conv(3x3, 4, groups = 2, weights = {})", ""),
                ("[4, 6]", "depthwise_conv1d(3, weights = {})", "")),
    "mixing": (("[4, 6, 6]", "residual(mix = {}) {{ conv(3x3, 4) }}", ""),),
    "kernels": (("[4, 6, 6]", "pbconv(3x3, 4, kernels = {})", ""), ("[4, 1, 1]", "pbconv(2x5, 4, kernels = {})", ""),
                ("[4, 3, 3]", "pbconv(7x7, 4, kernels = {}, stride = 2)", "")),
    "threshold": (("[6]", "experts(3, cosine_router(linear(4), threshold = {})) {{ linear(4) }}", ""),),
    "filter": (("[6]", "experts(3, cosine_router(linear(4), keep = {})) {{ linear(4) }}", ""),),
    "optimizer": (("[6]", "linear(4)", _TRAIN.replace("OPTIMIZER", "{}").replace("CURVE", "constant")),),
    "schedule": (("[6]", "linear(4)", _TRAIN.replace("OPTIMIZER", "sgd(lr = 0.1)").replace("CURVE", "{}")),),
    "code": (("[4, 6, 6]", "branches(c) {{ conv(1x1, 4) }} -> energy_normalize -> sum", "code c = {}"),),
}
"""Where a setting of each role that a network holds is used: the type, the stages, declarations."""

WRAPPERS = ("{}", "fork(2) -> each {{ {} }} -> sum", "fork(2) -> shared {{ {} }} -> mean", "2 * ({})",
            "residual {{ {} }}", "layers {{ {}; relu }} -> concat")

ENDS = {"branches": " -> energy_normalize -> sum", "fork": " -> mean", "parallel": " -> concat", "layers": " -> concat",
        "patches": " -> unpatch", "route": " -> sum"}
BRACES = (" { conv(1x1, 4) -> batch_norm }", " { relu }")


def entries() -> list[Entry]:
    """All that files may use and that has a meaning while a network runs."""
    # A table is a declared `layer`, for which a single stage has no room.
    ops = [op for op in CATALOGUE.ops.values()
           if not op.internal and not any(isinstance(arg.kind, TableKind) for arg in op.args)]
    structures = list(CATALOGUE.structures.values())
    settings = [s for s in CATALOGUE.settings.values() if s.role in CONTEXTS]
    return [*ops, *structures, *settings]


@dataclass(frozen=True)
class Base:
    """A use that is accepted: the type, and texts for the arguments that are needed."""

    type: str
    needed: Mapping[str, str]


def bases(entry: Entry, r: random.Random) -> list[Base]:
    """Ordinary uses on every type that takes them."""
    if isinstance(entry, Setting):
        return [Base("", {arg.name: _ordinary(arg) for arg in entry.args if arg.default is REQUIRED})]

    found = []
    for type in TYPES:
        for _ in range(12):
            needed = {a.name: r.choice(_fitting(a.kind)) for a in entry.args if a.default is REQUIRED}
            if _accepted(_trial(r, entry, Base(type, needed), {}, WRAPPERS[:1])):
                found.append(Base(type, needed))
                break
    return found


# What needs no arguments is written alike in all twelve attempts, and judging a file that is refused takes long.
@lru_cache(1000)
def _accepted(trial: Trial) -> bool:
    try:
        archlang.loads(trial.text)
    except archlang.ArchError:
        return False
    return True


def trials(entry: Entry, seed: int) -> Iterator[Trial]:
    """Uses without end: one argument at a time first, then two or three together; now and then on a type that the
    entry does not take."""
    r = random.Random(f"{entry.name} {seed}")
    args = [arg for arg in entry.args if values(arg.kind)]
    fitting = bases(entry, r) or [Base(type, {}) for type in TYPES]

    for arg in args:
        for text in dict.fromkeys(values(arg.kind)):
            yield _trial(r, entry, r.choice(fitting), {arg.name: text})

    while True:
        chosen = r.sample(args, min(len(args), r.choice((0, 1, 2, 2, 3))))
        base = r.choice(fitting)
        if r.random() < 0.1:
            base = Base(r.choice(TYPES), base.needed)
        yield _trial(r, entry, base, {arg.name: r.choice(values(arg.kind)) for arg in chosen})


def _trial(r: random.Random, entry: Entry, base: Base, given: Mapping[str, str],
           wrappers: Sequence[str] = WRAPPERS) -> Trial:
    call = _call(entry, {**base.needed, **given}, r)
    if isinstance(entry, Setting):
        type, stages, declared = r.choice(CONTEXTS[entry.role])
        return Trial(entry.name, type, _filled(stages, call), _filled(declared, call))

    if isinstance(entry, Structure):
        braces = BRACES[r.random() < 0.5 and len(wrappers) > 1] if entry.body != "none" else ""
        return Trial(entry.name, base.type, f"{_before(entry)}{call}{braces}{ENDS.get(entry.name, '')}")
    if entry.takes == "bundle":
        return Trial(entry.name, base.type, f"fork(2) -> each {{ celu }} -> {call}")

    wrapper = r.choice(wrappers) if r.random() < 0.3 else wrappers[0]
    return Trial(entry.name, base.type, _filled(wrapper, call))


def _filled(template: str, call: str) -> str:
    return template.replace("{}", call).replace("{{", "{").replace("}}", "}")


def _before(entry: Structure) -> str:
    """What makes something that a structure takes."""
    if entry.name in ("each", "shared", "route", "attend"):
        return "fork(2) -> each { relu } -> "
    if entry.name in ("position", "unpatch"):
        return "patches(2x2) -> "
    if entry.name == "energy_normalize":
        return 'branches(words("10", "01")) { relu } -> '
    return ""


def _call(entry: Entry, given: Mapping[str, str], r: random.Random) -> str:
    """`name(arguments)`: those given, those that are needed with something ordinary."""
    places, names = [], []
    for arg in entry.args:
        text = given.get(arg.name)
        if text is None and arg.default is not REQUIRED:
            continue
        if text is None:
            text = r.choice(_fitting(arg.kind))
        if arg.many or isinstance(arg.kind, TensorKind):
            places.append(text)
        else:
            names.append(f"{arg.name} = {text}")

    inner = ", ".join([*places, *names])
    return f"{entry.name}({inner})" if inner else entry.name


def _fitting(kind: Kind) -> Sequence[str]:
    """Ordinary texts that a kind may take, judged by what they look like."""
    match kind:
        case Int() | Extent():
            return ("1", "2", "4", "8")
        case Real():
            return ("0.5", "0.1")
        case SizeOf():
            return ("1", "2", "3") if kind.rank == 1 else tuple("x".join([n] * kind.rank) for n in "123")
        case OneOf():
            return _fitting(kind.kinds[0])
        case _:
            return values(kind)[:6]
