"""Bugs from graph to module."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "emit/weights.py",
        "manual_seed(_derive(seed, ordinals.get(node.path, -1)))",
        "manual_seed(_derive(seed, 0))",
        "all modules are drawn from one seed",
        ("emit/test_weights.py",),
    ),
    Seed(
        "emit/weights.py",
        'f"{seed}:{ordinal}".encode()',
        'f"{seed + ordinal}".encode()',
        "a module of one seed is another module of the next",
        ("emit/test_weights.py",),
    ),
    Seed(
        "emit/weights.py",
        "with _on(device), _chance(generator, device):",
        "with _on(device):",
        "weights are drawn from torch's global generator, which all threads share",
        ("emit/test_threads.py::test_torchs_generator_and_its_seed_have_no_part_in_weights",),
    ),
    Seed(
        "emit/coded.py",
        "return uses == 1 and len(graph.consumers(weights)) == 1 and not graph.is_output(weights)",
        "return uses == 1",
        "a coded tail is fused though its weights are read elsewhere",
        ("emit/test_coded.py",),
    ),
    Seed(
        "emit/coded.py",
        "if any(graph.is_output(port) for port in members):",
        "if False:",
        "a coded tail is fused though one of its branches is an output",
        ("emit/test_coded.py",),
    ),
    Seed(
        "emit/coded.py",
        'args["bias"] is not False',
        "False",
        "a coded tail is fused though its convolutions have biases",
        ("emit/test_coded.py",),
    ),
    Seed(
        "emit/grouping.py",
        "if len({node.path for node in twins}) < len(twins):",
        "if False:",
        "members that share a module are grouped",
        ("emit/test_grouped.py",),
        same="no program shares a module among members that may run as one: their paths hold the member's number",
    ),
    Seed(
        "layers/grouped.py",
        "_share_out(variance, variances or ())",
        "",
        "grouped batch norms: running variances stay as they were",
        ("emit/test_grouped.py",),
    ),
    Seed(
        "emit/guard.py",
        "if symbols.setdefault(symbol.name, number) != number:",
        "if False:",
        "one symbol may have two sizes in a call",
        ("emit/test_guard.py",),
    ),
    Seed(
        "emit/guard.py",
        'module.code.split("\\n")[traceback.tb_lineno - 1 :]',
        'module.code.split("\\n")[traceback.tb_lineno - 2 :]',
        "a failure inside a model names the line before",
        ("emit/test_guard.py",),
    ),
)
