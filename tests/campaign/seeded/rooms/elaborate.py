"""Bugs in the rules from tree to graph."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "elaborate/values.py",
        "self.taken[candidate] = 1",
        "pass",
        "a layer that is called as another one was named by itself shares its weights",
        ("elaborate/test_names.py",),
    ),
    Seed(
        "elaborate/structures/coded.py",
        "(last.code, last.drop) != (tag.code, drop)",
        "last.code != tag.code",
        "blocks share a branch mask though their drop rates differ",
        ("elaborate/test_coded.py",),
    ),
    Seed(
        "elaborate/finish.py",
        "values = node.rows * places * batch",
        "values = places * batch",
        "the warning of a small batch norm forgets `rows`, the patches of a sample",
        ("elaborate/test_patterns.py",),
    ),
    Seed(
        "elaborate/finish.py",
        "isinstance(values, int) and values < 16",
        "isinstance(values, int) and values <= 16",
        "the warning of a small batch norm comes one value too early",
        ("elaborate/test_patterns.py",),
    ),
    Seed(
        "elaborate/finish.py",
        "if len(readers) != 1 or graph.is_output(port) or port in read_by_losses:",
        "if len(readers) != 1 or graph.is_output(port):",
        "a bias that a loss reads is left out",
        ("elaborate/test_names.py",),
    ),
    Seed(
        "elaborate/finish.py",
        "axis == node.op.biased % node.outputs[0].rank",
        "True",
        "a bias is left out though the norm takes the mean along another axis off",
        ("elaborate/test_names.py", "reference/test_reference.py", "ops/test_centres.py"),
    ),
    Seed(
        "elaborate/finish.py",
        "waiting += [port.node for port in _read_by_losses(graph)]",
        "pass",
        "what only a loss reads is cut off",
        ("elaborate/test_names.py",),
    ),
    Seed(
        "elaborate/arithmetic.py",
        "return bool(difference > 0)",
        "return bool(difference >= 0)",
        "`>` of numbers is `>=`",
        ("elaborate/test_arithmetic.py",),
    ),
    Seed(
        "elaborate/arithmetic.py",
        "_scaled(-1, right).terms",
        "_scaled(1, right).terms",
        "a loss that is subtracted is added",
        ("elaborate/test_arithmetic.py",),
    ),
    Seed(
        "elaborate/stages.py",
        "value = known(b, parameter.default, env.closed())",
        "value = known(b, parameter.default, env)",
        "a parameter's default sees what enters the block where it is used",
        ("elaborate/test_in.py",),
        same="every block is read once by itself, its defaults with nothing that enters: `in` in one is "
             "refused there already",
    ),
    Seed(
        "elaborate/dials.py",
        "case int(): return isinstance(value, int) and not isinstance(value, bool)",
        "case int(): return isinstance(value, int | float)",
        "a dial of whole numbers takes fractions",
        ("elaborate/test_dials.py",),
    ),
    Seed(
        "graph/known_uses.py",
        "key += (name, type(value), value)",
        "key += (name, value)",
        "a use with 1 is taken for one with 1.0 or true",
        ("elaborate/test_known_uses.py",),
    ),
    Seed(
        "graph/known_uses.py",
        "key: list[object] = [op.name, call.inputs]",
        "key: list[object] = [op.name, call.x]",
        "a use is known by its first tensor alone",
        ("elaborate/test_known_uses.py",),
    ),
)
