"""What is saved comes back, and comes out the same each time."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from archlang.artefact import container, load_model, save, table
from archlang.artefact.manifest import Manifest, decode, encode
from archlang.compiler import compile
from archlang.diagnostics import ArchError
from archlang.elaborate import load, loads
from archlang.emit import ImagePreparation
from archlang.limits import Limits
from archlang.rewrite import fuse

from .models import batch, small

SHARED = """archlang 1
network Twins {
  input image: [1, 6, 6]
  output image -> fork(2) -> shared { conv(1x1, 4, bias = true) -> relu } -> sum -> flatten -> linear(3)
}
"""


def refused(model: torch.nn.Module, path: Path) -> str:
    with pytest.raises(ArchError) as caught:
        save(model, path)
    assert not path.exists()
    return caught.value.diagnostics[0].name


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    model = small(classes=5, size="1x3")
    save(model, tmp_path / "m.safetensors")
    found = load_model(tmp_path / "m.safetensors")
    assert torch.equal(found(batch()), model(batch()))
    assert not found.training
    assert found.archlang.network.text == model.archlang.network.text
    assert found.archlang.network.dials == model.archlang.network.dials
    assert replace(found.archlang, network=None) == replace(model.archlang, network=None)


@pytest.mark.parametrize("image", [None, ImagePreparation(1, 6, 6), ImagePreparation(3, 224, 160, 0.875)])
@pytest.mark.parametrize("normal", [(None, None), ((0.25,), (3.0,))])
@pytest.mark.parametrize("labels", [None, ("a", "b", "ö")])
def test_all_that_a_training_notes_comes_back(
    image: ImagePreparation | None, normal: tuple[tuple[float, ...] | None, ...], labels: tuple[str, ...] | None,
    tmp_path: Path,
) -> None:
    model = small()
    mean, std = normal
    model.archlang = replace(model.archlang, seed=7, image=image, labels=labels, mean=mean, std=std)
    save(model, tmp_path / "m.safetensors")
    found = load_model(tmp_path / "m.safetensors").archlang
    assert replace(found, network=None) == replace(model.archlang, network=None)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model = small()
    save(model, tmp_path / "a")
    save(model.train(), tmp_path / "b")
    save(load_model(tmp_path / "a"), tmp_path / "c")
    assert len({(tmp_path / name).read_bytes() for name in "abc"}) == 1


def test_others_can_read_the_weights(tmp_path: Path) -> None:
    model = small()
    save(model, tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", "pt") as file:
        assert list(file.metadata()) == ["archlang"]
        assert set(file.keys()) == set(model.state_dict())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_kinds_of_numbers(tmp_path: Path, kind: torch.dtype) -> None:
    model = small().to(kind)
    save(model, tmp_path / "m")
    found = load_model(tmp_path / "m")
    assert {v.dtype for v in found.state_dict().values()} == {kind, torch.int64}
    assert torch.equal(found(batch().to(kind)), model(batch().to(kind)))


def test_a_fused_model_is_fused_again(tmp_path: Path) -> None:
    model = fuse(small())
    save(model, tmp_path / "m")
    found = load_model(tmp_path / "m")
    assert found.archlang.passes == ("fuse",)
    assert set(found.state_dict()) == set(model.state_dict()) < set(small().state_dict()) | {"features.conv.bias"}
    assert torch.equal(found(batch()), model(batch()))


def test_shared_weights_are_saved_once(tmp_path: Path) -> None:
    model = small(SHARED)
    save(model, tmp_path / "m")
    assert torch.equal(load_model(tmp_path / "m")(batch()), model(batch()))


def test_views_of_one_storage_can_be_saved(tmp_path: Path) -> None:
    model = small()
    norm = model.get_submodule("features.batch_norm")
    norm.running_mean = norm.running_var
    norm.weight = torch.nn.Parameter(torch.randn(4, 4)[:, 0])
    save(model, tmp_path / "m")
    found = load_model(tmp_path / "m").state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "m"
    assert refused(torch.nn.Linear(2, 2), path) == "unsupported-module"
    model = small()
    model.archlang = replace(model.archlang, network=None)
    assert refused(model, path) == "unsupported-module"
    model = small()
    model.archlang = model.archlang.after("prune")
    assert refused(model, path) == "unsupported-module"
    model = small()
    model.archlang = replace(model.archlang, labels=("\x1b[31m",))
    assert refused(model, path) == "unsupported-module"
    model = small()
    model.get_submodule("logits.linear").extra = torch.nn.Parameter(torch.ones(1))
    assert refused(model, path) == "unsupported-module"
    model = small()
    model.get_submodule("logits.linear").half()
    assert refused(model, path) == "unsupported-module"
    model = small()
    model.get_submodule("logits.linear").bias.data[1] = float("nan")
    assert refused(model, path) == "non-finite-model"
    assert refused(small(), tmp_path / "missing" / "m") == "unwritable-output"


@pytest.mark.parametrize("text", [None, SHARED])
def test_the_table_read_off_the_graph_is_the_models(text: str | None) -> None:
    model = small() if text is None else small(text)
    assert table.of_graph(model.archlang.network.graph) == table.of_state(model.state_dict())


def test_the_manifest_is_canonical() -> None:
    manifest = Manifest("text", {"b": "2", "a": "1"}, passes=("fuse",), mean=(0.1, 1e-7))
    text = encode(manifest)
    assert text.startswith('{"dials":{"a":"1","b":"2"},"digest":"')
    assert decode(text).manifest == manifest


def spread(folder: Path, count: int, size: int) -> Path:
    """A network whose blocks stand in so many files of so many bytes, most of them comments; the main file."""
    for name in "abcdefgh"[:count]:
        comments = "  # " + "x" * 100 + "\n"
        text = comments * (size // len(comments))
        (folder / f"{name}.arch").write_text(f"archlang 1\n\nblock B{name}(n = 4) {{\n{text}  linear(n) -> relu\n}}\n")
    imports = "".join(f'import "{name}.arch" (B{name})\n' for name in "abcdefgh"[:count])
    flow = " -> ".join(f"B{name}" for name in "abcdefgh"[:count])
    (folder / "main.arch").write_text(f"archlang 1\n{imports}network N {{\n  input x: [4]\n  output x -> {flow}\n}}\n")
    return folder / "main.arch"


@pytest.mark.parametrize(("count", "size"), [(4, 145_000), (4, 250_000)])
def test_a_network_of_many_files_is_loaded_as_it_was_saved(tmp_path: Path, count: int, size: int) -> None:
    """One file may hold 256 KiB, all files together 1 MiB: a model file holds them all as one text."""
    model = compile(load(spread(tmp_path, count, size)))
    assert len(model.archlang.network.text) > 256 * 1024
    save(model, tmp_path / "m")
    assert torch.equal(load_model(tmp_path / "m")(torch.ones(1, 4)), model.eval()(torch.ones(1, 4)))


def test_limits_that_were_raised_hold_for_the_saved_text_too(tmp_path: Path) -> None:
    limits = Limits(integer=1 << 60)
    text = "archlang 1\nlet big = 9007199254740993\nnetwork N {\n  input x: [4]\n  output x -> linear(big // big)\n}\n"
    model = compile(loads(text, limits=limits))
    save(model, tmp_path / "m")
    assert load_model(tmp_path / "m", limits=limits).archlang.network.text == model.archlang.network.text
    with pytest.raises(ArchError):
        load_model(tmp_path / "m")


@pytest.mark.parametrize("spoil", [
    lambda network: vars(network).update(text=network.text.replace("relu", "relu   ")),
    lambda network: vars(network).update(text=network.text + "}"),
    lambda network: vars(network).update(text=network.text.replace("size = 3x3", "size = 5x5")),
], ids=["not canonical", "no network", "another network"])
def test_a_model_that_could_not_be_loaded_is_not_saved_over_one_that_can(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "m"
    save(small(), path)
    before = path.read_bytes()

    model = small()
    spoil(model.archlang.network)
    with pytest.raises(ArchError) as caught:
        save(model, path)
    assert caught.value.diagnostics[0].name == "unsupported-module"
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_network_that_writes_like_a_digest(tmp_path: Path) -> None:
    hostile = 'let a = "\\"digest\\":\\"' + "0" * 64 + '"\n\nnetwork'
    from .models import TEXT

    model = small(TEXT.replace("network", hostile, 1))
    save(model, tmp_path / "m")
    assert container.read_bytes((tmp_path / "m").read_bytes()).table.keys() == model.state_dict().keys()
    assert torch.equal(load_model(tmp_path / "m")(batch()), model(batch()))


@pytest.mark.parametrize("name", ["words", "design_", "max", "size", "range"])
def test_a_designed_code_comes_back_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    # The file spells the code out with `words(...)`, which then stands beside, or in, a declaration of that name.
    text = f"""archlang 1
code {name} = design(classes = 4, branches = 4, active = 2, distance = 2)
network N {{
  input words_: [4, 8, 8]
  output words_ -> branches({name}) {{ conv(3x3, max(2, 4)) }} -> sum -> global_avg_pool -> linear(4)
}}
"""
    model = compile(loads(text)).eval()
    save(model, tmp_path / "m.safetensors")

    found = load_model(tmp_path / "m.safetensors")
    image = torch.rand(2, 4, 8, 8)
    assert torch.equal(found(image), model(image))
