"""Transformations: graph in, graph out, printed as `.arch` again.

>>> from archlang.elaborate import loads
>>> net = loads('''archlang 1
... network N(classes = 10) {
...   input image: [1, 8, 8]
...   logits = image -> conv(3x3, 8) -> relu -> max_pool(2x2) -> flatten -> linear(classes)
...   output logits
... }''')
>>> print(apply(net, "multipath{paths=2}").listing)
archlang 1
network N(classes = 10, paths = 2, hidden = 16) {
  let gate = cross_connection(hidden = hidden)
  input image: [1, 8, 8]
  logits = image -> fork(paths, gate)
                 -> each { conv(3x3, 8) -> relu -> max_pool(2x2) } -> route(gate)
                 -> each { flatten -> linear(classes) } -> mean
  output logits
}
<BLANKLINE>
"""

from __future__ import annotations

import re
from dataclasses import replace

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.elaborate import Network
from archlang.elaborate.network import rebuilt
from archlang.syntax.tree import File
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.transform.base import Pass, made_of
from archlang.transform.coded import Coded
from archlang.transform.layer_attention import LayerAttention
from archlang.transform.multipath import Multipath
from archlang.transform.pbconv import PBConv

PASSES: tuple[type[Pass], ...] = (Multipath, LayerAttention, PBConv, Coded)
"""All transformations. A new file in this folder stands here, and a test says so if it does not."""

_FORM = re.compile(r"\s*([A-Za-z_-][A-Za-z0-9_-]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)


def parse_pass(text: str) -> Pass:
    """The pass that a text such as `multipath{paths=2,router=cross_stitch}` names. Raises ArchError."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ArchError(error("usage", f"a pass reads `name{{option=value,...}}`, not {text[:80]!r}"))
    known = {kind.name: kind for kind in PASSES}
    if form[1] not in known:
        help = (*did_you_mean(form[1], known), f"there are: {', '.join(known)}")
        raise ArchError(error("unknown-pass", f"there is no transformation `{form[1][:64]}`", help=help))
    options: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in _parts(form[2] or ""))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ArchError(error("usage", f"an option reads `name=value`, not {part[:80]!r}"))
        if name in options:
            raise ArchError(error("repeated-argument", f"the option `{name[:64]}` is given twice"))
        options[name] = value
    return made_of(known[form[1]], options)


def _parts(text: str) -> list[str]:
    """The options, at the commas that stand in no brackets and no string.

    >>> _parts("a=[1, 2],b=f(3, 4),c='x,y'")
    ['a=[1, 2]', 'b=f(3, 4)', "c='x,y'"]
    """
    found, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        depth += 0 if quote else (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0 and not quote:
            found.append("")
        else:
            found[-1] += sign
    return found


def apply(net: Network, what: str | Pass) -> Network:
    """The network after a pass, checked. Raises ArchError: unknown-pass, pass-does-not-apply, or its mistakes."""
    step = parse_pass(what) if isinstance(what, str) else what
    reasons = step.requires(net)
    if reasons:
        raise ArchError(reasons)
    after = rebuilt(net, _redocumented(step.run(net), f"{net.name}, made over by `{step}`."))
    broken = step.ensures(net, after)
    if broken:
        raise ArchError([error("internal-error", f"{step.name}: {claim}") for claim in broken])
    return after


def _redocumented(file: File, made: str) -> File:
    """The file without what was said of it and of its network before: counts above all would no longer be true."""
    def changed(network: NetworkTree) -> NetworkTree:
        return replace(network, doc=network.doc and made, body=replace(network.body, doc=network.body.doc and made))

    declarations = tuple(changed(d) if isinstance(d, NetworkTree) else d for d in file.declarations)
    return replace(file, declarations=declarations, doc=file.doc and made)


__all__ = ["PASSES", "Coded", "LayerAttention", "Multipath", "PBConv", "Pass", "apply", "parse_pass"]
