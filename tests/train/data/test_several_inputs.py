"""Several inputs of a network: changed alike or by their names, of sizes that the data tells, and judged by files."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

import archlang
from archlang import ArchError
from archlang.cli.main import run
from archlang.graph.plan import Plan
from archlang.train import fit, predict_named
from archlang.train.data.augmentation.augment import augment_both
from archlang.train.data.augmentation.jointly import augment_sample
from archlang.train.inputs import places_of
from tests.elaborate.texts import wrong

STEREO = """archlang 1
network Stereo {{
  input left: [3, H, W] where H >= 8 and W >= 8
  input right: [{right}]
  input tokens: [T] (range = 10)
  layer seen = conv(3x3, 4) -> relu
  a = left -> seen
  known = tokens -> embedding(4) -> global_avg_pool
  scores = (a -> global_avg_pool, right -> global_avg_pool, known) -> concat -> linear(2)
  {output}
}}
train {{
  loss = cross_entropy({loss}, label{ignore})
  optimizer = sgd(lr = 0.1)
  augment = [{augment}]
  batch = 4
  phase all {{ epochs = 1 }}
}}
"""


def text(augment: str = "", right: str = "3, H, W", maps: bool = False, ignore: str = "") -> str:
    """Two images and tokens, for a class, or for a map of classes of the left one."""
    if maps:
        output = "cells = a -> conv(1x1, 2)\n  output cells\n  output scores = scores"
        return STEREO.format(augment=augment, right=right, output=output, loss="cells", ignore=ignore)
    return STEREO.format(augment=augment, right=right, output="output scores", loss="scores", ignore=ignore)


def table(rows: int = 8, columns: int = 10) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {"left": torch.rand(12, 3, rows, columns, generator=draw), "tokens": torch.arange(60).reshape(12, 5) % 10,
            "right": torch.rand(12, 3, rows, columns, generator=draw), "label": torch.arange(12) % 2}


def plan(augment: str, **given: str) -> Plan:
    found = archlang.loads(text(augment, **given)).graph.plan  # type: ignore[arg-type]
    assert found is not None
    return found


def changed(augment: str, labels: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The inputs after the augmentations of a file, and the labels."""
    made = table()
    graph = archlang.loads(text(augment)).graph
    places = places_of(graph, {name: tuple(array.shape[1:]) for name, array in made.items() if name != "label"})
    rows = torch.cat([made[place.spec.name].double().flatten(1) for place in places], 1)
    rows, labels = augment_sample(rows, labels, plan(augment).augment, torch.Generator().manual_seed(7), 255, places)
    return {place.spec.name: place.of_rows(rows) for place in places}, labels


@pytest.mark.parametrize("augment", ["flip", "crop(2)", "flip, shift(3), rotate(20), scale(0.5)"])
def test_images_and_their_map_move_alike(augment: str) -> None:
    """Each is what it is alone, with the same draws."""
    made, cells = table(), torch.arange(12 * 80).reshape(12, 8, 10) % 5
    found, labels = changed(augment, cells)
    for name in ("left", "right"):
        images, wanted = augment_both(made[name], cells, plan(augment).augment, torch.Generator().manual_seed(7), 255)
        torch.testing.assert_close(found[name], images.double())
        assert torch.equal(labels, wanted)
    assert not torch.equal(labels, cells)
    assert torch.equal(found["tokens"], made["tokens"].double())


def test_an_input_is_changed_by_its_name_alone() -> None:
    made, labels = table(), torch.arange(12)
    found, same = changed('on("left", [color_jitter, erase])', labels)
    assert same is labels
    assert torch.equal(found["right"], made["right"].double())
    assert not torch.equal(found["left"], made["left"].double())


def test_a_training_of_open_sizes() -> None:
    """The sizes are the data's, in training and later, whatever else they are there."""
    network = archlang.loads(text('flip, on("right", [color_jitter])'))
    result = fit(network, {"train": table(), "test": table()}, device="cpu")
    assert result.history[-1].test_loss < 2
    assert archlang.train.evaluate(result.model, {"train": table(16, 9), "test": table(16, 9)}).samples == 12


@pytest.mark.parametrize(("augment", "given", "name"), [
    ("color_jitter", {}, "conflicting-arguments"), ("erase", {}, "conflicting-arguments"),
    ("rand_augment", {}, "conflicting-arguments"), ('on("lift", [flip])', {}, "undefined-name"),
    ('on("tokens", [flip])', {}, "wrong-rank"), ("crop(2)", {"right": "3, 9, 9"}, "shape-mismatch"),
    ("flip", {"right": "3, 9, 9"}, ""), ('on("right", [crop(10)])', {"right": "3, 9, 9"}, "out-of-range"),
    ('on("left", [on("right", [flip])])', {}, "conflicting-arguments"), ('on("left", [])', {}, "out-of-range"),
])
def test_what_is_refused_by_name(augment: str, given: dict[str, str], name: str) -> None:
    assert [found for found in wrong(text(augment, **given)) if found] == [name] * bool(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(("change", "said"), [
    ({"right": torch.rand(12, 3, 8, 11)}, "say that `W` is 10 and 11"),
    ({"left": torch.rand(12, 4, 8, 10)}, "the input `left`"),
])
def test_sizes_that_contradict_each_other(change: dict[str, torch.Tensor], said: str) -> None:
    made = table() | change
    with pytest.raises(ArchError) as caught:
        fit(archlang.loads(text()), {"train": made, "test": made}, device="cpu")
    assert said in caught.value.diagnostics[0].message


def test_a_map_of_classes_does_not_follow_one_image_of_two() -> None:
    made = table() | {"label": torch.zeros(12, 8, 10, dtype=torch.int64)}
    for augment, said in (('on("left", [flip])', "moves `left` alone"), ("flip", "")):
        network = archlang.loads(text(augment, maps=True))
        if said:
            with pytest.raises(ArchError, match=said):
                fit(network, {"train": made, "test": made}, device="cpu")
        else:
            fit(network, {"train": made, "test": made}, device="cpu")


def test_no_sample_tells_a_size() -> None:
    with pytest.raises(ArchError, match="no sample tells `H`"):
        places_of(archlang.loads(text()).graph, {"tokens": (4,)})


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model file, with two images and an array beside it."""
    draw = numpy.random.default_rng(0)
    for name in ("a", "b"):
        Image.fromarray(draw.integers(0, 255, (8, 10, 3), dtype=numpy.uint8)).save(tmp_path / f"{name}.png")
    numpy.save(tmp_path / "t.npy", numpy.array([1, 2, 3]))
    archlang.save(archlang.compile(archlang.loads(text()), seed=3), tmp_path / "m.safetensors")
    return tmp_path


def test_files_are_seen_as_the_model_sees_arrays(model: Path) -> None:
    loaded = archlang.load_model(model / "m.safetensors")
    sample = {"left": model / "a.png", "right": model / "b.png", "tokens": model / "t.npy"}
    found = predict_named(loaded, [sample, {**sample, "left": model / "none.png"}])

    pixels = [numpy.array(Image.open(model / f"{name}.png")) for name in "ab"]
    images = [torch.from_numpy(image).permute(2, 0, 1)[None] / 255 for image in pixels]
    with torch.no_grad():
        shares = loaded.eval()(*images, torch.tensor([[1, 2, 3]])).softmax(1)[0]
    assert {guess.index: guess.probability for guess in found[0].guesses} == pytest.approx(
        {0: float(shares[0]), 1: float(shares[1])}, rel=1e-5)
    assert found[1].error is not None
    assert found[1].error.name == "unreadable-image"


@pytest.mark.parametrize(("words", "status", "said"), [
    ("left={0}/a.png right={0}/b.png tokens={0}/t.npy", 0, "tokens="),
    ("{0}/a.png", 2, "names none of them"), ("left={0}/a.png right={0}/b.png", 2, "0 of `tokens`"),
    ("left={0}/a.png right={0}/b.png tokens={0}/a.png", 1, "the input `tokens`"),
    ("left={0}/a.png right={0}/b.png tokens={0}/x.npy", 1, "is no array of numbers"),
])
def test_predict_by_the_names_of_inputs(words: str, status: int, said: str, model: Path,
                                        capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", str(model / "m.safetensors"), *words.format(model).split()]) == status
    assert said in "".join(capfd.readouterr())
