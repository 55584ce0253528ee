"""The call in which a cursor stands: what is called, and which of its arguments is being written."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.editor.cursor import Cursor, OpenBracket, cursor_at
from archlang.editor.forms import Form, FormArgument, of_entry
from archlang.editor.workspace import ArchText, OpenDocument, OpenFiles


@dataclass(frozen=True)
class OpenCall:
    """A call that is being written: its form, and the index of the argument at the cursor (None: past them all)."""

    form: Form
    active: int | None


def call_at(files: OpenFiles, document: OpenDocument, offset: int) -> OpenCall | None:
    """The call in whose parentheses a place stands; None outside of all."""
    file = document.now
    cursor = cursor_at(file.reading, offset)
    bracket, form = cursor.call, form_of_call(files, file, cursor)
    if bracket is None or form is None:
        return None

    active = form.at(bracket.named, bracket.position)
    if active is None:
        return OpenCall(form, None)
    return OpenCall(form, form.arguments.index(active))


def form_of_call(files: OpenFiles, file: ArchText, cursor: Cursor) -> Form | None:
    """The form of what is called in the innermost parentheses around a cursor."""
    bracket = cursor.call
    if bracket is None:
        return None
    return _form(files, file, cursor, cursor.brackets.index(bracket))


def argument_at(files: OpenFiles, file: ArchText, cursor: Cursor) -> FormArgument | None:
    """The argument, or the setting of a `train`, whose value a cursor stands in."""
    return _argument(files, file, cursor, len(cursor.brackets) - 1)


def setting_at(files: OpenFiles, cursor: Cursor) -> Form | None:
    """The form of the `train`, the phase or the step in whose braces a cursor stands."""
    setting = files.catalogue.setting("declaration", cursor.owner.lower())
    if setting is None:
        return None
    return of_entry(setting)


def _form(files: OpenFiles, file: ArchText, cursor: Cursor, at: int) -> Form | None:
    """The form of the call of one bracket: the argument that it stands in tells the role of a setting."""
    callee = cursor.brackets[at].callee
    if callee is None:
        return None
    outer = _argument(files, file, cursor, at - 1)
    role = None
    if outer is not None and outer.kind is not None:
        role = outer.kind.role
    return files.form(file, callee.text, callee.start, role)


def _argument(files: OpenFiles, file: ArchText, cursor: Cursor, at: int) -> FormArgument | None:
    """The argument that is being written in one bracket, or in the one around it where it is a list."""
    while at >= 0 and _is_transparent(cursor.brackets[at]):
        at -= 1
    if at < 0:
        return None

    bracket = cursor.brackets[at]
    if bracket.owner in ("TRAIN", "PHASE", "STEP"):
        return _of_setting(files, cursor, bracket)
    if bracket.opener != "LPAR":
        return None
    form = _form(files, file, cursor, at)
    if form is None:
        return None
    return form.at(bracket.named, bracket.position)


def _is_transparent(bracket: OpenBracket) -> bool:
    """Tell whether a bracket hands on what is wanted around it: a list, and parentheses that call nothing."""
    return bracket.opener == "LSQB" or (bracket.opener == "LPAR" and bracket.callee is None and not bracket.owner)


def _of_setting(files: OpenFiles, cursor: Cursor, bracket: OpenBracket) -> FormArgument | None:
    """The setting whose value is being written in the braces of a `train`, a phase or a step."""
    setting = files.catalogue.setting("declaration", bracket.owner.lower())
    if setting is None:
        return None

    # `loss = a + cross_entropy(|`: the setting is the one outside of all brackets that are open inside the braces.
    # The last `name =` that stands in no bracket which is closed again or open at the cursor.
    depth = 0
    tokens = cursor.before
    inside = len(cursor.brackets) - 1 - cursor.brackets.index(bracket)
    for index in range(len(tokens) - 1, 0, -1):
        token = tokens[index]
        if token.type in ("RPAR", "RSQB", "RBRACE"):
            depth += 1
        elif token.type in ("LPAR", "LSQB", "LBRACE", "HEAD_BRACE"):
            depth -= 1
        if token.type == "EQUAL" and depth == -inside and tokens[index - 1].type == "NAME":
            return of_entry(setting).argument(tokens[index - 1].text)
    return None
