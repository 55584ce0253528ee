"""What must hold of every program, every broken one and every mutant. Each raises AssertionError where it does not."""

from __future__ import annotations

import time
from dataclasses import dataclass

from archlang.diagnostics import ArchError, Diagnostic
from archlang.elaborate import Network, check_text, loads
from archlang.shapes import Tensor, substitute
from archlang.source import Source
from archlang.syntax import decode, parse, print_file
from archlang.syntax.tree import File
from tests.generate.broken import Broken
from tests.generate.programs import Program

SECONDS = 2.0


@dataclass
class Judged:
    """How long it took, and the names of the errors."""

    seconds: float
    errors: tuple[str, ...]


def places_are_real(diagnostics: tuple[Diagnostic, ...]) -> None:
    """Every error says where it is, within its file, in a text that no terminal stumbles over."""
    for found in diagnostics:
        assert found.primary is not None, f"{found.name} without a place"
        for label in (found.primary, *found.secondary):
            span = label.span
            assert 0 <= span.start <= span.end <= len(span.source.text), f"{found.name} outside of the file"
        said = "".join((found.message, *found.help, *found.notes, *(label.text for label in found.secondary)))
        assert "\x1b" not in said and "\x00" not in said, f"{found.name} repeats control characters"


def valid(program: Program) -> Network:
    """No error; the predicted types; one canonical form; the flattened text is the same network."""
    net = loads(program.text)
    for output in net.graph.outputs:
        found = net.graph.type(output.port)
        sizes = tuple(substitute(d, program.sizes) if not isinstance(d, int) else d for d in found.dims)
        assert Tensor(sizes) == Tensor(program.outputs[output.name]), f"{sizes} is not {program.outputs[output.name]}"
    assert {o.name for o in net.graph.outputs} == set(program.outputs)
    canonical(net.project.main.file)
    return net


def canonical(tree: File) -> None:
    """Printing keeps the tree, and printing what was printed changes nothing."""
    once = print_file(tree)
    again = parse(Source("b", once))
    assert again == tree, "printing changed the tree"
    assert print_file(again) == once, "formatting twice is not formatting once"


def same_graph(a: Network, b: Network) -> None:
    """Two networks with the same nodes, names, types and edges."""
    def rows(net: Network) -> list[object]:
        number = {node.id: i for i, node in enumerate(net.graph)}
        return [(n.op.name, n.path, n.outputs, [(number[p.node], p.index) for p in n.inputs],
                 {k: str(v) for k, v in n.args.items()}) for n in net.graph]

    assert rows(a) == rows(b)


def _checked(text: str) -> tuple[tuple[Diagnostic, ...], float]:
    """What is found, and the processor time; measured again where it is long, since others may have used the caches."""
    times: list[float] = []
    while not times or (times[-1] > SECONDS and len(times) < 3):
        begun = time.process_time()
        found = check_text(text)
        times.append(time.process_time() - begun)
    assert min(times) < SECONDS, f"{min(times):.1f} seconds"
    return found, min(times)


def caught(program: Broken) -> Judged:
    """The one mistake is reported, under its name, and no other."""
    found, seconds = _checked(program.text)
    errors = tuple(d.name for d in found if d.severity == "error")
    places_are_real(tuple(d for d in found if d.severity == "error"))
    assert set(errors) == {program.name}, f"{program.name} is broken, {', '.join(errors) or 'nothing'} is reported"
    return Judged(seconds, errors)


def survived(data: bytes) -> Judged:
    """Only diagnostics, each with a place, in time; what parses prints and parses, and prints the same again."""
    try:
        text = decode(data, "mutant").text
    except ArchError as problem:
        places_are_real(problem.diagnostics)
        return Judged(0.0, tuple(d.name for d in problem.diagnostics))
    found, seconds = _checked(text)
    errors = tuple(d for d in found if d.severity == "error")
    places_are_real(errors)

    # Also a text with mistakes in what it means is formatted.
    try:
        tree = parse(Source("mutant", text))
    except ArchError:
        assert errors, "a file that does not parse is accepted"
    else:
        canonical(tree)
    return Judged(seconds, tuple(d.name for d in errors))
