"""Data of a user's function in every shape that people, and their mistakes, give it: it works, or is `bad-data`."""

from __future__ import annotations

import collections
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.train import Data, Tensors, evaluate, fit
from archlang.train.data.sources import find

NET = """archlang 1
network Points {
  input x: [3, 4, 4]
  logits = x -> conv(3x3, 4) -> relu -> flatten -> linear(2)
  output logits
}
train { loss = cross_entropy(logits, label); optimizer = sgd(lr = 0.1); batch = 8; phase all { epochs = 2 } }
"""
X = numpy.random.default_rng(0).normal(0, 1, (40, 3, 4, 4)).astype("f")
Y = (X[:, 0, 0, 0] > 0).astype("i8")
T, L = torch.from_numpy(X), torch.from_numpy(Y)


class Rows(torch.utils.data.Dataset):
    """A data set in order; its parts are changed one at a time."""

    def __init__(self, sample: Callable[[int], Any] = lambda i: X[i], count: Any = 40, **more: Any) -> None:
        self.sample, self.count = sample, count
        for name, value in more.items():
            setattr(self, name, value)

    def __len__(self) -> int:
        return self.count() if callable(self.count) else self.count

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.sample(index), int(Y[index])


def spoiled(index: int, what: Callable[[int], Any]) -> Rows:
    """A data set one of whose samples is another."""
    return Rows(lambda i: what(i) if i == index else X[i])


def raising(problem: BaseException) -> Any:
    raise problem


class Evil(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class Aborting(BaseException):
    pass


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        return itertools.repeat((X[0], 0))


class EndlessWithLength(Endless):
    def __len__(self) -> int:
        return 40


class Table:
    """Like a data frame: it has a length, and is read by the names of its columns."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, key: object) -> object:
        return {"image": X}[key]


class Classes(Rows):
    @property
    def classes(self) -> Any:
        raise RuntimeError("evil")


class OddSplit:
    def __len__(self) -> int:
        return 40

    def batch(self, indices: Any) -> Any:
        return T[:3], L[:2]


def growing(start: int) -> Callable[[int], Any]:
    """Samples that are smaller from the `start`th reading on."""
    count = itertools.count()
    return lambda i: X[i] if next(count) < start else X[i][:, :3, :3]


REFUSED: dict[str, tuple[Any, str]] = {
    "an item fails": (spoiled(13, lambda i: raising(KeyError("x"))), "reading item 13 of the data failed: KeyError"),
    "an item exits": (spoiled(13, lambda i: sys.exit(3)), "reading item 13 of the data failed: SystemExit: 3"),
    "an item aborts": (spoiled(13, lambda i: raising(Aborting())), "reading item 13 of the data failed: Aborting"),
    "an item stops": (spoiled(13, lambda i: raising(StopIteration())), "item 13 of the data failed: StopIteration"),
    "an item without words": (spoiled(13, lambda i: raising(Evil())), "reading item 13 of the data failed: Evil"),
    "an item of another size": (spoiled(13, lambda i: X[i][:, :3]), r"item 13 has \[3, 3, 4\]"),
    "an item of another rank": (spoiled(13, lambda i: X[i][0]), r"item 13 has \[4, 4\]"),
    "an item of another kind": (spoiled(13, lambda i: "text"), "item 13: a sample is neither"),
    "an item that is sparse": (spoiled(13, lambda i: T[i].to_sparse()), "item 13: a sample is a tensor of .*sparse"),
    "an item of no values": (spoiled(13, lambda i: T[i].to("meta")), "item 13: a sample is a tensor of .*meta"),
    "a complex item": (spoiled(13, lambda i: T[i] * 1j), "item 13: a sample is a tensor of .*complex"),
    "an item of objects": (spoiled(13, lambda i: X[i].astype(object)), "item 13: a sample is an array of objects"),
    "an item of texts": (spoiled(13, lambda i: X[i].astype(str)), "item 13: a sample is an array of texts"),
    "an item of records": (spoiled(13, lambda i: numpy.zeros(3, [("a", "f4")])), "item 13: .* array of records"),
    "a masked item": (spoiled(13, lambda i: numpy.ma.masked_array(X[i], X[i] > 0)), "item 13: .* masked array"),
    "a number": (spoiled(13, lambda i: numpy.array(1.0)), "item 13: a sample is a single number"),
    "an empty item": (spoiled(13, lambda i: X[i][:, :0]), "item 13: a sample is empty"),
    "an image of unknown range": (
        spoiled(13, lambda i: Image.fromarray(numpy.full((4, 4), 9, "f"))), "item 13: .*range is not known"),
    "items that change": (Rows(growing(60)), "the samples differ in size: item [0-9]+ has .*, the first has"),
    "no length": (Rows(count=lambda: raising(RuntimeError("x"))), r"`__len__`\) failed: RuntimeError"),
    "a negative length": (Rows(count=-4), r"`__len__`\) failed: ValueError"),
    "a length of a half": (Rows(count=3.5), r"`__len__`\) failed: TypeError"),
    "a length without end": (Rows(count=10**30), r"`__len__`\) failed: OverflowError"),
    "a length past all data": (Rows(count=10**12), "at most 20000000 are read"),
    "a length too long": (Rows(count=60), "reading item 4[0-9] of the data failed: IndexError"),
    "nothing": (Rows(count=0), "has 0 samples"),
    "one item": (Rows(count=1), "has 1 samples"),
    "a generator": (((x, 0) for x in X), r"is no data \(generator\)"),
    "counting": (itertools.count(), r"is no data \(count\)"),
    "a stream": (Endless(), "a stream does not say how long it is"),
    "a stream with a length": (EndlessWithLength(), "gives one stream, which cannot be divided"),
    "a table": (Table(), "reading item 0 of the data failed: KeyError"),
    "a dict": ({"x": X, "y": Y}, "samples have `y`, which the network does not read"),
    "a part twice": ({"train": (X, Y), "val": (X, Y), "Valid": (X, Y)}, "the key `Valid`, .* or twice"),
    "no other part": ({"train": (X, Y)}, "without a training part, or without another"),
    "a text": ("moons and more", "no data set is called"),
    "nothing at all": (None, r"is no data \(NoneType\)"),
    "a set": ({1, 2}, r"is no data \(set\)"),
    "items that are tables": ([{"image": x, "label": 0} for x in X], "the network reads `x`, and samples have `image`"),
    "triples": ([(x, 0, 0) for x in X], "item 0 of the data is no pair"),
    "lists": ((X.tolist(), Y.tolist()), "no pair of a sample and a label"),
    "fewer labels": ((X, Y[:39]), "no label for each sample"),
    "sparse tensors": ((T.to_sparse(), L), "the array of samples .*sparse"),
    "tensors of no values": ((T.to("meta"), L), "the array of samples .*meta"),
    "labels of no values": ((T, L.to("meta")), "the array of labels .*meta"),
    "complex tensors": ((T * 1j, L), "the array of samples .*complex"),
    "objects": ((X.astype(object), Y), "an array of objects"),
    "texts": ((X.astype(str), Y), "an array of texts"),
    "NaN": ((numpy.where(X[13, 0, 0, 0] == X, numpy.nan, X), Y), "item 13 of the data holds NaN or infinity"),
    "an item of NaN": (spoiled(13, lambda i: X[i] * numpy.nan), "item 13: a sample holds NaN"),
    "no pixels": ((X[:, :, :0], Y), "in other proportions"),
    "other proportions": ((X[:, :, :3], Y), "in other proportions"),
    "channels last": ((X.transpose(0, 2, 3, 1), Y), "channels first|wants 3 channels"),
    "channels last, undeclared": ([(x.transpose(1, 2, 0), 0) for x in X], "wants 3 channels"),
    "an unknown layout": (Rows(layout="NCHW"), "layout 'NCHW'"),
    "names that fail": (Classes(), r"`classes`\) failed: RuntimeError"),
    "names twice": (Rows(classes=("cat", "cat")), "two classes called `cat`"),
    "names to hide": (Rows(classes=("\x1b[31m", "dog")), "cannot be shown"),
    "data of nothing": (Data("x", None, None), r"no split \(NoneType\)"),  # type: ignore[arg-type]
    "data whose batches are not": (Data("x", OddSplit(), OddSplit()), "gave 3 samples and 2 labels"),
    "images with images as labels": (
        [(Image.new("RGB", (4, 4)), Image.new("L", (4, 4)))] * 40, "label that is no number"),
    "images that would be cut, not their maps": (
        [(Image.new("RGB", (8, 4)), numpy.zeros((4, 4), int))] * 40, "would be cut, its label map not"),
}

READ: dict[str, Callable[[], Any]] = {
    "gradients": lambda: (T.clone().requires_grad_(), L),
    "parameters": lambda: (torch.nn.Parameter(T), L),
    "channels last in memory": lambda: (T.to(memory_format=torch.channels_last), L),
    "doubles": lambda: (X.astype("f8"), Y),
    "long doubles": lambda: (X.astype("g"), Y),
    "other bytes first": lambda: (X.astype(">f4"), Y),
    "memory backwards": lambda: (X[:, :, ::-1][:, :, ::-1], Y),
    "memory that may not be written": lambda: (numpy.frombuffer(X.tobytes(), "f").reshape(X.shape), Y),
    "Fortran's memory": lambda: (numpy.asfortranarray(X), Y),
    "lists of labels": lambda: (X, Y.tolist()),
}
"""Forms of the same numbers: they train to the same losses as plain arrays."""

ITEMS: dict[str, Callable[[], Any]] = {
    "a list": lambda: list(zip(X, Y, strict=True)),
    "a deque": lambda: collections.deque(zip(X, Y, strict=True)),
    "tensors": lambda: torch.utils.data.TensorDataset(T, L),
    "a loader": lambda: torch.utils.data.DataLoader(torch.utils.data.TensorDataset(T, L)),
    "gradients": lambda: Rows(lambda i: T[i].clone().requires_grad_() * 1),
    "channels last": lambda: Rows(lambda i: X[i].transpose(1, 2, 0), layout="HWC"),
    "a length too short at first": lambda: Rows(count=40),
}


@pytest.mark.parametrize("kind", list(REFUSED))
def test_data_that_is_refused(kind: str) -> None:
    data, told = REFUSED[kind]
    with pytest.raises(ArchError, match=told) as caught:
        fit(loads(NET), data, device="cpu")
    assert {d.name for d in caught.value.diagnostics} <= {"bad-data", "unknown-data"}
    assert caught.value.status == 1


@pytest.mark.parametrize("kind", list(READ))
def test_forms_of_the_same_arrays(kind: str) -> None:
    plain, other = (fit(loads(NET), data, device="cpu").history for data in ((X, Y), READ[kind]()))
    assert [e.train_loss for e in other] == [e.train_loss for e in plain]


@pytest.mark.parametrize("kind", list(ITEMS))
def test_forms_of_the_same_items(kind: str) -> None:
    plain, other = (fit(loads(NET), data, device="cpu").history for data in (Rows(), ITEMS[kind]()))
    assert [e.train_loss for e in other] == [e.train_loss for e in plain]


@pytest.mark.parametrize(("kind", "scale"), [("u1", 255), ("u2", 65535), ("i4", 1), ("?", 1), ("f2", 1)])
def test_bytes_are_scaled_and_other_numbers_stay(kind: str, scale: int) -> None:
    values = (numpy.arange(40 * 48).reshape(40, 3, 4, 4) % 2 * (scale if kind[0] == "u" else 1)).astype(kind)
    for data in ((values, Y), list(zip(values, Y, strict=True))):
        assert set(find(data).train.batch(range(8))[0].unique().tolist()) == {0.0, 1.0}


def test_parts_by_name_and_three_in_a_row() -> None:
    table = find({"Train": (X, Y), "valid": (X[:10], Y[:10]), "test": (X[:8], Y[:8])})
    row = find(((X, Y), (X[:10], Y[:10]), (X[:8], Y[:8])))
    for data in (table, row):
        assert data.validation is not None
        assert (len(data.train), len(data.validation), len(data.test)) == (40, 10, 8)


def test_names_of_two_parts_are_matched() -> None:
    words = numpy.array(["dog", "cat"])
    only = numpy.array(["dog"] * 8)
    data = find(((X, words[Y]), (X[:8], only)))
    assert data.classes == ("cat", "dog")
    assert data.test.batch(range(8))[1].tolist() == [1] * 8
    with pytest.raises(ArchError, match="class `cow`"):
        find(((X, words[Y]), (X[:8], numpy.array(["cow"] * 8))))
    trained = fit(loads(NET), (Rows(classes=("dog", "cat")), Rows(classes=("dog", "cat"))), device="cpu").model
    other = Rows(lambda i: X[i], classes=("cat", "dog"))
    ours, theirs = (evaluate(trained, (d, d), device="cpu") for d in (Rows(classes=("dog", "cat")), other))
    assert [c.samples for c in theirs.classes] == [c.samples for c in ours.classes][::-1]


def test_arrays_lie_as_they_are_declared() -> None:
    """Three planes of three rows and columns: nothing tells channels from columns but the declaration."""
    boards = numpy.arange(27, dtype="f").reshape(3, 3, 3)
    plain = find([(boards, 0)] * 10).train.batch([0])[0][0]
    last = find(Rows(lambda i: boards, layout="HWC")).train.batch([0])[0][0]
    assert torch.equal(plain, torch.from_numpy(boards))
    assert torch.equal(last, torch.from_numpy(boards).permute(2, 0, 1))
    assert find([(numpy.zeros((16, 4, 4), "f"), 0)] * 10).train.batch([0])[0].shape == (1, 16, 4, 4)


def test_what_user_code_sets_for_itself_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sets_defaults.py").write_text(
        "import numpy, torch\n"
        "torch.set_default_dtype(torch.float64)\n"
        "def data():\n    torch.set_default_device('meta')\n"
        "    return numpy.zeros((10, 3), 'f'), numpy.arange(10) % 2\n"
    )
    find("sets_defaults:data")
    assert (torch.get_default_dtype(), torch.get_default_device().type) == (torch.float32, "cpu")


@pytest.mark.parametrize(("body", "told"), [
    ("raise RuntimeError('\\x1b[31mred\\x07\\u202e\\nsecond')", "RuntimeError: <U+001B>[31mred<U+0007><U+202E> second"),
    ("import sys; sys.exit(7)", "SystemExit: 7"),
    ("raise KeyboardInterrupt.__base__('x')", "BaseException: x"),
    ("return f()", "RecursionError"),
    ("raise MemoryError", "MemoryError"),
    ("return (i for i in range(3))", "no data (generator)"),
    ("class E(Exception):\n        def __str__(self): raise ValueError\n    raise E", "failed: E"),
])
def test_a_function_that_fails_from_the_command_line(
    body: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "failing_data", raising=False)
    (tmp_path / "net.arch").write_text(NET)
    (tmp_path / "failing_data.py").write_text(f"def f():\n    {body}\n")
    assert run(["train", "net.arch", "--data", "failing_data:f", "--run", "run", "--device", "cpu"]) == 1
    err = capsys.readouterr().err
    assert told in err and not any(ord(c) < 32 and c != "\n" for c in err)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["import sys; sys.exit(7)", "raise RuntimeError", "1 /", "\0", "import no_such_thing"])
def test_a_module_that_fails(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "failing_module", raising=False)
    (tmp_path / "failing_module.py").write_text(text + "\ndef f(): return 1\n")
    (tmp_path / "net.arch").write_text(NET)
    assert run(["train", "net.arch", "--data", "failing_module:f", "--run", "run", "--device", "cpu"]) == 1
    assert "failing_module:f" in capsys.readouterr().err


def test_plain_tensors_stay_plain() -> None:
    data = find((T.clone().requires_grad_(), L))
    assert isinstance(data.train, Tensors)
    assert not data.train.samples.requires_grad


def test_data_of_the_users_own_making_is_checked_too() -> None:
    odd = Data("odd", Tensors(T.clone().requires_grad_(), L.to(torch.uint8)), Tensors(T, L.bool()))
    losses = [e.train_loss for e in fit(loads(NET), odd, device="cpu").history]
    assert losses == [e.train_loss for e in fit(loads(NET), ((X, Y), (X, Y)), device="cpu").history]
    for data, told in (
        (Data("x", Tensors(T * 1j, L), Tensors(T, L)), "complex"),
        (Data("x", Tensors(T * float("nan"), L), Tensors(T, L)), "item 0 of the data holds NaN"),
        (Data("x", Tensors(T, L), Tensors(T, L), 5), "no list of names"),  # type: ignore[arg-type]
        (Data("x", Tensors(T, L), Tensors(T, L), ("a", "a")), "two classes called `a`"),
    ):
        with pytest.raises(ArchError, match=told):
            find(data)
