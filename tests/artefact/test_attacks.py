"""Every way to be no model of ours has its own error; nothing is opened that could run code."""

import hashlib
import io
import json
import pickle
import random
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from PIL import Image

from archlang.artefact import container, load_model
from archlang.artefact.manifest import Manifest, encode, seal
from archlang.artefact.saving import pack
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.limits import DEFAULT
from archlang.ops import CATALOGUE

from .models import TEXT, small

GOOD = pack(small())
HEAD = 8 + struct.unpack("<Q", GOOD[:8])[0]
Header = dict[str, Any]


def numbered(_: object) -> str:
    return "case"  # pytest adds the number; the bytes themselves are no readable name


def kind_of(data: bytes, folder: Path) -> str:
    path = folder / "m.safetensors"
    path.write_bytes(data)
    with pytest.raises(ArchError) as caught:
        load_model(path)
    return caught.value.diagnostics[0].name


def rebuilt(change: Callable[[Header], object], data: bytes = GOOD[HEAD:]) -> bytes:
    """The good file with another header, and a digest that is right again."""
    header = json.loads(GOOD[8:HEAD])
    change(header)
    return resealed(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode(), data)


def resealed(raw: bytes, data: bytes = GOOD[HEAD:]) -> bytes:
    whole = struct.pack("<Q", len(raw)) + raw + data
    place = re.search(rb'\\"digest\\":\\"([0-9a-f]{64})', whole)
    if place is None:
        return whole
    blank = whole[: place.start(1)] + b"0" * 64 + whole[place.end(1) :]
    return whole[: place.start(1)] + hashlib.sha256(blank).hexdigest().encode() + whole[place.end(1) :]


def test_resealing_makes_a_good_file_again(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(rebuilt(lambda h: None))
    load_model(tmp_path / "m")


def forged(state: dict[str, torch.Tensor] | None = None, **changes: Any) -> bytes:
    """A file whose digest is right, of a manifest or weights that archlang would not have written."""
    model = small()
    facts = {"network": model.archlang.network.text, "dials": {"classes": "3", "size": "3x3"}} | changes
    state = dict(model.state_dict()) if state is None else state
    data = safetensors.torch.save(state, {"archlang": encode(Manifest(**facts))})
    return seal(data, container.read_bytes(data))


def test_the_forger_can_make_a_good_file(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(forged())
    load_model(tmp_path / "m")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("exploded"),)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Bomb()))
    return buffer.getvalue()


def saved(**options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save({"bomb": Bomb()}, buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("data", [
    *(pickle.dumps(Bomb(), protocol) for protocol in (2, 3, 4, 5)),
    zipped(),
    saved(),
    saved(_use_new_zipfile_serialization=False),
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
], ids=numbered)
def test_pickles_and_archives_are_not_opened(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert kind_of(data, tmp_path) == "unsafe-model"
    assert not Path("exploded").exists()


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("data", [
    b"", b"{}", b"hello", b"\xff" * 100, b"archlang 1\nnetwork", b"\x89HDF\r\n\x1a\n" * 4, png(),
    pickle.dumps(Bomb(), 0),
    struct.pack("<Q", (16 << 20) + 1) + b"{" + b" " * 100,
    struct.pack("<Q", 1 << 62) + b"{" + b" " * 100,
    struct.pack("<Q", 3) + b"{,}",
    struct.pack("<Q", 200_000) + b'{"a":' + b"[" * 199_995,
    struct.pack("<Q", 2) + b"[]",
], ids=numbered)
def test_what_is_no_model(data: bytes, tmp_path: Path) -> None:
    assert kind_of(data, tmp_path) == "not-a-model"


@pytest.mark.parametrize("data", [
    safetensors.torch.save({"w": torch.ones(3)}),
    safetensors.torch.save({"w": torch.ones(3)}, {"format": "pt"}),
    struct.pack("<Q", 2) + b"{}",
    forged(format=2),
    forged(language=2),
    forged(passes=("quantise",)),
    forged(network="archlang 1\nnetwork N { input x: [3]\n output x -> rleu }", dials={}),
    forged(network='archlang 1\nimport "../secret.arch" (a)\nnetwork N { input x: [3]\n output x -> a }', dials={}),
    forged(network="nonsense", dials={}),
    forged(network=TEXT + "\n\n# not canonical\n\n\n"),
    forged(dials={"classes": "4", "size": "3x3"}),
], ids=numbered)
def test_files_of_others(data: bytes, tmp_path: Path) -> None:
    assert kind_of(data, tmp_path) == "foreign-model"


def test_a_later_format_with_fields_of_its_own(tmp_path: Path) -> None:
    data = rebuilt(lambda h: h["__metadata__"].update(archlang='{"format":2,"novelty":[1]}'))
    assert kind_of(data, tmp_path) == "foreign-model"


def test_every_truncation(tmp_path: Path) -> None:
    kinds = {cut: kind_of(GOOD[:cut], tmp_path) for cut in [*range(20), *range(20, len(GOOD), 100), len(GOOD) - 1]}
    assert {kinds[cut] for cut in kinds if cut >= 5} == {"truncated-model"}
    assert {kinds[cut] for cut in kinds if cut < 5} <= {"truncated-model", "not-a-model"}


def test_bits_flipped_anywhere_are_noticed(tmp_path: Path) -> None:
    draw = random.Random(0)
    anywhere = [draw.randrange(9, HEAD) for _ in range(150)]
    for place in [*range(HEAD - 6, HEAD + 6), *anywhere]:
        data = bytearray(GOOD)
        data[place] ^= 1 << draw.randrange(8)
        assert kind_of(bytes(data), tmp_path) in ("altered-model", "foreign-model", "truncated-model"), place


def test_bits_flipped_in_the_weights_are_alterations(tmp_path: Path) -> None:
    for place in range(HEAD, len(GOOD), 37):
        data = bytearray(GOOD)
        data[place] ^= 4
        assert kind_of(bytes(data), tmp_path) == "altered-model"


def entry(header: Header) -> Header:
    found: Header = header["logits.linear.weight"]
    return found


@pytest.mark.parametrize("change", [
    lambda h: h["__metadata__"].update(more="x"),
    lambda h: h["__metadata__"].update(archlang=["x"]),
    lambda h: h["__metadata__"].update(archlang="{}"),
    lambda h: h["__metadata__"].update(archlang="[" * 100_000),
    lambda h: h["__metadata__"].update(archlang=h["__metadata__"]["archlang"].replace('"seed":0', '"seed":0,"seed":0')),
    lambda h: h["__metadata__"].update(archlang=h["__metadata__"]["archlang"].replace('"seed":0', '"seed": 0')),
    lambda h: h["__metadata__"].update(archlang=h["__metadata__"]["archlang"].replace('"seed":0', '"more":0,"seed":0')),
    lambda h: h["__metadata__"].update(archlang=h["__metadata__"]["archlang"].replace('"seed":0', '"seed":"0"')),
    lambda h: h["__metadata__"].update(archlang=h["__metadata__"]["archlang"].replace('"seed":0', '"seed":-1')),
    lambda h: h["__metadata__"].update(archlang=h["__metadata__"]["archlang"].replace('"b"', '"\\u001b[31m"')),
    lambda h: h["__metadata__"].update(archlang=h["__metadata__"]["archlang"].replace("0.25", "0.0")),
    lambda h: entry(h).update(dtype="F8"),
    lambda h: entry(h).update(dtype=["F32"]),
    lambda h: entry(h).update(dtype="I64"),
    lambda h: entry(h).update(shape=[4, 3]),
    lambda h: entry(h).update(shape=[12]),
    lambda h: entry(h).update(shape=[-3, -4]),
    lambda h: entry(h).update(shape=[3.0, 4]),
    lambda h: h["features.conv.weight"].update(shape=[4, True, 3, 3]),
    lambda h: h["features.batch_norm.bias"].update(data_offsets=h["features.batch_norm.weight"]["data_offsets"]),
    lambda h: entry(h).update(shape=[1 << 40, 1 << 40]),
    lambda h: entry(h).update(data_offsets=[0, 48]),
    lambda h: entry(h).update(data_offsets=[48, 0]),
    lambda h: entry(h).update(data_offsets=[0]),
    lambda h: entry(h).update(stride=[1, 1]),
    lambda h: entry(h).pop("dtype"),
    lambda h: h.update({"../../etc": h.pop("logits.linear.weight")}),
    lambda h: h.update({"logits.linear.strange": h.pop("logits.linear.weight")}),
    lambda h: h.update({"a\x1b": h.pop("logits.linear.weight")}),
    lambda h: h.update({"empty": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}),
    lambda h: h.update({"number": 3}),
    lambda h: h.update({"a": h["logits.linear.weight"]}),
])
def test_headers_that_archlang_never_writes(change: Callable[[Header], object], tmp_path: Path) -> None:
    assert kind_of(rebuilt(change), tmp_path) == "altered-model"


PLACES = sorted({place for name, fields in json.loads(GOOD[8:HEAD]).items() if name != "__metadata__"
                 for place in fields["data_offsets"]})
"""Where tensors begin and end, in bytes behind the header."""


@pytest.mark.parametrize("place", PLACES)
def test_bytes_between_tensors_that_belong_to_none(place: int, tmp_path: Path) -> None:
    def moved(header: Header) -> None:
        for name, fields in header.items():
            if name != "__metadata__" and fields["data_offsets"][0] >= place:
                fields["data_offsets"] = [offset + 8 for offset in fields["data_offsets"]]

    data = GOOD[HEAD:]
    assert kind_of(rebuilt(moved, data[:place] + b"unread!!" + data[place:]), tmp_path) == "altered-model"


def test_keys_that_stand_there_twice(tmp_path: Path) -> None:
    again = json.dumps({"logits.linear.weight": entry(json.loads(GOOD[8:HEAD]))}).encode()
    assert kind_of(resealed(GOOD[8:HEAD].rstrip()[:-1] + b"," + again[1:]), tmp_path) == "altered-model"


def test_a_changed_text_is_an_alteration_even_where_it_is_no_network_any_more(tmp_path: Path) -> None:
    assert kind_of(GOOD.replace(b"-> relu", b"-> rely"), tmp_path) == "altered-model"


def test_strange_names_are_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(rebuilt(lambda h: h.update({"a\x1b": h.pop("logits.linear.weight")})))
    with pytest.raises(ArchError, match="a name that archlang never writes"):
        load_model(tmp_path / "m")


def test_bytes_behind_the_end(tmp_path: Path) -> None:
    assert kind_of(GOOD + b"\0", tmp_path) == "altered-model"


def test_weights_of_another_network_are_not_allocated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archlang.artefact import loading

    monkeypatch.setattr(loading, "rebuild", lambda *_: pytest.fail("the model was built"))
    wide = TEXT.replace("conv(size, 4)", "conv(size, 4096) -> conv(size, 4096)")
    text = loads(wide).text
    assert kind_of(forged(network=text), tmp_path) == "altered-model"
    assert kind_of(forged(network=text, passes=("fuse",)), tmp_path) == "altered-model"


CODED = """archlang 1
code two = words("10", "01")
network N {
  input x: [1, 4, 4]
  output x -> branches(two) { conv(1x1, WIDTH) -> conv(3x3, WIDTH) } -> energy_normalize -> sum -> global_avg_pool
           -> linear(2)
}
"""


@pytest.mark.parametrize("passes", [("extract{class=0}",), ("extract{class=0}", "fuse")])
def test_a_small_file_of_one_class_cannot_claim_a_large_network(
    passes: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archlang.artefact import loading
    from archlang.rewrite.extract import extract

    state = dict(extract(small(CODED.replace("WIDTH", "2")), [0]).state_dict())
    honest = loads(CODED.replace("WIDTH", "2")).text
    (tmp_path / "m").write_bytes(forged(state, network=honest, dials={}, passes=passes[:1]))
    load_model(tmp_path / "m")
    monkeypatch.setattr(loading, "rebuild", lambda *_: pytest.fail("the model was built"))
    claimed = loads(CODED.replace("WIDTH", "1024")).text
    assert kind_of(forged(state, network=claimed, dials={}, passes=passes), tmp_path) == "altered-model"


def test_mixed_kinds_of_numbers(tmp_path: Path) -> None:
    state = dict(small().state_dict())
    state["logits.linear.weight"] = state["logits.linear.weight"].half()
    assert kind_of(forged(state), tmp_path) == "altered-model"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers(bad: float, tmp_path: Path) -> None:
    state = {name: value.clone() for name, value in small().state_dict().items()}
    state["logits.linear.weight"][1, 2] = bad
    assert kind_of(forged(state), tmp_path) == "non-finite-model"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(ArchError) as caught:
            load_model(path)
        assert caught.value.diagnostics[0].name == "unreadable-file"


def test_limits_and_operations_are_the_callers(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(GOOD)
    load_model(tmp_path / "m", limits=replace(DEFAULT, nodes=20))
    with pytest.raises(ArchError) as caught:
        load_model(tmp_path / "m", limits=replace(DEFAULT, nodes=2))
    assert caught.value.diagnostics[0].name == "foreign-model"
    assert "nodes" in caught.value.diagnostics[0].notes[0]
    without = replace(CATALOGUE, ops={name: op for name, op in CATALOGUE.ops.items() if name != "relu"})
    with pytest.raises(ArchError):
        load_model(tmp_path / "m", catalogue=without)
