"""Structural stages and routers, each written from its line in the language document."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archlang.syntax import tree
from tests.reference import boosting, coded, patching, routing, static
from tests.reference import layers as attending
from tests.reference.flows import apply, body, turns
from tests.reference.names import as_stage
from tests.reference.values import (
    Choice,
    Flowing,
    Group,
    OpUse,
    Patches,
    Scope,
    StructureUse,
    Surprise,
    Value,
    Where,
    Word,
)

if TYPE_CHECKING:
    from tests.reference.machine import Reference


def structure(m: Reference, use: StructureUse, value: Flowing, where: Where) -> Flowing:
    """Pass a value through a structural stage."""
    match use.name:
        case "fork":
            count, router = _given(use, ("n", "router"), (None, None))
            assert isinstance(value, Value) and isinstance(count, int)
            return Group((value,) * count) if router is None else _route(m, router, (value,), count, where)
        case "route":
            router, to = _given(use, ("router", "to"), (None, None))
            members = _members(value)
            return _route(m, router, members, to if isinstance(to, int) else len(members), where)
        case "residual":
            return _residual(m, use, value, where)
        case "attend":
            return _attend(m, use, _members(value), where)
        case "each":
            return Group(tuple(_braces(m, use, 0, v, where.inside(str(i))) for i, v in enumerate(_all(value))))
        case "patches" | "position" | "unpatch" | "experts":
            return _patching(m, use, value, where)
        case "branches":
            count, drop = coded.given(use)
            made = (_braces(m, use, 0, value, where.inside(str(i))) for i in range(count))
            return coded.left_out(m, Group(tuple(made)), drop)
        case "energy_normalize":
            return coded.energy_normalized(m, value, where)
        case "pbconv":
            return boosting.pbconv(m, use, value, where)
        case "shared" if isinstance(value, Patches):
            return replace(value, members=(_braces(m, use, 0, value.members[0], where.inside()),))
        case "shared":
            return Group(tuple(_braces(m, use, 0, v, where.inside()) for v in _all(value)))
        case "parallel":
            flows = _side_by_side(m, use, value)
            return Group(tuple(body(m, f, Scope(s, value, where.inside(str(i)))) for i, (f, s) in enumerate(flows)))
        case "layers":
            results = []
            for i, (flow, scope) in enumerate(_side_by_side(m, use, value)):
                value = body(m, flow, Scope(scope, value, where.inside(str(i))))
                results.append(value)
            return Group(tuple(results))
    raise Surprise(use.name)


def _given(use: StructureUse, names: tuple[str, ...], defaults: tuple[object, ...]) -> tuple[object, ...]:
    return Choice(use.name, use.places, use.names).get(names, defaults)


def _all(value: Flowing) -> tuple[Flowing, ...]:
    assert isinstance(value, Group), "a bundle is wanted"
    return value.members


def _members(value: Flowing) -> tuple[Value, ...]:
    members = _all(value)
    assert all(isinstance(v, Value) for v in members)
    return members  # type: ignore[return-value]


def _side_by_side(m: Reference, use: StructureUse, value: Flowing) -> list[tuple[tree.Body | tree.Expr, Scope]]:
    """The flows of `parallel` or `layers` with their scopes: a `for` that is all of a flow stands for its turns."""
    assert use.body is not None

    def of(braces: tree.Body, scope: Scope) -> list[tuple[tree.Body | tree.Expr, Scope]]:
        found: list[tuple[tree.Body | tree.Expr, Scope]] = []
        for flow in braces.flows or (braces,):
            if isinstance(flow, tree.For):
                for given in turns(m, flow, Scope(scope, value, None)):
                    found += of(flow.body, Scope(scope, None, None, given))
            else:
                found.append((flow, scope))
        return found

    return of(use.body, use.scope)


def _braces(m: Reference, use: StructureUse, index: int, value: Flowing, where: Where) -> Flowing:
    """One of the flows in the braces, or their statements."""
    assert use.body is not None
    content: tree.Body | tree.Expr = use.body.flows[index] if use.body.flows else use.body
    return body(m, content, Scope(use.scope, value, where))


def _residual(m: Reference, use: StructureUse, value: Flowing, where: Where) -> Flowing:
    made = _braces(m, use, 0, value, where)
    mix, join = _given(use, ("mix", "join"), (None, None))
    assert isinstance(value, Value) and isinstance(made, Value)
    if isinstance(join, OpUse) and join.name == "concat":
        pair, leaving = (value.data, made.data), made.sizes[-1 if len(made.sizes) < 3 else 0]
        path = (*where.path, where.name("join"))
        return m.make("join", path, (value, made), lambda u: attending.innate_static(u, pair, leaving))
    if mix is None:
        return m.make("add", (*where.path, where.name("add")), (value, made), lambda u: value.data + made.data)
    path = (*where.path, where.name("mix"))
    beta = None if isinstance(mix, Word) else mix.get(("beta",), (None,))[0]  # type: ignore[attr-defined]
    return m.make("mix", path, (value, made), lambda u: routing.mixed(u, value.data, made.data, beta))


AGGREGATORS: dict[str, tuple[tuple[str, ...], tuple[object, ...]]] = {
    "innate_static": (("features",), (None,)), "static_vector": (("features",), (None,)),
    "self_attention": (("heads", "features"), (1, None)), "recurrent": (("hidden",), (None,)), "mean": ((), ()),
}


def _attend(m: Reference, use: StructureUse, members: tuple[Value, ...], where: Where) -> Flowing:
    (kind,) = _given(use, ("by",), (None,))
    choice = kind if isinstance(kind, Choice) else Choice(kind.name if isinstance(kind, OpUse) else kind.text)  # type: ignore[attr-defined]
    given = choice.get(*AGGREGATORS[choice.name])
    rule = getattr(attending, choice.name)
    path = (*where.path, where.name(choice.name))
    return m.make(choice.name, path, members, lambda u: rule(u, [v.data for v in members], *given))


# --- patches ---------------------------------------------------------------------------------------------------------


def _patching(m: Reference, use: StructureUse, value: Flowing, where: Where) -> Flowing:
    if use.name == "patches":
        assert isinstance(value, Value)
        size, stride = _given(use, ("size", "stride"), (None, None))
        data, grid = patching.patches(value, size, stride)
        return replace(grid, members=(m.make("cut", (), (value,), lambda u: data),))
    if use.name == "experts":
        return _experts(m, use, value, where)
    assert isinstance(value, Patches)
    (x,) = _members(value)
    if use.name == "position":
        return replace(value, members=(m.make("position", (), (x,), lambda u: patching.placed(x.data, value)),))
    return m.make("unpatch", (), (x,), lambda u: patching.back(x.data, value))


def _experts(m: Reference, use: StructureUse, value: Flowing, where: Where) -> Flowing:
    """Every expert on every row, summed by the router's weights (eq. 12)."""
    count, router, over = _given(use, ("n", "router", "over"), (None, None, None))
    assert isinstance(count, int)
    (x,) = _members(value) if isinstance(value, Patches) else _members(Group((value,)))
    is_by_position = over is not None and static.word(over) == "positions"
    if is_by_position:
        sequence = x
        x = m.make("cut", (), (x,), lambda u: sequence.data.reshape(-1, sequence.data.shape[2]))  # type: ignore[assignment]
    held = router.held if isinstance(router, Choice) else None
    weights = _weights_of_experts(m, router, x, count, Where(held) if held else where.enter("router"))
    made = _members(Group(tuple(_braces(m, use, 0, x, where.inside(str(i))) for i in range(count))))
    total = m.make("sum", (), (weights, *made), lambda u: routing.combined(
        weights.data[:, :, None], [v.data for v in made], [0]))
    if is_by_position:
        back = (*sequence.data.shape[:2], -1)
        return m.make("put", (), (total,), lambda u: total.data.reshape(back))  # type: ignore[union-attr]
    return replace(value, members=(total,)) if isinstance(value, Patches) else total


def _weights_of_experts(m: Reference, router: object, x: Value, count: int, where: Where) -> Value:
    choice = Choice(router.text) if isinstance(router, Word) else router
    assert isinstance(choice, Choice)
    if choice.name == "cross_connection":
        (hidden,) = choice.get(("hidden",), (16,))
        gates = _gates(m, (x,), count, hidden, where)
        made = m.make("flatten", (), (gates,), lambda u: gates.data[:, 0])
    elif choice.name == "sparse_connection":
        names = ("hidden", "keep", "standardized", "capacity", "shares")
        hidden, *how = choice.get(names, (16, 1, False, None, "held"))
        path = (*where.path, where.name("gates"))
        made = m.make("gates", path, (x,), lambda u: routing.sparse(u, x.data, count, hidden, *how))
    else:
        names = ("embed", "threshold", "steepness", "temperature", "keep", "start")
        embed, *settings = choice.get(names, (None, None, 10.0, 1.0, None, None))
        vector = apply(m, as_stage(embed), x, where)
        assert isinstance(vector, Value)
        path = (*where.path, where.name("cosine"))
        made = m.make("cosine", path, (vector,), lambda u: patching.cosine(u, vector.data, count, tuple(settings)))
    assert isinstance(made, Value)
    return made


# --- routers ---------------------------------------------------------------------------------------------------------


def _route(m: Reference, router: object, inputs: tuple[Value, ...], count: int, where: Where) -> Flowing:
    choice = Choice(router.text) if isinstance(router, Word) else router
    assert isinstance(choice, Choice)
    where = Where(choice.held) if choice.held else where
    if choice.name == "cross_stitch":
        path = (*where.path, where.name("stitch"))
        return _bundle(m.make("stitch", path, inputs, lambda u: routing.stitched(u, [v.data for v in inputs], count)))
    if choice.name == "cross_prediction":
        return _predictions(m, choice, inputs, count, where)
    (hidden,) = choice.get(("hidden",), (16,))
    gates = _gates(m, inputs, count, hidden, where)
    path = (*where.path, where.name("combine"))
    return _bundle(m.make("combine", path, (gates, *inputs),
                          lambda u: routing.combined(gates.data, [v.data for v in inputs], range(count))))


def _bundle(made: Flowing) -> Flowing:
    return made if isinstance(made, Group) else Group((made,))


def _gates(m: Reference, inputs: tuple[Value, ...], count: int, hidden: object, where: Where) -> Value:
    assert isinstance(hidden, int)
    path = (*where.path, where.name("gates"))
    made = m.make("gates", path, inputs, lambda u: routing.gates(u, [v.data for v in inputs], count, hidden))
    assert isinstance(made, Value)
    return made


def _predictions(m: Reference, choice: Choice, inputs: tuple[Value, ...], count: int, where: Where) -> Flowing:
    """`Y_j = act(sum_i g_ij U_ij)`, each U_ij by weights of its own (thesis, eq. 3.1 and 3.6)."""
    mapping, hidden, act = choice.get(("stage", "hidden", "act"), (None, 16, None))
    gates = _gates(m, inputs, count, hidden, where)
    predicted = [[apply(m, as_stage(mapping), x, where.inside(str(i), str(j))) for j in range(count)]
                 for i, x in enumerate(inputs)]
    outputs = []
    for j in range(count):
        column = _members(Group(tuple(row[j] for row in predicted)))
        joined = m.make("combine", (*where.path, where.name("combine")), (gates, *column),
                        lambda u, c=column, j=j: routing.combined(gates.data, [v.data for v in c], [j]))  # type: ignore[misc]
        outputs.append(apply(m, as_stage(act) if act is not None else OpUse("relu"), joined, where))
    return Group(tuple(outputs))
