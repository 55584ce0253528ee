"""Samples by the names of a network's inputs, and text in windows: what reaches the network, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

import archlang
from archlang import ArchError
from archlang.comparison.ensembles import judge_together
from archlang.graph.ir import Graph
from archlang.train import evaluate, fit, predict_named
from archlang.train.data.sources import find
from archlang.train.data.splits import Data
from archlang.train.inputs import Unpacking, fit_of_data, named_data, places_of

TWO = """archlang 1
network Two {
  input image: [3, 8, 8] (mean = 0.5, std = 0.25)
  input tokens: [4] (range = 50000000)
  seen = image -> global_avg_pool
  output seen -> concat(tokens -> embedding(1) -> flatten) -> linear(2)
}
"""
ONE = """archlang 1
network One {
  input image: [3, 8, 8]
  output image -> global_avg_pool -> linear(2)
}
"""
READER = """archlang 1
network Reader {{
  input tokens: [{size}] (range = {range}){where}
  output tokens -> embedding(4) -> linear({range})
}}
"""
DRAW = numpy.random.default_rng(0)
IMAGES = DRAW.integers(0, 255, (40, 3, 8, 8)).astype("uint8")
TOKENS = DRAW.integers(0, 50_000_000, (40, 4))
LABELS = numpy.arange(40) % 2
TABLE: dict[str, Any] = {"image": IMAGES, "tokens": TOKENS, "label": LABELS}


class Kept(torch.nn.Module):
    """Keeps what it was called with."""

    def forward(self, image: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both, as they came."""
        return image, tokens


def graph(text: str = TWO) -> Graph:
    return archlang.loads(text).graph


def seen(data: Data, rows: range) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The inputs of the network `Two` as it sees them, and the labels."""
    samples, labels = data.train.batch(rows)
    fit = fit_of_data(graph(), data.train, places_of(graph()))
    image, tokens = Unpacking(Kept(), places_of(graph()))(fit.inputs(fit(samples), torch.float32))
    return image, tokens, labels


def items() -> list[dict[str, Any]]:
    images = [Image.fromarray(image.transpose(1, 2, 0)) for image in IMAGES]
    return [{"image": i, "tokens": t, "label": int(c)} for i, t, c in zip(images, TOKENS, LABELS, strict=True)]


@pytest.mark.parametrize("value", [
    TABLE, ({"image": IMAGES, "tokens": TOKENS}, LABELS), items(),
    {"train": TABLE, "test": ({"image": IMAGES[:4], "tokens": TOKENS[:4]}, LABELS[:4])},
    [({"tokens": t, "image": i}, int(c)) for i, t, c in zip(IMAGES, TOKENS, LABELS, strict=True)],
], ids=["table", "pair", "items", "parts", "item pairs"])
def test_each_form_reaches_the_network_as_it_is(value: object) -> None:
    image, tokens, labels = seen(named_data(find(value), graph()), range(5))
    assert image.dtype == torch.float32 and tokens.dtype == torch.int64
    for row, one, label in zip(tokens, image, labels, strict=True):
        (index,) = numpy.flatnonzero((row.numpy() == TOKENS).all(1))
        assert int(label) == LABELS[index]
        assert torch.allclose(one, (torch.from_numpy(IMAGES[index]).float() / 255 - 0.5) / 0.25, atol=1e-6)


def test_files_of_arrays(tmp_path: Path) -> None:
    numpy.savez(tmp_path / "train.npz", **TABLE)
    numpy.savez(tmp_path / "test.npz", image=IMAGES[:6], tokens=TOKENS[:6], label=LABELS[:6])
    whole, parts = (named_data(find(f"npz:{path}"), graph()) for path in (tmp_path / "train.npz", tmp_path))
    assert (len(whole.train), len(whole.test), len(parts.train), len(parts.test)) == (32, 8, 40, 6)
    image, tokens, _ = seen(parts, range(40))
    assert tokens.tolist() == TOKENS.tolist() and image.shape == (40, 3, 8, 8)

    numpy.savez(tmp_path / "objects.npz", image=numpy.array([{}, None]))
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("objects", "text"):
        with pytest.raises(ArchError, match="is no table of arrays"):
            find(f"npz:{tmp_path / name}.npz")


def test_a_single_input_is_taken_out_of_its_table() -> None:
    table = {"image": IMAGES, "label": LABELS}
    listed = [{"image": i, "label": int(c)} for i, c in zip(IMAGES, LABELS, strict=True)]
    for value in (table, listed):
        samples, _ = named_data(find(value), graph(ONE)).train.batch([0, 1])
        assert samples.shape == (2, 3, 8, 8) and float(samples.max()) <= 1


@pytest.mark.parametrize(("value", "text", "words"), [
    ({**TABLE, "imag": IMAGES}, TWO, "samples have `imag`, which the network does not read"),
    ({"imag": IMAGES, "tokens": TOKENS, "label": LABELS}, TWO, "reads `image`, and samples have `imag`, `tokens`"),
    ((IMAGES, LABELS), TWO, "has 2 inputs, `image`, `tokens`, and the samples of the data have no names"),
    (TABLE, ONE, "samples have `tokens`, which the network does not read"),
    ({**TABLE, "tokens": TOKENS[:7]}, TWO, "not one of each for every sample: `image` 40, `tokens` 7, `label` 40"),
    ({**TABLE, "tokens": TOKENS + 50_000_000}, TWO, "the input `tokens`: the network wants whole numbers from 0 to"),
    ({**TABLE, "tokens": TOKENS[:, :3]}, TWO, r"the input `tokens`: the network wants \[4\] of 0..49999999"),
    ({**TABLE, "image": IMAGES[:, :, :6]}, TWO, "the input `image`: the network wants 8 x 8, samples are 6 x 8"),
    ({"label": LABELS}, TWO, "a table of samples holds labels alone"),
])
def test_what_does_not_fit_is_refused(value: object, text: str, words: str) -> None:
    with pytest.raises(ArchError, match=words) as raised:
        data = named_data(find(value), graph(text))
        data.train.batch(range(20))
    assert raised.value.diagnostics[0].name == "bad-data"


def test_an_item_that_lacks_an_input_is_named() -> None:
    listed = items()
    del listed[20]["tokens"]
    data = named_data(find(listed), graph())
    with pytest.raises(ArchError, match="item 20: the network reads `tokens`, and samples have `image`"):
        data.train.batch(range(len(data.train)))
        data.test.batch(range(len(data.test)))


def test_a_network_of_two_inputs_learns_and_is_judged() -> None:
    torch.set_num_threads(1)
    tokens = numpy.stack([LABELS * 3] * 4, 1)
    text = TWO.replace("output seen", "logits = seen").replace("50000000", "8").replace("embedding(1)", "embedding(4)")
    text = text.replace("\n}\n", "\n  output logits\n}\n") + (
        "train {\n  loss = cross_entropy(logits, label)\n  optimizer = adam(lr = 0.1)\n  batch = 8\n"
        "  average = swa(after = 1)\n  phase all { epochs = 4 }\n}\n")
    data = {"image": IMAGES, "tokens": tokens, "label": LABELS}
    model = fit(archlang.loads(text), data, device="cpu").model
    assert evaluate(model, data, device="cpu").accuracy == 1


def test_folders_of_images(tmp_path: Path) -> None:
    for name, kind in (("image", "RGB"), ("depth", "L"), ("label", "P")):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "val" / name).mkdir(parents=True)
        for number in range(4):
            made = numpy.full((8, 8, 3) if kind == "RGB" else (8, 8), 20 * number, "uint8")
            image = Image.fromarray(made) if kind != "P" else Image.fromarray(made // 20).convert("P")
            if kind == "P":
                image.putdata((made // 20).ravel().tolist())
            for part in ("train", "val"):
                image.save(tmp_path / part / name / f"{number}.png")

    text = TWO.replace("input tokens: [4] (range = 50000000)", "input depth: [1, 8, 8]")
    network = graph(text.replace("tokens -> embedding(1) -> flatten", "depth -> global_avg_pool"))
    data = named_data(find(f"inputs:{tmp_path}"), network)
    samples, labels = data.train.batch([3, 1])
    assert labels[:, 0, 0].tolist() == [3, 1] and labels.shape == (2, 8, 8)
    first, depth = (samples[:, place.start : place.stop] for place in places_of(network))
    assert [round(float(row[0]) * 255) for row in first] == [60, 20] == [round(float(row[0]) * 255) for row in depth]

    (tmp_path / "train" / "depth" / "2.png").rename(tmp_path / "train" / "depth" / "9.png")
    with pytest.raises(ArchError, match="`2` is not in both of `depth` and `image`"):
        find(f"inputs:{tmp_path}")


# --- text ------------------------------------------------------------------------------------------------------------


def test_each_position_is_labelled_with_the_token_that_follows(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(bytes(range(250)))
    network = graph(READER.format(size=8, range=256, where=""))
    data = named_data(find(f"text:{tmp_path / 'a.txt'}"), network)
    samples, labels = data.train.batch([0, 3])
    assert samples.tolist() == [list(range(8)), list(range(24, 32))] and torch.equal(labels, samples + 1)
    assert (len(data.train), len(data.test)) == (199 // 8, 49 // 8)
    assert int(data.train.batch([23])[1].max()) < 200 <= int(data.test.batch([0])[0].min())

    numpy.save(tmp_path / "a.npy", numpy.arange(250) * 100)
    open_size = graph(READER.format(size="T", range=30000, where=" where T <= 20 and T % 8 == 0"))
    assert named_data(find(f"text:{tmp_path / 'a.npy'}"), open_size).train.batch([1])[0].tolist() == [
        [100 * place for place in range(16, 32)]]


@pytest.mark.parametrize(("array", "text", "words"), [
    (numpy.arange(30), READER.format(size=64, range=256, where=""), "the text is too short: windows of 64 tokens"),
    (numpy.arange(30), ONE, "text goes to a network with one input of tokens"),
    (numpy.zeros((3, 4), dtype=int), READER.format(size=2, range=9, where=""), r"no line of whole numbers: \[3, 4\]"),
    (numpy.ones(30), READER.format(size=2, range=9, where=""), r"no line of whole numbers: \[30\] of float64"),
])
def test_text_that_does_not_fit_is_refused(array: numpy.ndarray, text: str, words: str, tmp_path: Path) -> None:
    numpy.save(tmp_path / "a.npy", array)
    with pytest.raises(ArchError, match=words):
        named_data(find(f"text:{tmp_path / 'a.npy'}"), graph(text))


def test_numpy_files_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    """A single array where a table is wanted, and a table where an array is: the content counts, not the name."""
    numpy.save(tmp_path / "single.npy", numpy.zeros(4, int))
    with pytest.raises(ArchError, match="a single array") as caught:
        find(f"npz:{tmp_path / 'single.npy'}")
    assert caught.value.diagnostics[0].name == "bad-data"

    numpy.savez(tmp_path / "table.npz", label=numpy.zeros(4, int))
    table = (tmp_path / "table.npz").rename(tmp_path / "table.npy")
    with pytest.raises(ArchError, match="a table of them") as caught:
        find(f"text:{table}")
    assert caught.value.diagnostics[0].name == "bad-data"


def turned_by_a_note(image: Image.Image, file: Path, number: int) -> Image.Image:
    """A file as a camera writes it, and as Pillow opens it."""
    exif = Image.Exif()
    exif[0x0112] = number
    image.save(file, exif=exif)
    with Image.open(file) as opened:
        opened.load()
        return opened.copy()


@pytest.mark.parametrize("number", [2, 3, 4])  # these leave the image its size, so that nothing else tells
@pytest.mark.parametrize("end", ["jpg", "tif"])
def test_an_image_that_is_turned_beside_its_label_map_is_refused(number: int, end: str, tmp_path: Path) -> None:
    """It was turned and its map was not, so that classes lay upside down on their images."""
    for part in ("train", "test"):
        for name in ("image", "label"):
            (tmp_path / part / name).mkdir(parents=True)
        turned_by_a_note(Image.fromarray(IMAGES[0].transpose(1, 2, 0)), tmp_path / part / f"image/0.{end}", number)
        Image.fromarray(IMAGES[0, 0] % 2).save(tmp_path / part / "label/0.png")

    with pytest.raises(ArchError, match=rf"`image/0.{end}` is turned by a note of its camera"):
        find(f"inputs:{tmp_path}").train.batch([0])


@pytest.mark.parametrize("is_table", [False, True])
def test_a_turned_image_of_a_function_has_no_label_map(is_table: bool, tmp_path: Path) -> None:
    image = turned_by_a_note(Image.fromarray(IMAGES[0].transpose(1, 2, 0)), tmp_path / "a.png", 3)
    sample = {"image": image} if is_table else image
    split = find([(sample, IMAGES[0, 0] % 2)] * 10).train
    with pytest.raises(ArchError, match="turned as its camera noted"):
        named_data(find([(sample, IMAGES[0, 0] % 2)] * 10), archlang.loads(ONE).graph).train.batch([0])

    # A class does not lie on it.
    pixels = named_data(find([(sample, 1)] * 10), archlang.loads(ONE).graph).train.batch([0])[0]
    assert len(split) == 8 and torch.equal(pixels[0], torch.from_numpy(IMAGES[0] / 255).float().flip(1, 2))


LENGTHS = """archlang 1
network Lengths {
  input x: [4, 2]
  input n: [1] (range = 5)
  scores = x -> lstm(3, lengths = n) -> global_avg_pool -> linear(2)
  output scores
}
train { loss = cross_entropy(scores, label); optimizer = sgd(lr = 0.1); batch = 5; phase all { epochs = 1 } }
"""


@pytest.mark.parametrize("part", [0, 1], ids=["train", "test"])
def test_a_length_of_nothing_is_a_mistake_of_the_data(part: int, tmp_path: Path) -> None:
    """The range of lengths has a 0, which the layer refuses as torch does: that ended in an error of archlang's own."""
    net = archlang.loads(LENGTHS)
    table = {"x": numpy.ones((10, 4, 2), "float32"), "n": numpy.full((10, 1), 3), "label": numpy.arange(10) % 2}
    wrong = {**table, "n": table["n"] * (numpy.arange(10)[:, None] != 7)}
    with pytest.raises(ArchError, match=r"a length lies from 1 to 4, that of sample . is 0") as raised:
        fit(net, [(wrong, table), (table, wrong)][part])
    assert raised.value.diagnostics[0].name == "bad-data"

    model = fit(net, (table, table)).model
    with pytest.raises(ArchError, match="a length lies from 1 to 4"):
        evaluate(model, (table, wrong))
    with pytest.raises(ArchError, match="a length lies from 1 to 4"):
        judge_together([model], (table, wrong))
    for name in ("x", "n"):
        numpy.save(tmp_path / f"{name}.npy", wrong[name][7])
    (found,) = predict_named(model, [{name: tmp_path / f"{name}.npy" for name in ("x", "n")}])
    assert found.error is not None and found.error.name == "bad-data"
