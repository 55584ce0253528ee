"""What may be changed in a program without changing what it computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archlang.elaborate import Network, load, loads
from archlang.emit import emit
from archlang.syntax import print_file, tree
from tests.generate.judge import same_graph
from tests.generate.programs import program
from tests.generate.rewrites import inlined, renamed, unrolled
from tests.reference.compare import close, filled, inputs_for
from tests.reference.networks import ALL, BASE_CNN_CC

SEEDS = [*(seed for seed in range(2000, 2014) if seed % 8 != 7), 2030, 2040]  # the last have blocks that can be put in
TEXTS = {**ALL, **{str(seed): program(seed).text for seed in SEEDS}}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def outputs(net: Network, model: nn.Module | None = None, batch: int = 3) -> list[Tensor]:
    """What a network makes of a fixed input, its weights drawn in program order."""
    model = filled(emit(net.graph)) if model is None else model
    made = model.eval()(*inputs_for(net, batch))
    return [made] if isinstance(made, Tensor) else list(made.values())


def same_numbers(a: Network, b: Network) -> None:
    """Equal up to rounding, with equal weights in program order."""
    for found, wanted in zip(outputs(a), outputs(b), strict=True):
        close(found, wanted, 1e-9, "output")


@pytest.mark.parametrize("change", [renamed, unrolled, inlined], ids=lambda change: change.__name__)
@pytest.mark.parametrize("name", sorted(TEXTS))
def test_another_way_to_write_it_computes_the_same(name: str, change: Callable[[tree.File], tree.File]) -> None:
    net = loads(TEXTS[name])
    other = loads(print_file(change(net.project.main.file)))
    assert (net.parameters, net.buffers, net.flops) == (other.parameters, other.buffers, other.flops)
    same_numbers(net, other)


def test_the_rewrites_rewrite() -> None:
    texts = {change: [print_file(change(loads(text).project.main.file)) for text in TEXTS.values()]
             for change in (renamed, unrolled, inlined)}
    plain = [print_file(loads(text).project.main.file) for text in TEXTS.values()]
    assert all(sum(a != b for a, b in zip(found, plain, strict=True)) >= 4 for found in texts.values())


def test_names_have_no_part_in_how_weights_start() -> None:
    net = loads(ALL["bodies"])
    other = loads(print_file(renamed(net.project.main.file)))
    for a, b in zip(emit(net.graph).state_dict().values(), emit(other.graph).state_dict().values(), strict=True):
        assert torch.equal(a, b)


def _permuted(state: dict[str, Tensor], order: list[int]) -> dict[str, Tensor]:
    """The weights of paths in another order: members by their index, gates by input, and by output but for the last."""
    moved: dict[str, Tensor] = {}
    for name, value in state.items():
        parts = name.split(".")
        if any(part.startswith("each") for part in parts):
            at = next(i for i, part in enumerate(parts) if part.startswith("each")) + 1
            source = [*parts[:at], str(order[int(parts[at])]), *parts[at + 1:]]
            moved[name] = state[".".join(source)]
        elif parts[-1] in ("squeeze", "excite", "weight") and "gates" in parts:
            value = value if value.shape[0] == 1 else value[order]
            moved[name] = value[:, order] if parts[-1] != "squeeze" else value
        else:
            moved[name] = value
    return moved


@pytest.mark.parametrize("hidden", [0, 4])
def test_paths_in_another_order_with_their_weights(hidden: int) -> None:
    net = loads(BASE_CNN_CC, {"paths": 3, "hidden": hidden})
    model, other = filled(emit(net.graph)), filled(emit(net.graph), seed=5)
    before = outputs(net, other)
    other.load_state_dict(_permuted({k: v.clone() for k, v in model.state_dict().items()}, [2, 0, 1]))
    (found,), (wanted,) = outputs(net, other), outputs(net, model)
    close(found, wanted, 1e-9, "output")
    assert not torch.allclose(before[0], wanted, atol=1e-3)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_batch_in_parts(name: str) -> None:
    """In evaluation mode each sample's result depends on that sample alone, where each operation declares so."""
    net = loads(TEXTS[name])
    assert all(node.op.rows(net.graph.call(node)) for node in net.graph)
    model = filled(emit(net.graph)).eval()
    xs = inputs_for(net, 4)
    whole, parts = model(*xs), [model(*(x[i:i + 1] for x in xs)) for i in range(4)]
    for key in whole if isinstance(whole, dict) else [None]:
        joined = torch.cat([part if key is None else part[key] for part in parts])
        close(joined, whole if key is None else whole[key], 1e-9, "output")


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_the_text_of_a_network_is_that_network(name: str) -> None:
    net = loads(TEXTS[name])
    same_graph(net, loads(net.text))
    assert loads(net.text).text == net.text


def test_one_file_instead_of_several(tmp_path: Path) -> None:
    (tmp_path / "parts.arch").write_text(
        "archlang 1\nlet act = relu -> tanh\nblock unit(c) = conv(3x3, c) -> batch_norm -> act\n"
        "block twice(c, brick = 2) { y = in -> conv(1x1, c) ; output y -> brick * (act -> batch_norm) }\n"
    )
    main = tmp_path / "main.arch"
    main.write_text(
        "archlang 1\nimport \"./parts.arch\" (unit as brick, twice)\nlet act = gelu\n"
        "network N(width = 3, by = cross_connection(2)) {\n  input x: [3, 8, 8]\n"
        "  y = x -> brick(width) -> act -> 2 * twice(4) -> fork(2, by) -> each { brick(2) } -> route(by) -> mean\n"
        "  output y\n}\n"
    )
    for dials in ({}, {"width": 5}, {"by": "cross_stitch"}):
        net = load(main, dials)
        alone = loads(net.text)
        same_graph(net, alone)
        same_numbers(net, alone)


def test_saved_and_loaded_computes_the_same(tmp_path: Path) -> None:
    from archlang.artefact import load_model, save
    from archlang.compiler import compile

    for name in ("bodies", "names", str(SEEDS[0]), str(SEEDS[3])):
        model = compile(loads(TEXTS[name])).eval()
        path = tmp_path / f"{name}.safetensors"
        save(model, path)
        again = load_model(path)
        # Tokens stay whole numbers.
        xs = [x.float() if x.is_floating_point() else x for x in inputs_for(loads(TEXTS[name]))]
        a, b = model(*xs), again(*xs)
        for found, wanted in zip([a] if isinstance(a, Tensor) else a.values(),
                                 [b] if isinstance(b, Tensor) else b.values(), strict=True):
            assert torch.equal(found, wanted)
