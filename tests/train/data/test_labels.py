"""Labels in all usual forms: each trains as the plain numbers do, or is refused with the item; augmented too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.train import evaluate, fit
from archlang.train.data.labels import ClassOutput, as_class_numbers

NET = """archlang 1
network Points {
  input x: [1, 4, 4]
  logits = x -> conv(3x3, 4) -> relu -> flatten -> linear(2)
  output logits
}
train { loss = %s(logits, label); optimizer = sgd(lr = 0.1); batch = 8; phase all { epochs = 2 } }
"""
RANDOM = numpy.random.default_rng(0)
X = RANDOM.normal(0, 1, (40, 1, 4, 4)).astype("f")
Y = (X[:, 0, 0, 0] > 0).astype("i8")
WORDS = numpy.array(["cat", "dog"])[Y]


def items(label: Callable[[int], Any]) -> list[tuple[numpy.ndarray, Any]]:
    return [(x, label(int(y))) for x, y in zip(X, Y, strict=True)]


FORMS: dict[str, Callable[[], Any]] = {
    **{f"array of {kind}": lambda kind=kind: (X, Y.astype(kind)) for kind in (
        "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?", ">i4", ">f8", "g")},
    **{f"tensor of {kind}": lambda kind=kind: (torch.from_numpy(X), torch.from_numpy(Y).to(kind)) for kind in (
        torch.int8, torch.int32, torch.uint8, torch.uint16, torch.bool, torch.float16, torch.bfloat16, torch.float64)},
    "column": lambda: (X, Y[:, None]),
    "column of floats": lambda: (X, Y[:, None].astype("f")),
    "words": lambda: (X, WORDS),
    "column of words": lambda: (X, WORDS[:, None]),
    "bytes": lambda: (X, WORDS.astype("S")),
    "objects that are words": lambda: (X, WORDS.astype(object)),
    "objects that are numbers": lambda: (X, Y.astype(object)),
    "list": lambda: (X, Y.tolist()),
    "list of words": lambda: (X, WORDS.tolist()),
    "tuple of floats": lambda: (torch.from_numpy(X), tuple(map(float, Y))),
    "one-hot": lambda: (X, numpy.eye(2, dtype="i8")[Y]),
    "one-hot floats": lambda: (X, numpy.eye(2)[Y]),
    "one-hot bools": lambda: (X, numpy.eye(2, dtype="?")[Y]),
    "gradient": lambda: (X, torch.from_numpy(Y).float().requires_grad_()),
    "reversed memory": lambda: (X[::-1], Y[::-1]),
}

ITEMS: dict[str, Callable[[int], Any]] = {
    "int": int, "bool": bool, "float": float, "numpy int": numpy.int32, "numpy bool": numpy.bool_,
    "numpy float": numpy.float16, "tensor": torch.tensor, "column": lambda y: [y], "one-hot": lambda y: [1 - y, y],
    "one-hot array": lambda y: numpy.eye(2)[y], "word": lambda y: ("cat", "dog")[y],
    "numpy word": lambda y: WORDS[list(Y).index(y)], "bytes": lambda y: (b"cat", b"dog")[y],
}


def figures(data: Any, loss: str = "cross_entropy") -> tuple[list[float], float | None, tuple[str, ...] | None]:
    result = fit(loads(NET % loss), data, device="cpu")
    found = evaluate(result.model, data, device="cpu")
    return [epoch.train_loss for epoch in result.history], found.accuracy, result.model.archlang.labels


@pytest.mark.parametrize("form", list(FORMS))
def test_arrays_of_labels(form: str) -> None:
    data = FORMS[form]()
    if form == "reversed memory":
        expected = figures((X[::-1].copy(), Y[::-1].copy()))
    elif "one-hot" in form or "float" in form or "f" in form.split()[-1] or form in ("array of g", "gradient"):
        # Fractions are divided as they come, whole numbers by class: train on the same division.
        halves = (X[:32], Y[:32]), (X[32:], Y[32:])
        expected = figures(halves)
        samples, labels = data
        data = (samples[:32], labels[:32]), (samples[32:], labels[32:])
    else:
        expected = figures((X, Y))
    losses, accuracy, names = figures(data)
    assert (losses, accuracy) == (expected[0], expected[1])
    assert names == (("cat", "dog") if "words" in form or form == "bytes" else None)


@pytest.mark.parametrize("form", list(ITEMS))
def test_labels_of_items(form: str) -> None:
    losses, accuracy, names = figures(items(ITEMS[form]))
    assert (losses, accuracy) == figures(items(int))[:2]
    assert names == (("cat", "dog") if "word" in form or form == "bytes" else None)


def test_probabilities_are_those_of_torch() -> None:
    soft = RANDOM.dirichlet((1, 1), 40)
    net = loads(NET % "cross_entropy")
    model = fit(net, ((X, soft), (X, soft)), device="cpu").model
    record = model.archlang
    assert record.mean is not None
    inputs = (torch.from_numpy(X) - torch.tensor(record.mean)) / torch.tensor(record.std)
    expected = torch.nn.functional.cross_entropy(model(inputs), torch.from_numpy(soft).float())
    found = evaluate(model, ((X, soft), (X, soft)), device="cpu")
    assert found.loss == pytest.approx(float(expected.detach()), rel=1e-5)


@pytest.mark.parametrize(("data", "told"), [
    ((X, Y + 0.5), "there is the label [01].5"),
    ((X, numpy.zeros((40, 3), "i8")), "3 numbers, and the network tells 2 classes apart"),
    ((X, numpy.ones((40, 2), "i8")), "neither one-hot nor probabilities"),
    ((X, numpy.full(40, 2**64 - 1, "u8")), "larger than 64-bit integers hold"),
    ((X, numpy.where(numpy.arange(40) == 13, numpy.nan, Y)), "the label of item 13 is NaN"),
    ((X, Y.astype("c8")), "an array of complex numbers"),
    ((X, Y.astype("M8[s]")), "an array of dates"),
    ((X, numpy.array([[1], [1, 2]] * 20, object)), "differ in kind or shape"),
    (items(lambda y: 10**30), "item 0 has a label that is no number, or one past 64 bits"),
    (items(lambda y: object()), "item 0 has a label that is no number"),
    (items(lambda y: [0.5, float("inf")]), "the label of item 0 is NaN or infinite"),
    ([(x, "cat" if n else 1) for n, x in enumerate(X)], "item [0-9]+ has the label `cat`, which is no class"),
    ([(x, 1 if n == 5 else "cat") for n, x in enumerate(X)], "item 5 has a label that is no name"),
    ([(x, [0] * (n + 1)) for n, x in enumerate(X)], "differ in size|classes apart|one-hot"),
    (items(lambda y: None), "the data has no labels"),
])
def test_labels_that_are_none(data: Any, told: str) -> None:
    with pytest.raises(ArchError, match=told) as caught:
        fit(loads(NET % "cross_entropy"), data, device="cpu")
    assert caught.value.diagnostics[0].name == "bad-data"
    assert caught.value.status == 1


def test_fractions_are_for_losses_of_numbers() -> None:
    """Whole floats stay numbers where no loss reads classes: a target of 250000.0 is no class."""
    target = (Y * 250_000.0)[:, None]
    net = loads(NET.replace("linear(2)", "linear(1)") % "mse")
    result = fit(net, ((X, target), (X, target)), epochs=1, device="cpu")
    assert evaluate(result.model, ((X, target), (X, target)), device="cpu").loss > 1e9


def test_forms_of_label_maps() -> None:
    maps, axes = torch.randint(0, 3, (2, 5, 5)), ClassOutput(3, 4)
    one_hot = torch.nn.functional.one_hot(maps, 3).movedim(-1, 1)
    for form in (maps, maps.float(), maps[:, None], maps[:, None].float(), one_hot, one_hot.float()):
        assert torch.equal(as_class_numbers(form, axes), maps)
    sequences = ClassOutput(3, 3, axis=2)
    assert torch.equal(as_class_numbers(one_hot[:, :, 0].movedim(1, 2), sequences), maps[:, 0])
    shares = torch.softmax(torch.randn(2, 3, 5, 5), 1)
    assert as_class_numbers(shares, axes) is shares


def test_forms_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").write_text(NET % "cross_entropy")
    (tmp_path / "forms_of_labels.py").write_text(
        "import numpy as np\n"
        "x = np.random.default_rng(0).normal(0, 1, (40, 1, 4, 4)).astype('f'); y = (x[:, 0, 0, 0] > 0).astype('i8')\n"
        "def column(): return x, y[:, None]\n"
        "def floats(): return x, y.astype('f8')\n"
        "def words(): return x, np.array(['a', 'b'])[y]\n"
        "def pairs(): return [(a, 'cat' if b else 'dog') for a, b in zip(x, y)]\n"
        "def onehot(): return x, np.eye(2, dtype='i8')[y]\n"
        "def halves(): return x, y + 0.5\n"
    )
    for name, status in (("column", 0), ("floats", 0), ("words", 0), ("pairs", 0), ("onehot", 0), ("halves", 1)):
        words = ["train", "net.arch", "--data", f"forms_of_labels:{name}", "--run", f"run-{name}", "--device", "cpu"]
        assert run(words) == status, name
        assert (tmp_path / f"run-{name}").exists() == (status == 0)
