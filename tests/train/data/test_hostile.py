"""Data files that were made to do harm: nothing of a pickle is called, headers are bounded before they are read."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.train.data.formats import pickles
from archlang.train.data.formats.catalogue import FORMATS
from archlang.train.data.formats.pickle_arrays import BrokenPickle, Draft, array_of
from archlang.train.data.formats.tar import BrokenArchive, members
from archlang.train.data.sources import find
from tests.campaign.archives import campaign
from tests.train.data import archives


def refused(data: str) -> tuple[str, str]:
    with pytest.raises(ArchError) as caught:
        find(data)
    first = caught.value.diagnostics[0]
    return first.name, first.message + " ".join(first.help)


# --- pickles ---------------------------------------------------------------------------------------------------------

PLAIN: dict[str, Any] = {
    "numbers": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**63, -(2**63) - 1, 10**100, 0.5, -1e300],
    "none and others": [None, True, False],
    "texts": ["", "a", "ü" * 300, "line\nend", "\\ 'both\" quotes", "x" * 70000],
    "bytes": [b"", b"a", bytes(range(256)), b"x" * 70000],
    "nested": {"a": [1, (2, 3), {"b": ()}], "c": {}, "d": [], "e": ((1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))},
}
shared = ["again"]
PLAIN["shared"] = [shared, shared, {"k": shared}]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", list(PLAIN))
def test_plain_values_are_read_as_python_reads_them(kind: str, protocol: int) -> None:
    value = PLAIN[kind]
    if kind == "bytes" and protocol < 3:
        value = value[1:]  # no bytes are written as a call that is not needed
    raw = pickle.dumps(value, protocol)
    assert pickles.loads(raw) == pickle.loads(raw)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["u1", "i4", "<i8", ">f4", "f8", "?", "u2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_as_numpy_reads_them(kind: str, order: str, protocol: int) -> None:
    array = numpy.asarray(numpy.arange(24).reshape(2, 3, 4).astype(kind), order=order)  # type: ignore[call-overload]
    raw = pickle.dumps({"a": array}, protocol)
    if protocol == 0:
        raw = pickle.dumps({"a": array}, 1)  # texts of protocol 0 are Python 2's; CIFAR's are of protocol 2
    found = array_of(pickles.loads(raw)["a"])
    assert numpy.array_equal(found, array) and found.dtype == array.dtype


def test_texts_of_python_2() -> None:
    old = b"(dp0\nS'data'\np1\nS'\\x00\\xff\\\\ \\' \\n'\np2\nsS\"la'bels\"\np3\n(lp4\nI3\naI01\naL12L\naF0.5\naNas."
    assert pickles.loads(old) == pickle.loads(old, encoding="bytes")


class Calls:
    """Whose pickle calls something when it is read."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.how = function, arguments

    def __reduce__(self) -> Any:
        return self.how


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", [
    Calls(os.system, "true"), Calls(exec, "raise SystemExit"), Calls(numpy.ndarray, (3,), "O"), Calls(bytes, 10**12),
    Calls(numpy.frombuffer, b"12345678", "O"), numpy.float64(3), numpy.array([object()], object), Path("x"), {1, 2},
    numpy.zeros(2, [("a", "i4")]), numpy.array(["text"]), 1j, bytearray(b"x"), Calls(numpy.dtype, "O"), print,
])
def test_what_a_pickle_may_not_hold(value: Any, protocol: int) -> None:
    """It is refused, or comes as bytes, or stays a draft that is no array."""
    raw = pickle.dumps({"a": value}, protocol)
    try:
        found = pickles.loads(raw)["a"]
        array_of(found)
    except BrokenPickle:
        return
    assert isinstance(value, bytearray)


NUMPY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
OBJECTS = b"cnumpy\ndtype\n(U\x02O8K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
BYTES = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


@pytest.mark.parametrize(("array", "told"), [
    (NUMPY + b"(K\x01(K\x01t" + OBJECTS + b"\x89U\x08AAAAAAAAtb", "another type than numbers"),
    (NUMPY + b"(K\x01(K\x01t" + BYTES.replace(b"u1", b"V9") + b"\x89U\x09AAAAAAAAAtb", "another type than numbers"),
    (NUMPY + b"(K\x01(K\x09t" + BYTES + b"\x89U\x08AAAAAAAAtb", r"an array \[9\] of 8 bytes"),
    (NUMPY + b"(K\x01(J\xff\xff\xff\xfft" + BYTES + b"\x89U\x08AAAAAAAAtb", "a shape that is none"),
    (NUMPY + b"(K\x01(\x8a\x09" + bytes(8) + b"\x01K\x00t" + BYTES + b"\x89U\x00tb", "an empty array"),
    (NUMPY + b"(K\x01(K\x01t" + BYTES + b"\x89]tb", "something else than bytes"),
    (NUMPY + b"(K\x01(K\x01tU\x02O8\x89U\x08AAAAAAAAtb", "without a type"),
    (NUMPY, "without contents"),
    (b"cnumpy\ndtype\n(U\x02O8K\x00K\x01tR", "something else than an array"),
])
def test_arrays_over_other_memory_are_never_made(array: bytes, told: str) -> None:
    with pytest.raises(BrokenPickle, match=told):
        array_of(pickles.loads(b"\x80\x02}U\x01a" + array + b"s.")[b"a"])


@pytest.mark.parametrize("program", [
    b"", b"\x80\x09.", b"\x80\x02", b"(.", b"0.", b"a.", b"]K\x01K\x02a.", b"K\x01b.", b"K\x01K\x02R.", b"h\x00.",
    b"}]K\x01s.", b"}(K\x01u.", b"T\xff\xff\xff\xff.", b"B\xff\xff\xff\xff.", b"\x8e" + b"\xff" * 8 + b".",
    b"I1", b"Ix\n.", b"I" + b"9" * 5000 + b"\n.", b"L" + b"9" * 5000 + b"L\n.", b"\x8b\xff\xff\xff\x7f.", b"Fx\n.",
    b"S'x\n.", b"S'\\q'\n.", b"X\x02\x00\x00\x00\xff\xff.", b"V\\ud800\\u\n.", b"cos\nsystem\n.", b"\x8c\x01a]\x93.",
    b"P0\n.", b"Q.", b"\x82\x01.", b"\x81.", b"\x92.", b"o.", b"\x98.", b"\x97.", b"2.", b"\x8f.", b"\x90.", b"\xff.",
])
def test_programs_that_are_no_pickle(program: bytes) -> None:
    with pytest.raises(BrokenPickle):
        pickles.loads(program)


@pytest.mark.parametrize("back", range(1, 16))
def test_a_negative_length_goes_nowhere(back: int) -> None:
    """Whose bytes would be read again, as opcodes: the first of them ends the program."""
    with pytest.raises(BrokenPickle, match="cut off"):
        pickles.loads(b"C\x0f" + b"." * 15 + b"T" + struct.pack("<i", -5 - back) + b".")


@pytest.mark.parametrize("nested", [b"(" * 2 + b"]" * 300_000 + b"a" * 299_999, b"K\x01" + b"\x85" * 300_000,
                                    NUMPY + (b"\x85" + b"0" + NUMPY) * 10 + b"\x85" * 100_000])
def test_deep_values_take_no_stack(nested: bytes) -> None:
    assert pickles.loads(nested + b".") is not None


def test_work_and_memory_are_bounded() -> None:
    with pytest.raises(BrokenPickle, match="steps"):
        pickles.loads(b"N0" * 3_000_000 + b".")
    raw = b"(U\x0812345678q\x00" + (NUMPY + b"(K\x01(K\x08t" + BYTES + b"\x89h\x00tb") * 200 + b"l."
    drafts = pickles.loads(raw)
    assert all(isinstance(draft, Draft) for draft in drafts[1:])
    assert not array_of(drafts[1]).flags.writeable


def test_labels_past_64_bits(tmp_path: Path) -> None:
    for number in (2**64, 10**100, -(2**70)):
        folder = archives.cifar10(tmp_path / str(number)[:5])
        table = {**archives.batch(4), b"labels": [1, 2, 3, number]}
        archives.write(folder / "cifar-10-batches-py" / "data_batch_2", table)
        name, said = refused(f"cifar10:{folder}")
        assert name == "bad-data" and f"the label {number}"[:40] in said


# --- archives --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 70_000])
def test_members_are_those_of_pythons_own_reader(form: int, size: int) -> None:
    stream, random = io.BytesIO(), numpy.random.default_rng(size)
    names = ["a", "folder/b", "deep/" * 20 + "c" * 60, "y" * 99, "z" * 101 if form != tarfile.USTAR_FORMAT else "z"]
    names += ["ü/ö"] if form != tarfile.USTAR_FORMAT else []
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            raw = random.integers(0, 256, size, dtype=numpy.uint8).tobytes()
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
            link = tarfile.TarInfo(f"{name[:50]}.link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        expected = [(m.name, tar.extractfile(m).read()) for m in tar if m.isfile()]  # type: ignore[union-attr]
    stream.seek(0)
    assert [(m.path, m.read()) for m in members(stream, 1 << 30)] == expected


def header(kind: bytes, size: int, name: bytes = b"data_batch_1") -> bytes:
    """A tar header with a right checksum, whatever it says."""
    raw = bytearray(512)
    raw[: len(name)] = name
    raw[100:108], raw[257:265] = b"0000644\0", b"ustar\x0000"
    raw[124:136] = f"{size:011o}\0".encode() if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    raw[156:157] = kind
    raw[148:156] = b" " * 8
    raw[148:156] = f"{sum(raw):06o}\0 ".encode()
    return bytes(raw)


@pytest.mark.parametrize("place", range(512))
def test_a_header_of_which_one_bit_is_another_is_refused(place: int) -> None:
    good = header(b"0", 3) + b"abc".ljust(512, b"\0")
    assert [member.path for member in members(io.BytesIO(good), 1 << 20)] == ["data_batch_1"]

    spoiled = bytearray(good)
    spoiled[place] ^= 1
    with pytest.raises(BrokenArchive):
        list(members(io.BytesIO(spoiled), 1 << 20))
    # The last byte of the sum's place stands behind its end: Python's reader does not look at it.
    if place != 155:
        with pytest.raises(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(spoiled)):
            pass


@pytest.mark.parametrize("kind", [b"x", b"g", b"L"])
@pytest.mark.parametrize("size", [1 << 31, 1 << 40, (1 << 88) - 1, (1 << 16) + 1])
def test_long_headers_are_refused_before_they_are_read(kind: bytes, size: int, tmp_path: Path) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header(kind, size))
        for _ in range(64):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    start = time.perf_counter()
    name, said = refused(f"cifar10:{path}")
    assert (name, "bytes; at most 65536 are read" in said) == ("bad-data", True)
    assert time.perf_counter() - start < 2
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("raw", [
    b"x" * 512, b"", header(b"0", 100)[:300], header(b"0", 1 << 60), header(b"0", 100) + bytes(50),
    header(b"x", 20) + b"99 path=x\n" + bytes(502), header(b"x", 20) + b"0 path=x\n" + bytes(503),
    header(b"x", 20) + b"no record" + bytes(503), header(b"x", 512) + b"19 size=1e9999999\n\n" + bytes(493),
    header(b"0", 1)[:124] + b"zzzzzzzzzzzz" + header(b"0", 1)[136:], b"\x1f\x8b" + b"x" * 600, b"BZh9" + b"x" * 600,
    b"\xfd7zXZ\0" + b"x" * 600,
])
def test_junk_for_archives(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(raw)
    for name in ("cifar10", "cifar100", "stl10"):
        assert refused(f"{name}:{tmp_path / 'a.tar'}")[0] in ("bad-data", "unknown-data")


def test_an_archive_unpacks_to_a_bound(tmp_path: Path) -> None:
    stream = io.BytesIO(header(b"0", 2000, b"other") + bytes(2048) + header(b"0", 4, b"late") + bytes(512))
    with pytest.raises(BrokenArchive, match="more than 2000 bytes"):
        list(members(stream, 2000))
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    archives.mnist(tmp_path, ".gz")
    path.write_bytes(gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 2**31, 2**31) + bytes(1000)))
    assert refused(f"mnist:{tmp_path}")[0] == "bad-data"


@pytest.mark.parametrize("sizes", [(0, 28, 28), (12, 0, 28), (12, 28, 0), (0, 0, 0)])
def test_mnist_of_no_size(sizes: tuple[int, ...], tmp_path: Path) -> None:
    archives.mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, *sizes))
    name, said = refused(f"mnist:{tmp_path}")
    assert name == "bad-data" and "one of its sizes is zero" in said


# --- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("place", ["~nosuchuser/data", "a\0b", "x" * 5000, "/dev/null", "/dev/zero", "/proc/self/mem"])
def test_places_that_are_none(name: str, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(f"{name}:{place}")[0] in ("unknown-data", "bad-data")


def test_a_pipe_in_the_place_of_a_file(tmp_path: Path) -> None:
    archives.mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    os.mkfifo(tmp_path / "t10k-labels-idx1-ubyte")
    assert refused(f"mnist:{tmp_path}")[0] == "unknown-data"
    os.mkfifo(tmp_path / "pipe")
    assert refused(f"cifar10:{tmp_path / 'pipe'}")[0] in ("unknown-data", "bad-data")


def test_the_command_line_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.arch").write_text(
        "archlang 1\nnetwork N {\n  input x: [1, 4, 4]\n  y = x -> flatten -> linear(2)\n  output y\n}\n"
        "train { loss = cross_entropy(y, label); optimizer = sgd(lr = 0.1); phase all { epochs = 1 } }\n")
    for data in ("mnist:~nosuchuser", "folder:/dev/null", "cifar10:a\0b", "folder:" + "x" * 5000, "digit", ":", "a:",
                 ":b", ".:f", "..:f", "no-module:f", "json:nothing", "json:__name__"):
        assert run(["train", str(tmp_path / "net.arch"), "--data", data, "--run", str(tmp_path / "run")]) == 1, data
        err = capsys.readouterr().err
        assert err.startswith(("error[unknown-data]", "error[bad-data]")) and len(err) < 1200
    assert not (tmp_path / "run").exists()


# --- the campaign, in small ------------------------------------------------------------------------------------------


def test_spoiled_files_are_read_or_refused() -> None:
    outcomes, faults = campaign(150, first=5_000_000)
    assert faults == []
    assert outcomes["read"] > 10 and outcomes["refused"] > 50


def test_the_campaign_notices_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"]
    killed = subprocess.run(words, capture_output=True, text=True)
    monkeypatch.setattr(subprocess, "run", lambda *words, **more: killed)
    _, faults = campaign(10)
    assert faults == ["seeds 0 to 9: status -11: "]
