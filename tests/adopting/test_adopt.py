"""Weights from elsewhere: what is taken, what is new, what is left over, and what is refused."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import fx, nn

import archlang
from archlang.adopting import adopt
from archlang.artefact.state import load_weights
from archlang.diagnostics import ArchError

TEXT = """archlang 1
block unit(c) {
  body = in -> conv(3x3, c) as conv1 -> batch_norm -> relu
  output body -> conv(3x3, c) as conv2 -> add(body) -> relu
}
network Net(classes = 5, c = 8) {
  input image: [3, 8, 8]
  maps   = image -> unit(c) -> 2 * unit(c)
  logits = maps -> global_avg_pool -> linear(classes) as head
  output logits
}
"""


def net(seed: int = 0, text: str = TEXT, **dials: object) -> fx.GraphModule:
    return archlang.compile(archlang.loads(text, **dials), seed=seed).eval()


def same(one: nn.Module, other: nn.Module) -> bool:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return torch.equal(one(x), other(x))


def test_equal_names_are_taken_from_a_model_a_table_and_both_kinds_of_file(tmp_path: Path) -> None:
    source = net(1)
    archlang.save(source, tmp_path / "model.safetensors")
    safetensors.torch.save_file(source.state_dict(), tmp_path / "bare.safetensors")
    torch.save({"epoch": 3, "state_dict": source.state_dict()}, tmp_path / "checkpoint.pt")
    names = ("model.safetensors", "bare.safetensors", "checkpoint.pt")

    for given in (source, source.state_dict(), *(tmp_path / name for name in names)):
        model = net()
        table = adopt(model, given)
        assert (table.how, table.new, table.left) == ("names", {}, ())
        assert len(table.taken) == len(model.state_dict())
        assert same(model, source)


def test_a_head_of_another_size_keeps_its_own_start() -> None:
    model, source = net(classes=3), net(1)
    before = model.state_dict()["logits.head.weight"].clone()
    table = adopt(model, source)
    assert list(table.new) == ["logits.head.weight", "logits.head.bias"]
    assert table.new["logits.head.weight"] == "[3, 8] here, [5, 8] in the source"
    assert table.left == ("logits.head.weight", "logits.head.bias")
    assert torch.equal(model.state_dict()["logits.head.weight"], before)
    assert "new: logits.head.bias ([3] here, [5] in the source)" in str(table)


def test_a_map_says_which_is_which() -> None:
    source = {f"net.{name.replace('unit_2.0', 'second')}": value for name, value in net(1).state_dict().items()}
    model = net()
    table = adopt(model, source, {"maps.unit_2.0.*": "net.maps.second.*", "*": "net.*"})
    assert (table.how, table.new, table.left) == ("map", {}, ())
    assert same(model, net(1))

    with pytest.raises(ArchError, match="fits no tensor"):
        adopt(model, source, {"stem.*": "net.*"})
    with pytest.raises(ArchError, match="gives no tensor of the source"):
        adopt(model, source, {"maps.*": "body.*"})


def test_the_same_form_under_other_names_is_taken_by_structure() -> None:
    # Other names, no block, and each sum the other way round.
    unit = "{a} = {x} -> conv(3x3, 8) -> batch_norm -> relu\n {b} = {a} -> conv(3x3, 8) as c\n" \
        " {y} = {a} -> add({b}) -> relu\n"
    body = "".join(unit.format(a=f"a{i}", b=f"b{i}", x=x, y=f"y{i}") for i, x in enumerate(("image", "y0", "y1")))
    text = f"archlang 1\nnetwork Flat(classes = 5) {{\n input image: [3, 8, 8]\n {body}" \
        " output y2 -> global_avg_pool -> linear(classes)\n}\n"
    source = net(1, text)
    model = net()
    table = adopt(model, source)
    assert (table.how, table.new, table.left) == ("structure", {}, ())
    assert same(model, source)
    # Of a network of another form, what stands behind the first difference is left alone.
    other = net(1, text.replace("-> global_avg_pool ->", "-> global_max_pool ->"))
    assert list(adopt(net(), other).taken) == ["logits.head.weight", "logits.head.bias"]


def test_an_order_is_a_guess_that_must_be_asked_for() -> None:
    source = {f"layer_{at}": value for at, value in enumerate(net(1).state_dict().values()) if value.dim()}
    with pytest.raises(ArchError, match="nothing was taken"):
        adopt(net(), source)
    model = net()
    assert adopt(model, source, guess=True).how == "order"
    assert same(model, net(1))
    with pytest.raises(ArchError, match="not, in their order, of the shapes"):
        adopt(net(c=16), source, guess=True)


class Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("this ran",)


def test_what_is_no_table_of_tensors_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "code.pt").write_bytes(pickle.dumps(Runs()))
    torch.save({"weights": Runs()}, tmp_path / "zip.pt")
    torch.save([torch.zeros(3)], tmp_path / "list.pt")
    (tmp_path / "text.safetensors").write_text("no tensors", encoding="utf-8")
    for name, kind in (("code.pt", "unsafe-model"), ("zip.pt", "unsafe-model"), ("list.pt", "not-a-model"),
                       ("text.safetensors", "not-a-model"), ("none.safetensors", "unreadable-file")):
        with pytest.raises(ArchError) as caught:
            adopt(net(), tmp_path / name)
        assert caught.value.diagnostics[0].name == kind
    assert "this ran" not in capsys.readouterr().out

    broken = net(1).state_dict()
    broken["logits.head.bias"] = torch.full((5,), torch.nan)
    model = net()
    with pytest.raises(ArchError, match="NaN"):
        adopt(model, broken)
    assert same(model, net())  # nothing of it was taken


def test_spoiled_tables_are_refused(tmp_path: Path) -> None:
    """Bytes that are no table, and a table that is cut or has bytes changed, in both forms of `torch.save`."""
    path = tmp_path / "weights.pt"
    model = net()
    chance = random.Random(0)
    spoiled = [b"", b"\x80\x04junk", b"\x80\x02", b"PK\x03\x04", b"text\n"]
    for zipped in (True, False):
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=zipped)
        whole = path.read_bytes()
        spoiled += [whole[: chance.randrange(len(whole))] for _ in range(10)]
        for _ in range(60):
            changed = bytearray(whole)
            for _ in range(3):
                changed[chance.randrange(min(len(whole), 400))] = chance.randrange(256)
            spoiled.append(bytes(changed))

    refused = 0
    for data in spoiled:
        path.write_bytes(data)
        try:
            adopt(net(), path)
        except ArchError as problem:
            assert problem.status == 1
            refused += 1
    assert refused >= 25


def test_as_many_numbers_in_another_form_are_not_taken() -> None:
    model, source = net(), dict(net(1).state_dict())
    before = model.state_dict()["logits.head.weight"].clone()
    source["logits.head.weight"] = source["logits.head.weight"].t().contiguous()
    table = adopt(model, source)
    assert table.new == {"logits.head.weight": "[5, 8] here, [8, 5] in the source"}
    assert torch.equal(model.state_dict()["logits.head.weight"], before)


def test_a_fused_model_is_not_matched_by_the_network_that_it_was() -> None:
    other = TEXT.replace("maps ", "trunk ").replace("= maps", "= trunk").replace("as head", "as last")
    whole = net(1, other)
    assert adopt(net(), whole).how == "structure"

    fused = archlang.fuse(net(1, other))
    assert len(fused.state_dict()) < len(whole.state_dict()), "its tensors are not those of its text"
    with pytest.raises(ArchError) as caught:
        adopt(net(), fused)
    assert caught.value.diagnostics[0].name == "nothing-adopted"


KINDS = {
    "integers of a quantized model": (lambda value: (value * 100).to(torch.int8), "int8 in the source, float32 here"),
    "flags": (lambda value: value > 0, "bool in the source, float32 here"),
    "floats of a byte": (lambda value: value.to(torch.float8_e4m3fn), "float8_e4m3fn in the source"),
    "complex numbers": (lambda value: value.to(torch.complex64), "complex64 in the source"),
    "sparse": (lambda value: value.to_sparse(), "sparse or quantized"),
    "sizes alone": (lambda value: value.to("meta"), "sizes alone"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_another_kind_are_not_taken_for_weights(kind: str) -> None:
    """torch's `copy_` takes each integer of a quantized model for a weight, without the scale that makes it one."""
    change, reason = KINDS[kind]
    model, other = net(), net(seed=1)
    table = other.state_dict()
    table["maps.unit.body.conv1.weight"] = change(table["maps.unit.body.conv1.weight"])
    before = model.state_dict()["maps.unit.body.conv1.weight"].clone()
    found = adopt(model, table)
    assert reason in found.new["maps.unit.body.conv1.weight"] and "maps.unit.body.conv1.weight" in found.left
    assert torch.equal(model.state_dict()["maps.unit.body.conv1.weight"], before)
    assert torch.equal(model.state_dict()["maps.unit.conv2.weight"], table["maps.unit.conv2.weight"])


def test_a_table_of_another_kind_alone_is_nothing_to_adopt() -> None:
    table = {name: (value * 100).to(torch.int8) for name, value in net(seed=1).state_dict().items()}
    with pytest.raises(ArchError, match="int8 in the source, float32 here"):
        adopt(net(), table)


def test_numbers_past_our_floats_are_refused(tmp_path: Path) -> None:
    """1e300 is a number in float64 and infinite in float32."""
    model, table = net(), net(seed=1).state_dict()
    table["logits.head.bias"] = table["logits.head.bias"].double() + 1e300
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ArchError, match="numbers past those of our floats"):
        adopt(model, table)
    safetensors.torch.save_file(table, tmp_path / "w.safetensors")
    with pytest.raises(ArchError, match="numbers past those of our floats"):
        load_weights(model, tmp_path / "w.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
def test_a_file_of_weights_of_another_kind_is_refused(kind: torch.dtype, tmp_path: Path) -> None:
    model, table = net(), net(seed=1).state_dict()
    table["logits.head.weight"] = table["logits.head.weight"].to(kind)
    safetensors.torch.save_file(table, tmp_path / "w.safetensors")
    with pytest.raises(ArchError, match="of another kind"):
        load_weights(model, tmp_path / "w.safetensors")


def test_half_weights_are_taken() -> None:
    model, table = net(), {name: value.half() for name, value in net(seed=1).state_dict().items()}
    found = adopt(model, {name: v.long() if name.endswith("tracked") else v for name, v in table.items()})
    assert not found.new
    assert torch.equal(model.state_dict()["logits.head.weight"], table["logits.head.weight"].float())
