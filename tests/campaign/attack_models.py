"""Attacks by model files and checkpoints: bytes of the header and of the weights changed, lengths that are not true."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import archlang
from archlang.artefact import save
from archlang.artefact.checkpoint import read_checkpoint, write_checkpoint
from archlang.artefact.container import read_bytes
from archlang.artefact.manifest import seal
from archlang.cli.main import run
from archlang.diagnostics import ArchError
from tests.campaign.attempts import Attack

TEXT = """archlang 1
network N(classes = 3) {
  input image: [1, 8, 8]
  output image -> conv(3x3, 4) -> batch_norm -> relu -> global_avg_pool -> linear(classes)
}
"""
NUMBERS = (-1, 0, 1, 2, 64, 2**31, 2**53, 2**63, 10**30, 1e308, None, True, "", "x" * 5000, [], {}, [[]] * 3)
"""What a value of a header is exchanged for."""


def _prepare(ground: Path) -> None:
    torch.set_num_threads(1)
    model = archlang.compile(archlang.loads(TEXT)).eval()
    save(model, ground / "model.safetensors")
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    write_checkpoint(ground / "checkpoint.safetensors", state, {"epoch": 1, "rates": [0.1, 0.2]})
    # The passes are loaded here, not in each process.
    run(["fuse", str(ground / "model.safetensors"), "-o", str(ground / "fused.safetensors")])


def spoiled(data: bytes, r: random.Random) -> bytes:
    """Bytes with a few changes, or with a header that says something else; half of them with a digest that is right."""
    if r.random() < 0.4:
        data = _bytes(data, r)
    else:
        data = _header(data, r)
    if r.random() < 0.5:
        return _sealed(data)
    return data


def _sealed(data: bytes) -> bytes:
    """The same with the digest that its reader expects, where one can be told: what lies behind it is then believed."""
    try:
        return seal(data, read_bytes(data))
    except ArchError:
        return data


def _bytes(data: bytes, r: random.Random) -> bytes:
    raw = bytearray(data)
    for _ in range(r.choice((1, 1, 2, 8))):
        if not raw:  # the change before has removed all that there was
            break
        at = r.randrange(len(raw)) if r.random() < 0.5 else r.randrange(min(len(raw), 400))
        match r.randrange(5):
            case 0:
                raw[at] = r.randrange(256)
            case 1:
                del raw[at : at + r.choice((1, 8, 500))]
            case 2:
                raw[at:at] = raw[at : at + r.choice((1, 8, 500))]
            case 3:
                raw[:8] = struct.pack("<Q", r.choice((0, 1, 100, 2**24, 2**32, 2**63, 2**64 - 1)))
            case _:
                raw = raw[: max(at, 1)]
    return bytes(raw)


def _header(data: bytes, r: random.Random) -> bytes:
    """A value anywhere in the header exchanged; in the description too, which is a text in the header."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    if r.random() < 0.5:
        description = json.loads(header["__metadata__"]["archlang"])
        _change(description, r)
        header["__metadata__"]["archlang"] = json.dumps(description, separators=(",", ":"), sort_keys=True,
                                                     ensure_ascii=False)
    else:
        _change(header, r)

    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _change(tree: dict[str, Any], r: random.Random) -> None:
    """Exchange, double or remove one value, at any depth."""
    holder: Any = tree
    while True:
        key = r.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and r.random() < 0.7:
            holder = inner
            continue
        break

    match r.randrange(5):
        case 4 if isinstance(inner, str):
            at = r.randrange(len(inner) + 1)
            put = r.choice(("", inner[:3], "}", "(", "-> relu", "0", "-"))
            holder[key] = inner[:at] + put + inner[at + r.choice((0, 1, 9)) :]
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(inner, list):
            holder[key] = (inner or ["fuse"]) * r.choice((2, 100, 20_000))
        case 2 if isinstance(inner, str):
            holder[key] = inner * r.choice((2, 1000))
        case _:
            holder[key] = r.choice(NUMBERS)


def _striking(name: str, read: Callable[[Path], int]) -> Callable[[int, Path, Path], int]:
    def strike(seed: int, ground: Path, place: Path) -> int:
        file = place / name
        file.write_bytes(spoiled((ground / name).read_bytes(), random.Random(seed)))
        return read(file)

    return strike


def _model(file: Path) -> int:
    return run(["fuse", str(file), "-o", str(file.with_name("fused.safetensors"))])


def _checkpoint(file: Path) -> int:
    try:
        read_checkpoint(file)
    except ArchError as problem:
        return problem.status
    return 0


ATTACKS = (
    Attack("models", _prepare, _striking("model.safetensors", _model)),
    Attack("checkpoints", _prepare, _striking("checkpoint.safetensors", _checkpoint)),
)
