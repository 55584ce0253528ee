"""Names that mean something to Python, torch or torch.fx: they compile and run like any other."""

from __future__ import annotations

import pytest

from archlang.elaborate.network import loads
from tests.elaborate.test_odd_programs import run
from tests.elaborate.texts import wrong

HOSTILE = (
    "__import__", "__class__", "__init__", "__dict__", "nan", "inf", "torch", "forward", "class", "self", "training",
    "weight", "bias", "add_module", "parameters", "modules", "children", "state_dict", "register_buffer", "getattr",
    "device", "None", "lambda", "print", "exec", "eval", "fx_pytree", "pytree", "math", "relu", "x_0", "n0",
    "train", "eval_", "T", "to", "type", "buffers", "named_modules", "call", "dump_patches", "_modules", "archlang_",
    "graph", "code", "recompile", "cuda", "half", "float", "double", "requires_grad_", "compile", "apply", "operator",
)
RESERVED = {"train", "code"}

PLACES = {
    "input": "archlang 1\nnetwork N {{ input {0}: [3, 4, 4]\n output {0} -> conv(1x1, 2) }}",
    "bound": "archlang 1\nnetwork N {{ input image: [3, 4, 4]\n {0} = image -> conv(1x1, 2) -> batch_norm\n"
             " output {0} -> tanh }}",
    "as": "archlang 1\nnetwork N {{ input image: [3, 4, 4]\n output image -> conv(1x1, 2) as {0} -> tanh as {0} }}",
    "output": "archlang 1\nnetwork N {{ input image: [3, 4, 4]\n output image\n output {0} = image -> conv(1x1, 2) }}",
    "block": "archlang 1\nblock {0}(c) = conv(1x1, c)\nnetwork N {{ input image: [3, 4, 4]\n output image -> {0}(2) }}",
    "parameter": "archlang 1\nblock b({0}) = conv(1x1, {0})\nnetwork N {{ input image: [3, 4, 4]\n"
                 " output image -> b({0} = 2) }}",
    "dial": "archlang 1\nnetwork N({0} = 2) {{ input image: [3, 4, 4]\n output image -> conv(1x1, {0}) }}",
    "network": "archlang 1\nnetwork {0} {{ input image: [3, 4, 4]\n output image -> conv(1x1, 2) }}",
}


@pytest.mark.parametrize("place", PLACES)
def test_hostile_names_are_names(place: str) -> None:
    for name in HOSTILE:
        source = PLACES[place].format(name)
        errors = [kind for kind in wrong(source) if kind not in ("unused-name", "shadowed-op")]
        if name in RESERVED:
            assert errors[:1] == ["reserved-word"]
        else:
            assert errors == [], name
            run(loads(source))
