"""Settings of a `train` that are given from outside its file, written into its tree.

A setting is named as it stands in the file: `batch`, `optimizer.lr` for an argument of its value, `all.epochs` and
`all.lr.warmup` for those of the phase or step `all`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archlang.diagnostics import ArchError, Label, did_you_mean, error
from archlang.project.project import Project
from archlang.source import Span
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Argument, Bind, Body, Call, Expr, Let, Name, Statement, Stretch, Train


def with_settings(project: Project, settings: Mapping[str, Let]) -> Project:
    """The project with these settings in its `train`; each value stands in a `let`, with the place that it came from.

    Raises ArchError: missing-train, unknown-setting.
    """
    train = project.main.train
    if train is None:
        message = "there is no `train` whose settings could be given"
        raise ArchError(error("missing-train", message, project.main.file.span, help="add `train { ... }` to the file"))

    body = train.body
    for name, given in settings.items():
        body = _set(body, name.split("."), given, name)

    # Other declarations stay the same objects: what is read for them is known by their identity.
    written: Train = replace(train, body=body)
    file = project.main.file
    file = replace(file, declarations=tuple(written if item is train else item for item in file.declarations))
    main = replace(project.main, file=file)
    units = {key: unit for key, unit in project.units.items() if unit is not project.main}
    return Project(main, {**units, main.key: main}, project.mistakes)


def _set(body: Body, path: Sequence[str], given: Let, name: str) -> Body:
    """A body with a setting of it, or of a phase or step in it."""
    head, *rest = path
    stretches = [item for item in body.statements if isinstance(item, Stretch) and item.name == head]
    if stretches and rest:
        inner = replace(stretches[0], body=_set(stretches[0].body, rest, given, name))
        return _exchanged(body, stretches[0], inner)

    bound = [item for item in body.statements if isinstance(item, Bind) and item.name == head]
    if not rest:
        whole = Bind(head, given.value, given.name_span, span=given.span)
        if bound:
            return _exchanged(body, bound[0], whole)
        return _before_stretches(body, whole)

    # An argument can be given to a value that the file has; a default is no text that could be changed.
    if not bound:
        raise _unknown(body, head, given, name)
    return _exchanged(body, bound[0], replace(bound[0], value=_argued(bound[0].value, rest, given, name)))


def _argued(value: Expr, path: Sequence[str], given: Let, name: str) -> Expr:
    """A value with an argument of it set: `sgd(lr = 0.1)` with `lr`."""
    if isinstance(value, Name):
        value = Call(value, (), span=value.span)
    if len(path) != 1 or not isinstance(value, Call):
        shown = print_flat(value)[:60]
        raise ArchError(error("unknown-setting", f"`{name[:64]}` is no argument of a setting", given.name_span,
                              secondary=_second(value.span, "its value"),
                              help=f"give the whole of it: `{name.rpartition('.')[0]} = {shown}`"))

    arguments = value.arguments or ()
    new = Argument(path[0], given.value, given.name_span)
    if any(argument.name == path[0] for argument in arguments):
        changed = tuple(new if argument.name == path[0] else argument for argument in arguments)
    else:
        changed = (*arguments, new)
    return replace(value, arguments=changed)


def _unknown(body: Body, head: str, given: Let, name: str) -> ArchError:
    """The error of a setting that neither a `train` nor a phase or step of it has; the caller raises it."""
    names = [item.name for item in body.statements if isinstance(item, Bind | Stretch)]
    listed = ", ".join(names)
    help = (*did_you_mean(head, names), f"the file has: {listed}")
    return ArchError(error("unknown-setting", f"`{name[:64]}` is in no setting, phase or step of this `train`",
                           given.name_span, help=help))


def _exchanged(body: Body, old: Statement, new: Statement) -> Body:
    return replace(body, statements=tuple(new if item is old else item for item in body.statements))


def _before_stretches(body: Body, new: Statement) -> Body:
    """A body with one more setting, before its phases, as one writes it."""
    plain = [item for item in body.statements if not isinstance(item, Stretch)]
    stretches = [item for item in body.statements if isinstance(item, Stretch)]
    return replace(body, statements=(*plain, new, *stretches))


def _second(span: Span, text: str) -> tuple[Label, ...]:
    if not span.end:
        return ()
    return (Label(span, text),)
