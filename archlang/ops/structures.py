"""The stages that give structure: what they take. What they mean lies in `graph`."""

from __future__ import annotations

from archlang.ops.coded import CODED
from archlang.ops.kinds import Int, OneOf, SettingKind, Words
from archlang.ops.model import Arg, Structure
from archlang.ops.patch_experts import PATCHED
from archlang.ops.pbconv import PBCONV
from archlang.ops.rules import flow

ROUTER = SettingKind("router")
_MAP = "[3, 32, 32]"
# `learned` is a bare word, `fixed(0.3)` a setting with an argument.
_MIX = OneOf((Words(("learned",)), SettingKind("mixing")))

# Structures with rules of their own; those of a family stand in the family's file.
AVAILABLE = (
    Structure(
        "fork", "Copies of a tensor; with a router, each copy weighted by a gate (one-to-many connector).",
        # `fork(2, cross_connection)`: the router reads well by place, although it has a default.
        (Arg("n", Int(1), doc="members of the bundle"), Arg("router", ROUTER, None, "auto: plain copies", placed=True)),
        example=flow(_MAP, "fork(2, cross_connection) -> each { conv(3x3, 8) } -> mean"),
    ),
    Structure(
        "each", "The flow in braces for every member of a bundle, each with weights of its own.", body="flow",
        example=flow(_MAP, "fork(2) -> each { conv(3x3, 8) } -> sum"),
    ),
    Structure(
        "shared", "The flow in braces for every member of a bundle, all with the same weights.", body="flow",
        example=flow(_MAP, "fork(2) -> shared { conv(3x3, 8) } -> sum"),
    ),
    Structure(
        "parallel", "Several flows on one input, side by side: a bundle of their results. Each turn of a `for` alone "
        "is such a flow.", body="flows",
        example=flow(_MAP, "parallel { conv(1x1, 8); conv(3x3, 16) } -> concat"),
    ),
    Structure(
        "layers", "Flows one after the other that also hand out every step's result: a bundle. Each turn of a `for` "
        "alone is such a step.", body="flows",
        example=flow(_MAP, "layers { conv(3x3, 8); conv(3x3, 8) } -> sum"),
    ),
    Structure(
        "residual", "x + f(x); with `mix`, beta f(x) + (1 - beta) x; with `join = concat`, a dense map of both.",
        (
            Arg("mix", _MIX, None, "auto: a plain sum; `learned`; `fixed(b)`"),
            Arg("join", Words(("sum", "concat")), "sum", "how x and f(x) come together; `concat`: x and f(x) end to "
                "end, then contracted (Bird 2022, section 2)"),
        ),
        body="flow", example=flow("[8, 32, 32]", "residual { conv(3x3, 8) -> batch_norm -> relu }"),
    ),
    Structure(
        "route", "Weighted cross-connections between the members of a bundle.",
        (
            Arg("router", ROUTER, doc="how the weights come about"),
            Arg("to", Int(1), None, "how many leave; auto: as many as enter"),
        ),
        example=flow(_MAP, "fork(2) -> each { conv(3x3, 8) } -> route(cross_connection(hidden = 16)) -> mean"),
    ),
    Structure(
        "attend", "Brings the results of layers together, weighted by attention.",
        (Arg("by", SettingKind("aggregator"), doc="the kind of attention"),),
        example=flow(_MAP, "layers { conv(3x3, 8); conv(3x3, 16) } -> each { flatten -> linear(10) } "
                     "-> attend(static_vector)"),
    ),
)

STRUCTURES = (*AVAILABLE, *CODED, PBCONV, *PATCHED)
