"""`if test { value } else { value }` as a value: which branch is taken, and when an `if` is no value but a stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, cast

from archlang.elaborate import arithmetic
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import evaluate, guarded, known
from archlang.elaborate.own import OwnTensor
from archlang.elaborate.scope import FUNCTIONS, find_node
from archlang.elaborate.values import (
    BlockValue,
    BundleValue,
    Env,
    OpenWord,
    Poison,
    Stage,
    TensorValue,
)
from archlang.ops.kinds import Kind, StageKind
from archlang.syntax.tree import (
    As,
    Binary,
    Body,
    Call,
    Expr,
    Flow,
    For,
    If,
    In,
    Index,
    Name,
    Parens,
    TupleOf,
)

Sort = Literal["value", "stage", "tensor", "open"]
"""What an expression gives, told by its form: `open` is a word that may be a stage or not."""

_OF_NAMES = frozenset({
    "undefined-name", "unknown-word", "unknown-stage", "unknown-argument", "missing-argument", "repeated-argument",
    "too-many-arguments", "not-callable",
})
"""Mistakes that a branch holds whatever its values are: 10 // n is none where the test keeps it from n = 0."""


def is_value(b: Build, expr: If, env: Env, expect: Kind | None) -> bool:
    """Tell an `if` between values from a stage, which is chosen when something flows in."""
    if isinstance(expect, StageKind):
        return False
    if expect is not None and not expect.stages:
        return True

    sorts = {sort_of(b, flow, env) for flow in branches(expr)}
    # Where nothing flows in that a stage could continue, an `if` between tensors is the tensor that it chooses.
    if "tensor" in sorts:
        return env.flowing is None
    return "value" in sorts or (sorts == {"open"} and _has_else(expr))


def chosen(b: Build, expr: If, env: Env, expect: Kind | None) -> object:
    """Return the value of the branch that is taken; the others are read for mistakes. Raises `Poisoned`."""
    if not _has_else(expr):
        help = "write `if test { value } else { value }`: without it there is no value where the test fails"
        raise b.refuse("missing-else", "an `if` that stands for a value needs an `else`", expr.span, help=help)

    taken: Body | None = None
    branch: Body | If | None = expr
    while isinstance(branch, If):
        if _holds(b, branch.test, env):
            taken = branch.then
            _read_rest(b, branch.otherwise, env, expect)
            break
        _read(b, branch.then, env, expect)
        branch = branch.otherwise

    if taken is None:
        assert isinstance(branch, Body)
        taken = branch
    return evaluate(b, _single(b, taken), env, expect)


def _holds(b: Build, test: Expr, env: Env) -> bool:
    value = evaluate(b, test, env.static())
    return bool(guarded(b, test.span, env, lambda: arithmetic.truth(value)))


def branches(expr: If) -> list[Expr]:
    """The flows of all branches; a branch of statements has none."""
    found: list[Expr] = []
    branch: Body | If | None = expr
    while isinstance(branch, If):
        found.extend(branch.then.flows)
        branch = branch.otherwise
    if branch is not None:
        found.extend(branch.flows)
    return found


def _has_else(expr: If) -> bool:
    branch: Body | If | None = expr
    while isinstance(branch, If):
        branch = branch.otherwise
    return branch is not None


def _single(b: Build, tree: Body) -> Expr:
    """The one expression in the braces. Raises `Poisoned`."""
    if len(tree.flows) == 1 and not tree.statements:
        return tree.flows[0]
    raise b.refuse("wrong-count", "braces that stand for a value hold one value", tree.span)


@contextmanager
def _only(b: Build, kinds: frozenset[str]) -> Iterator[None]:
    """Within this, keep the mistakes of some kinds only."""
    before = set(b.mistakes)
    yield
    for key, mistake in list(b.mistakes.items()):
        if key not in before and mistake.name not in kinds:
            del b.mistakes[key]


def _read(b: Build, tree: Body, env: Env, expect: Kind | None) -> None:
    """Read a branch that is not taken for mistakes in its names; what its values come to may be wrong here."""
    with _only(b, _OF_NAMES), b.survey():
        for flow in tree.flows:
            known(b, flow, env.static(), expect)


def _read_rest(b: Build, branch: Body | If | None, env: Env, expect: Kind | None) -> None:
    """Read the tests and branches behind the one that is taken, which are not asked any more."""
    while isinstance(branch, If):
        _read(b, Body(flows=(branch.test,)), env, None)
        _read(b, branch.then, env, expect)
        branch = branch.otherwise
    if branch is not None:
        _read(b, branch, env, expect)


# --- what an expression gives, by its form ---------------------------------------------------------------------------


def sort_of(b: Build, expr: Expr, env: Env) -> Sort:
    """Tell what an expression gives without making anything of it."""
    match expr:
        case Parens():
            return sort_of(b, expr.inner, env)
        case In():
            return "tensor"
        case Name(text=text):
            return _of_name(b, text, env, bare=True)
        case Call(callee=Name(text=text)):
            if text in FUNCTIONS and find_node(env, text) is None and expr.arguments:
                return "value"
            return _of_name(b, text, env, bare=False)
        case Flow():
            head = sort_of(b, expr.steps[0], env)
            if head == "tensor":
                return "tensor"
            return "stage"
        case As() | For():
            return "stage"
        case If():
            return _of_if(b, expr, env)
        case Binary(operator="*"):
            return sort_of(b, expr.right, env)
        case TupleOf():
            if "tensor" in {sort_of(b, item, env) for item in expr.items}:
                return "tensor"
            return "value"
        case Index():
            return _of_index(b, expr, env)
    return "value"


def _of_if(b: Build, expr: If, env: Env) -> Sort:
    """Tell what all branches give. It is kept: each `if` around this one asks for it too, and so does this one."""
    # Names mean the same in all scopes up to the innermost one that binds any.
    binding = env
    while not binding.names and binding.outer is not None:
        binding = binding.outer

    # Kept with the scope itself, so that no other one gets its id.
    place = (id(binding), id(expr))
    if place not in b.sorts:
        b.sorts[place] = binding, _joined({sort_of(b, flow, env) for flow in branches(expr)})
    return cast(Sort, b.sorts[place][1])


def _joined(sorts: set[Sort]) -> Sort:
    order: tuple[Sort, ...] = ("tensor", "value", "stage")
    return next((sort for sort in order if sort in sorts), "open")


def _of_name(b: Build, name: str, env: Env, bare: bool) -> Sort:
    bound = env.find(name)
    match bound:
        case None:
            pass
        case TensorValue() | BundleValue() | OwnTensor():
            return "tensor"
        case Stage() | BlockValue():
            return "stage"
        case OpenWord() | Poison():
            return "open"
        case _:
            return "value"

    readings = b.catalogue.readings(name, bare=bare)
    if readings == ("stage",):
        return "stage"
    if "stage" in readings or not readings:
        return "open"
    return "value"


def _of_index(b: Build, expr: Index, env: Env) -> Sort:
    """A member of a list is looked at; one of a bundle is a tensor."""
    value = expr.value
    while isinstance(value, Index | Parens):
        if isinstance(value, Index):
            value = value.value
        else:
            value = value.inner
    sort = sort_of(b, value, env)
    if sort != "value":
        return sort

    # Whatever is wrong with it is reported where the branch is read.
    with _only(b, frozenset()), b.survey():
        member = known(b, expr, env.static())
    if isinstance(member, Stage | BlockValue):
        return "stage"
    if isinstance(member, OpenWord | Poison):
        return "open"
    return "value"
