"""Names of the catalogue in an expression: operations, structures and settings, with their arguments and braces."""

from __future__ import annotations

from archlang.elaborate import codes
from archlang.elaborate.arguments import given_for
from archlang.elaborate.bodies import read_flows
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import STAGE, known
from archlang.elaborate.own import OwnTensor
from archlang.elaborate.placing import signature_of
from archlang.elaborate.scope import unknown
from archlang.elaborate.values import Env, OpenWord, OpStage, Poisoned, Stage, StructureStage
from archlang.ops.kinds import Fault, Kind
from archlang.ops.model import Op, Setting, Structure
from archlang.ops.values import CodeValue, Option
from archlang.syntax.tree import Argument, Call, Expr


def catalogued(b: Build, name: str, call: Call | None, at: Expr, env: Env, expect: Kind | None) -> object:
    """Return what a name of the catalogue stands for where `expect` is wanted; `call` has its arguments and braces.

    A name of several meanings is settled by the role that its place wants. Without such a role it stays open until it
    lands in one. Raises `Poisoned`.
    """
    # A word of the kind itself, such as the padding `same`, comes before stages and settings of that name.
    if expect is not None and name in expect.words and call is None:
        return name

    if expect is None:
        readings = b.catalogue.readings(name, bare=call is None)
        if len(readings) > 1 or readings == ("word",):
            return _left_open(b, readings, name, call, at, env)

    setting = None
    if expect is not None and expect.role:
        setting = b.catalogue.setting(expect.role, name)
    if setting is not None:
        return _option(b, setting, call, at, env)

    stage = b.catalogue.stage(name)
    wants_word = expect is not None and not expect.stages and bool(expect.words or expect.role)
    if stage is not None and wants_word:
        # The stage of this name is not what is wanted here.
        raise unknown(b, env, name, at.span, expect)
    if stage is not None:
        return _stage(b, stage, call, at, env)

    # A name with one meaning has it wherever it stands; whether it fits there is the kind's to say.
    roles = b.catalogue.roles_of(name)
    if roles:
        setting = b.catalogue.setting(roles[0], name)
    if setting is not None:
        return _option(b, setting, call, at, env)
    raise _unknown(b, name, call, at, env, expect)


def _arguments(call: Call | None) -> tuple[Argument, ...]:
    if call is None:
        return ()
    return call.arguments or ()


def _unknown(b: Build, name: str, call: Call | None, at: Expr, env: Env, expect: Kind | None) -> Poisoned:
    """Report a name that the catalogue does not have, and the mistakes in its arguments and braces."""
    for argument in _arguments(call):
        known(b, argument.value, env)
    if call is None or not call.body:
        return unknown(b, env, name, at.span, expect)

    # Only a stage has braces, so that only stages can have been meant.
    read_flows(b, call.body, env)
    return unknown(b, env, name, at.span, STAGE)


def _left_open(b: Build, readings: tuple[str, ...], name: str, call: Call | None, at: Expr, env: Env) -> OpenWord:
    """Keep a name of several meanings until it lands; what its arguments name is looked up now."""
    with b.survey():
        for argument in _arguments(call):
            known(b, argument.value, env)

    if call is None:
        return OpenWord(name, readings, at, env)
    return OpenWord(call.span.text, readings, call, env)


def _option(b: Build, setting: Setting, call: Call | None, at: Expr, env: Env) -> Option | CodeValue:
    span = at.span
    if call is not None:
        span = call.span
        if call.body is not None:
            raise b.refuse("needless-body", f"`{setting.name}` takes no braces", call.body.span)

    # A code is searched for at once: it is a value, not a choice that is kept for later.
    if setting.role == "code":
        return codes.designed(b, setting, call or at, _arguments(call), env)

    if b.watcher is not None:
        b.watcher.meant(at.span, setting)
    given = given_for(b, signature_of(setting), _arguments(call), span, env)
    try:
        setting.check(given.values)
    except Fault as fault:
        raise b.fault(fault, span, given, env.place) from None
    return Option(setting.name, setting.role, given.values, call or at)


def _stage(b: Build, entry: Op | Structure, call: Call | None, at: Expr, env: Env) -> Stage | OwnTensor:
    span, body = at.span, None
    if call is not None:
        span, body = call.span, call.body
    if b.watcher is not None:
        b.watcher.meant(at.span, entry)
    takes_body = isinstance(entry, Structure) and entry.body != "none"
    if body is not None and not takes_body:
        raise b.refuse("needless-body", f"`{entry.name}` takes no braces", body.span)

    try:
        given = given_for(b, signature_of(entry), _arguments(call), span, env)
    except Poisoned:
        # What the flows in the braces use is used, and their mistakes are mistakes.
        if body is not None:
            read_flows(b, body, env)
        raise

    if isinstance(entry, Op) and entry.own:
        return OwnTensor(entry, given, entry.name, span)
    if isinstance(entry, Op):
        return OpStage(entry, given, entry.name, span=span)
    if takes_body and body is None:
        raise b.refuse("missing-body", f"`{entry.name}` takes a flow in braces: `{entry.name} {{ ... }}`", span)
    return StructureStage(entry, given, body, env, span=span)
