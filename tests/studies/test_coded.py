"""What is done with trained coded networks: extraction equals masking, decoding, ablation, their commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from archlang.artefact import load_model, save
from archlang.cli.main import run
from archlang.compiler import compile, fuse
from archlang.diagnostics import ArchError
from archlang.elaborate import load, loads
from archlang.elaborate.network import Network
from archlang.emit import ArchModule, emit, observing
from archlang.graph.coded import coded_blocks
from archlang.graph.ir import Graph
from archlang.graph.removal import At, with_mask
from archlang.studies import coded as studies
from archlang.studies.coded import ablate, class_numbers, decode, extract, judge, nearest
from archlang.studies.maximise import Ascent, maximise
from archlang.train.data.splits import Data, Tensors
from archlang.train.prediction import predict

SPECS = Path(__file__).parents[2] / "specs" / "coded_resnext"


def alive(net: Network, seed: int = 0) -> torch.fx.GraphModule:
    """The network, its branches one by one, with weights under which every part counts; float64, evaluation."""
    torch.set_num_threads(1)
    model = compile(net, parallel="loop").double().eval()
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            fan = weight[0].numel() if weight.dim() > 1 else 1
            weight.copy_(torch.randn(weight.shape, generator=chance, dtype=weight.dtype) / fan**0.5)
    return model


def masked(model: torch.fx.GraphModule, graph: Graph, classes: tuple[int, ...], x: torch.Tensor) -> torch.Tensor:
    """The whole network with the branches that work for none of the classes at zero."""
    hooks = []
    for site in graph.coded.values():
        for i, column in enumerate(site.code.columns):
            if all(column[c] == "0" for c in classes):
                last = model.get_submodule(".".join((*site.region, str(i), "conv_3")))
                hooks.append(last.register_forward_hook(lambda _, __, out: 0 * out))
    made: torch.Tensor = model(x)
    for hook in hooks:
        hook.remove()
    return made[:, list(classes)]


@pytest.mark.parametrize("classes", [*((c,) for c in range(10)), (1, 4), (0, 5, 9)])
def test_extracted_equals_masked(classes: tuple[int, ...]) -> None:
    net = load(SPECS / "digits.arch")
    model = alive(net)
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    small = extract(model, classes)
    with torch.no_grad():
        assert (small(x) - masked(model, net.graph, classes, x)).abs().max() < 1e-12
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())


def test_share_of_parameters_of_a_single_class() -> None:
    from archlang.graph.removal import removed

    shares = {}
    for name in ("cifar10", "imagenet"):
        net = load(SPECS / f"{name}.arch")
        shares[name] = round(100 * removed(net.graph, [3]).parameters / net.graph.parameters, 1)  # type: ignore[operator]
    assert shares == {"cifar10": 46.3, "imagenet": 41.6}


def test_a_file_replays_the_extraction_and_it_can_be_fused(tmp_path: Path) -> None:
    small = extract(compile(load(SPECS / "digits.arch")).eval(), [2, 7])
    save(small, tmp_path / "two.safetensors")
    again = load_model(tmp_path / "two.safetensors")
    x = torch.randn(2, 1, 8, 8)
    assert isinstance(again, ArchModule) and again.archlang.passes == ("extract{class=2+7}",)
    assert torch.equal(again(x), small(x))
    assert torch.allclose(fuse(again)(x), small(x), atol=1e-5)
    with pytest.raises(ArchError, match="as it was trained"):
        extract(again, [2])


def test_the_nearest_word_wins() -> None:
    words = ("1100", "0110", "0011")
    rows = torch.tensor([[2.1, 1.7, 0.2, 0.0], [0.0, 0.2, 1.5, 2.3]])
    assert nearest(rows, words).tolist() == [0, 2]


def test_decoding_and_ablation_look_at_every_block() -> None:
    torch.set_num_threads(1)
    net = load(SPECS / "digits.arch")
    model = compile(net).eval()
    found = decode(model, "digits")
    assert [one.block for one in found] == [b.name for b in coded_blocks(net.graph)]
    assert all(0 <= one.accuracy <= 1 and len(one.energies) == 10 for one in found)
    rows = ablate(model, "digits", block="layer3", most=1)
    assert [(r.what, r.count) for r in rows] == 2 * [("active", 0), ("active", 1), ("inactive", 0), ("inactive", 1)]


def test_ablation_takes_the_branches_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    model = compile(load(SPECS / "digits.arch")).eval()
    words = model.archlang.network.graph.coded
    chance = torch.Generator().manual_seed(0)
    data = Tensors(torch.rand(20, 1, 8, 8, generator=chance), torch.arange(20) % 10)
    taken: list[torch.Tensor] = []

    class Watched:
        """The model with a mask, which notes the masks."""

        def __init__(self, inner: torch.fx.GraphModule) -> None:
            self.inner = inner

        def eval(self) -> Watched:
            self.inner.eval()
            return self

        def __call__(self, inputs: torch.Tensor, mask: torch.Tensor) -> object:
            taken.append(mask)
            return self.inner(inputs, mask)

    plain = studies.observing
    monkeypatch.setattr(studies, "observing", lambda *args: Watched(plain(*args)))
    rows = ablate(model, Data("noise", data, data), block="layer3", most=2)
    assert len(taken) == len(rows)

    names = [".".join(region) for region in words]
    for row, mask in zip(rows, taken, strict=True):
        code = next(site.code for name, site in zip(names, words.values(), strict=True) if name.startswith(row.block))
        for label, kept in zip(data.labels.tolist(), mask, strict=True):
            gone = [code.words[label][i] for i in range(code.branches) if kept[i] == 0]
            assert gone == ["1" if row.what == "active" else "0"] * row.count


def test_names_of_classes() -> None:
    model = compile(load(SPECS / "cifar10.arch"))
    assert class_numbers(model, ["frog", "3"]) == (3, 6)
    with pytest.raises(ArchError, match="did you mean `frog`"):
        class_numbers(model, ["frogg"])
    plain = compile(loads("archlang 1\nnetwork N { input x: [4]\n output x -> linear(2) }"))
    with pytest.raises(ArchError, match="no branches of a code"):
        class_numbers(plain, ["0"])


def test_commands(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    file, one, drawn = (str(tmp_path / name) for name in ("m.safetensors", "one.safetensors", "a.svg"))
    save(compile(load(SPECS / "digits.arch")).eval(), file)
    assert run(["extract", file, "--class", "3", "--data", "digits", "-o", one]) == 0
    assert "precision" in capfd.readouterr().out
    assert run(["ablate", file, "--data", "digits", "--block", "layer3", "--remove", "1", "-o", drawn]) == 0
    assert Path(drawn).read_text().startswith("<?xml")
    assert run(["show", "energies", file, "--data", "digits", "-o", drawn]) == 0
    assert "decoded from its energies" in capfd.readouterr().out
    assert run(["extract", file, "--class", "ten"]) == 1
    assert "no class is called" in capfd.readouterr().err


def test_an_extracted_model_keeps_the_names_of_its_classes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    whole = compile(load(SPECS / "digits.arch")).eval()
    assert isinstance(whole, ArchModule)
    whole.archlang = replace(whole.archlang, labels=tuple(f"digit {n}" for n in range(10)))
    file, image = str(tmp_path / "few.safetensors"), str(tmp_path / "x.png")
    few = extract(whole, [3, 7])
    save(few, file)
    Image.new("L", (8, 8), 100).save(image)
    assert run(["predict", file, image, "--format", "json"]) == 0
    classes = json.loads(capfd.readouterr().out)["predictions"][0]["classes"]
    assert {(c["index"], c["name"], c["probability"]) for c in classes} == {(3, "digit 3", None), (7, "digit 7", None)}
    assert classes[0]["score"] >= classes[1]["score"]
    assert run(["predict", file, image]) == 0
    assert "digit 3 scores" in capfd.readouterr().out
    assert run(["eval", file, "--data", "digits"]) == 1  # its classes have other names: `0` to `9`
    capfd.readouterr()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "named_digits.py").write_text(
        "from dataclasses import replace\n"
        "from archlang.train.data.sources import find\n"
        "def named(): return replace(find('digits'), classes=tuple(f'digit {n}' for n in range(10)))\n"
    )
    assert run(["eval", file, "--data", "named_digits:named"]) == 0
    out = capfd.readouterr().out
    assert "tells of digit 3, digit 7" in out
    judged = judge(few, [3, 7], "named_digits:named")
    assert f"recall {100 * judged.recall:.2f} %" in out
    assert run(["eval", file, "--data", "named_digits:named", "--cut", "0.5"]) == 2


RELATED = """archlang 1
code c = words(WORDS)
network N {
  input x: [2, 4, 4]
  output x -> branches(c, drop = 0) { conv(1x1, 6) } -> energy_normalize -> sum -> global_avg_pool -> linear(4)
}
"""
ROWS = ("110", "011", "101", "111")


def related(rows: tuple[str, ...]) -> torch.fx.GraphModule:
    """The network of a code of these words."""
    words = ", ".join(f'"{row}"' for row in rows)
    return alive(loads(RELATED.replace("words(WORDS)", f"words({words})")))


@pytest.mark.parametrize("classes", [(0,), (1,), (2,), (0, 1)])
def test_branches_permuted_with_the_columns_change_nothing(classes: tuple[int, ...]) -> None:
    order = (2, 0, 1)
    one, other = related(ROWS), related(tuple("".join(row[i] for i in order) for row in ROWS))
    weights = one.state_dict()
    moved = {name: weights[_from(name, order)] for name in weights}
    other.load_state_dict(moved)
    x = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    assert (one(x) - other(x)).abs().max() < 1e-12
    assert (extract(one, classes)(x) - extract(other, classes)(x)).abs().max() < 1e-12


def _from(name: str, order: tuple[int, ...]) -> str:
    parts = name.split(".")
    if parts[0] == "branches":
        parts[1] = str(order[int(parts[1])])
    return ".".join(parts)


def test_classes_permuted_with_the_rows_change_nothing() -> None:
    order = [3, 1, 0, 2]
    one, other = related(ROWS), related(tuple(ROWS[i] for i in order))
    weights = dict(one.state_dict())
    weights.update({name: weights[name][order] for name in weights if name.startswith("linear")})
    other.load_state_dict(weights)
    x = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    assert (one(x)[:, order] - other(x)).abs().max() < 1e-12
    for new, old in enumerate(order):
        assert (extract(one, [old])(x) - extract(other, [new])(x)).abs().max() < 1e-12


# --- branches end to end ---------------------------------------------------------------------------------------------

CONCAT = """archlang 1
import std.coded (coded_concat)
code half = words(WORDS)
network N {
  input x: [3, 6, 6]
  a = x -> coded_concat(8, 3, half, stride = 2, drop = 0.1)
  b = a -> branches(half) { conv(1x1, 4) -> relu } -> energy_normalize -> concat -> TAIL
  output b -> linear(4)
}
"""
WORDS = ("1100", "0110", "0011", "1001")


def end_to_end(tail: str = "conv(3x3, 5, padding = 1) -> relu -> global_avg_pool") -> Network:
    """Two blocks whose branches lie end to end, the second read by `tail`."""
    words = "words(" + ", ".join(f'"{word}"' for word in WORDS) + ")"
    return loads(CONCAT.replace("words(WORDS)", words).replace("TAIL", tail))


@pytest.mark.parametrize("tail", [
    "conv(3x3, 5, padding = 1) -> relu -> global_avg_pool", "global_avg_pool -> relu",
    "conv(1x1, 5, bias = false) -> global_avg_pool",
])
@pytest.mark.parametrize("classes", [(0,), (2,), (0, 1)])
def test_branches_end_to_end_are_extracted_too(tail: str, classes: tuple[int, ...]) -> None:
    """Against the whole network with the results of the other branches at zero, by hooks."""
    net = end_to_end(tail)
    model = alive(net)
    x = torch.randn(3, 3, 6, 6, dtype=torch.float64)
    if "conv" not in tail:
        with pytest.raises(ArchError, match="end to end"):
            extract(model, classes)
        return

    small = extract(model, classes)
    lasts = {"a.coded_concat.body.branches": "relu_2", "b.branches": "relu"}
    hooks = []
    for site in net.graph.coded.values():
        for i, column in enumerate(site.code.columns):
            if all(column[c] == "0" for c in classes):
                path = ".".join((*site.region, str(i), lasts[".".join(site.region)]))
                hooks.append(model.get_submodule(path).register_forward_hook(lambda _, __, out: 0 * out))
    with torch.no_grad():
        wanted = model(x)[:, list(classes)]
        assert (small(x) - wanted).abs().max() < 1e-12
    for hook in hooks:
        hook.remove()
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())


def test_what_was_extracted_end_to_end_is_loaded_and_fused(tmp_path: Path) -> None:
    model = alive(end_to_end()).float()
    small = extract(model, [1])
    save(small, tmp_path / "one.safetensors")
    again = load_model(tmp_path / "one.safetensors")
    x = torch.randn(2, 3, 6, 6)
    assert torch.equal(again(x), small(x))
    assert torch.allclose(fuse(again)(x), small(x), atol=1e-5)


# --- ablation before and after the normalisation ---------------------------------------------------------------------


@pytest.mark.parametrize("at", ["after", "before"])
def test_a_mask_before_or_after_the_normalisation_is_the_equation(at: At) -> None:
    """`y_n = T_n / sqrt(mean_i E(T_i))` with the mask on T (authors) or on y, from the branches' own results."""
    net = load(SPECS / "digits.arch")
    model = alive(net)
    block = coded_blocks(net.graph)[1]
    body = block.coded.region
    seen: dict[str, torch.Tensor] = {}
    count = block.coded.code.branches
    masked = emit(with_mask(net.graph, block, at), parallel="loop").double().eval()
    masked.load_state_dict(model.state_dict())
    hooks = [
        masked.get_submodule(".".join((*body, str(i), "conv_3"))).register_forward_hook(
            lambda _, __, out, i=i: seen.__setitem__(str(i), out)) for i in range(count)
    ]
    norm = next(name for name, module in masked.named_modules()
                if name.startswith(".".join(body[:-1])) and isinstance(module, torch.nn.BatchNorm2d)
                and "branches" not in name and "projection" not in name)
    hooks.append(masked.get_submodule(norm).register_forward_hook(
        lambda _, entering, __: seen.__setitem__("sum", entering[0])))

    x = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    mask = (torch.rand(4, count, generator=torch.Generator().manual_seed(0)) > 0.4).double()
    with torch.no_grad():
        logits = masked(x, mask)
        assert (observing(model, with_mask(net.graph, block, at), ())(x, mask) - logits).abs().max() < 1e-12
    for hook in hooks:
        hook.remove()

    branches = torch.stack([seen[str(i)] for i in range(count)], 1)
    spread = mask[:, :, None, None, None]
    entering = branches * spread if at == "before" else branches
    energy = entering.square().mean((2, 3, 4)).sum(1) / count
    normal = entering / (energy + 1e-8).sqrt()[:, None, None, None, None]
    wanted = (normal if at == "before" else normal * spread).sum(1)
    assert (seen["sum"] - wanted).abs().max() < 1e-12


def test_ablation_says_where_branches_were_taken_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    model = compile(load(SPECS / "digits.arch"), seed=1).eval()
    file = str(tmp_path / "m.safetensors")
    save(model, file)
    words = ["ablate", file, "--data", "digits", "--block", "layer3", "--remove", "1", "--format", "json"]
    found = {}
    for at in ("after", "before"):
        assert run([*words, "--at", at]) == 0
        found[at] = json.loads(capfd.readouterr().out)["removed"]
        assert {row["at"] for row in found[at]} == {at}
    assert [row["accuracy"] for row in found["after"] if row["count"] == 0] == pytest.approx(
        [row["accuracy"] for row in found["before"] if row["count"] == 0])


# --- names of classes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [(0, 1), (1, 2), (3, 7)])
def test_names_of_classes_are_cut_once(classes: tuple[int, ...], tmp_path: Path) -> None:
    """In memory, from a file, and in all that names outputs."""
    torch.set_num_threads(1)
    whole = compile(load(SPECS / "digits.arch")).eval()
    assert isinstance(whole, ArchModule)
    names = tuple(f"digit {n}" for n in range(10))
    whole.archlang = replace(whole.archlang, labels=names)
    save(extract(whole, classes), tmp_path / "few.safetensors")
    Image.new("L", (8, 8), 100).save(tmp_path / "x.png")

    for few in (extract(whole, classes), load_model(tmp_path / "few.safetensors")):
        assert few.archlang.labels == names
        guesses = predict(few, [tmp_path / "x.png"], device="cpu")[0].guesses
        assert {(guess.index, guess.name) for guess in guesses} == {(c, f"digit {c}") for c in classes}
        rows = dict(zip(classes, few(torch.full((1, 1, 8, 8), 100 / 255))[0].tolist(), strict=True))
        assert all(guess.score == pytest.approx(rows[guess.index], abs=1e-4) for guess in guesses)

        for c in classes:
            made = maximise(few, "output", f"digit {c}", ascent=Ascent(steps=1), device="cpu")
            assert made.before == maximise(few, "output", str(c), ascent=Ascent(steps=1), device="cpu").before
        with pytest.raises(ArchError, match="there is no output"):
            maximise(few, "output", "digit 9", ascent=Ascent(steps=1), device="cpu")
