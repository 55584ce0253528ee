"""The tables of habits: each example is recognised, its fix is the text beside it, and both compute the same."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import archlang
from archlang.diagnostics import Diagnostic
from archlang.elaborate.habits.advice import standard_blocks
from archlang.elaborate.habits.catalogue import TABLES
from archlang.elaborate.habits.habit import Habit
from archlang.elaborate.network import check_text
from archlang.syntax.slips_imports import STANDARD_BLOCKS
from tests.golden import check_golden
from tests.messages.page import PAGE, page
from tests.ops.instantiate import drawn

ROWS = [
    (heading, row, wrong, right) for heading, rows in TABLES.items() for row in rows for wrong, right in row.examples
]
STAGES = [case for case in ROWS if case[0] not in ("Losses", "Optimizers", "Schedules")]
TORCH = [case for case in STAGES if case[1].origin == "PyTorch"]


def ids(case: object) -> str:
    return case if isinstance(case, str) else ""


def network(row: Habit, text: str) -> str:
    """A network with an example in it: as a flow of its own if it names the tensor `x`, else as a step behind it."""
    names_tensor = text.startswith(("x.", "x ", "(x")) or "(x" in text or "[x" in text
    flow = text if names_tensor else f"x -> {text}"
    second = f"  input y: {row.on}\n" if any(f"{before}y" in text for before in (" ", "(")) and names_tensor else ""
    return f"archlang 1\nnetwork N {{\n  input x: {row.on}\n{second}  z = {flow}\n  output z\n}}\n"


def first_error(text: str) -> Diagnostic:
    return next(d for d in check_text(text) if d.severity == "error")


def errors(text: str) -> list[str]:
    return [d.message for d in check_text(text) if d.severity == "error"]


def mended(diagnostic: Diagnostic) -> str:
    """The text of the file with the fix of a diagnostic."""
    assert diagnostic.fix is not None, diagnostic
    span = diagnostic.fix.span
    return span.source.text[: span.start] + diagnostic.fix.text + span.source.text[span.end :]


@pytest.mark.parametrize(("heading", "row", "wrong", "right"), STAGES, ids=ids)
def test_the_fix_is_the_text_beside_it(heading: str, row: Habit, wrong: str, right: str) -> None:
    mistake = first_error(network(row, wrong))
    assert mistake.name == "foreign-form"
    assert row.origin in mistake.message
    # A line that the parser refuses is mended as a whole.
    assert mistake.help in ((f"write `{right}`",), (f"write `z = {right}`",))
    assert mistake.fix is not None
    assert mistake.fix.text.removeprefix("z = ") == right
    assert errors(mended(mistake)) == []


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize(("heading", "row", "wrong", "right"), TORCH, ids=ids)
def test_both_compute_the_same(heading: str, row: Habit, wrong: str, right: str, training: bool) -> None:
    net = archlang.loads(network(row, right))
    model = archlang.compile(net).train(training)
    (type,) = {spec.type for spec in net.graph.inputs}
    sizes, chance = tuple(int(size) for size in type.dims), torch.Generator().manual_seed(0)
    x, y = drawn(type, sizes, 2, chance), drawn(type, sizes, 2, chance)

    module: nn.Module | None = None
    theirs = eval(wrong, {"nn": nn, "F": F, "torch": torch, "x": x, "y": y})
    if isinstance(theirs, nn.Module):
        module = theirs.train(training)
        if "Lazy" in wrong:  # it takes its shape from the first tensor
            module(x)
        if training and "Dropout" in wrong:  # drawn by chance, each from its own generator
            return
        model.load_state_dict(dict(zip(model.state_dict(), module.state_dict().values(), strict=True)))
        inputs = (x, x, x) if isinstance(module, nn.MultiheadAttention) else (x,)
        theirs = module(*inputs)

    expected = theirs[0] if isinstance(theirs, tuple) else theirs
    ours = model(*(x, y)[: len(net.graph.inputs)])
    if isinstance(ours, tuple):  # a bundle beside the tuple of torch
        assert len(ours) == len(theirs)
        ours = ours[0]
    torch.testing.assert_close(ours, expected)
    if module is not None:  # running statistics have moved alike
        for ours, buffer in zip(model.buffers(), module.buffers(), strict=True):
            torch.testing.assert_close(ours, buffer)


@pytest.mark.parametrize("heading", ["Losses", "Optimizers"])
def test_losses_and_optimizers(heading: str) -> None:
    for row in TABLES[heading]:
        for wrong, right in row.examples:
            settings = {"loss": "cross_entropy(logits, label)", "optimizer": "sgd(lr = 0.1)", row.on: wrong}
            text = (
                "archlang 1\nnetwork N {\n  input x: [8]\n  logits = x -> linear(2)\n  output logits\n}\ntrain {\n"
                + "".join(f"  {name} = {value}\n" for name, value in settings.items())
                + "  phase all { epochs = 1 }\n}\n"
            )
            mistake = first_error(text)
            assert mistake.fix is not None, wrong
            assert mistake.fix.text == right
            assert errors(mended(mistake)) == []


def test_schedules() -> None:
    for row in TABLES["Schedules"]:
        for wrong, right in row.examples:
            lines = "  input x: [8]\n  logits = x -> linear(2)\n  output logits\n}\ntrain {\n"
            settings = "  loss = cross_entropy(logits, label)\n  optimizer = sgd(lr = 0.1)\n"
            text = f"archlang 1\nnetwork N {{\n{lines}{settings}  phase all {{ epochs = 90; lr = {wrong} }}\n}}\n"
            assert first_error(text).help == (f"write `{right}`",)
            assert errors(text.replace(wrong, right)) == []


def test_every_name_stands_in_one_row() -> None:
    names = [(row.origin, name) for rows in TABLES.values() for row in rows for name in row.names]
    assert sorted(names) == sorted(set(names))


def test_each_standard_module_has_a_block_that_it_declares() -> None:
    imports = [f"import std.{module} ({block})" for module, block in STANDARD_BLOCKS.items()]
    assert errors("archlang 1\n" + "\n".join(imports) + "\n") == []
    assert set(standard_blocks().values()) == {f"std.{module}" for module in STANDARD_BLOCKS}


def test_what_the_file_names_itself_is_never_foreign() -> None:
    text = (
        "archlang 1\nblock Conv2d(c) = conv(3x3, c)\nblock cat(other) = add(other)\n"
        "network N {\n  input x: [3, 8, 8]\n  nn = x -> Conv2d(3)\n  output x -> cat(nn)\n}\n"
    )
    assert errors(text) == []


def test_a_mistake_inside_a_stage_of_this_language_keeps_its_words() -> None:
    text = (
        "archlang 1\nblock both(other) {\n  pair = concat(other)\n  output pair\n}\n"
        "network N {\n  input x: [3, 8, 8]\n  small = x -> max_pool(2x2)\n  output x -> both(small)\n}\n"
    )
    assert [d.name for d in check_text(text)] == ["shape-mismatch"]


def test_deep_chains_end_in_short_time() -> None:
    calls = "x" + ".relu()" * 300
    sums = " + ".join(["x"] * 200)
    nested = "F.relu(" * 60 + "x" + ")" * 60
    for flow in (calls, sums, nested):
        text = f"archlang 1\nnetwork N {{\n  input x: [3, 8, 8]\n  y = {flow}\n  output y\n}}\n"
        assert errors(text)


def test_the_page_shows_the_tables() -> None:
    check_golden(PAGE, page())
