"""Evaluation and prediction."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from archlang.compiler import compile as compile_network
from archlang.compiler import fuse
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.train import evaluate, predict
from tests.train.nets import bars, tiny


@pytest.fixture
def model():
    made = compile_network(tiny(), seed=3)
    made.archlang = replace(made.archlang, labels=("a", "b", "c"), mean=(0.4,), std=(0.2,))
    return made.train()


def test_evaluation_by_hand(model) -> None:
    data = bars(test=300)
    found = evaluate(model, data, batch=64)
    images, labels = data.test.batch(range(300))
    assert model.training
    with torch.no_grad():
        logits = model.eval()((images - 0.4) / 0.2)
    assert found.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-5)
    right = logits.argmax(1) == labels
    assert found.accuracy == pytest.approx(float(right.double().mean()))
    assert found.samples == 300
    for index, score in enumerate(found.classes):
        assert score.name == "abc"[index]
        assert (score.samples, score.correct) == (int((labels == index).sum()), int(right[labels == index].sum()))
        assert 0 <= score.accuracy <= 1


def test_a_model_without_a_train_is_judged_by_cross_entropy() -> None:
    model = compile_network(tiny(""), seed=0)
    assert evaluate(model, bars()).loss > 0


def test_a_module_that_archlang_did_not_make() -> None:
    for use in (lambda m: evaluate(m, bars()), lambda m: predict(m, [])):
        with pytest.raises(ArchError) as caught:
            use(torch.nn.Linear(2, 2))
        assert caught.value.diagnostics[0].name == "unsupported-module"


def test_prediction_by_hand(model, tmp_path: Path) -> None:
    pixels = torch.arange(36, dtype=torch.uint8).view(6, 6) * 7
    path = tmp_path / "a.png"
    Image.fromarray(pixels.numpy()).save(path)
    (found,) = predict(model, [path], top=2)
    with torch.no_grad():
        chances = model.eval()(((pixels / 255 - 0.4) / 0.2)[None, None]).softmax(1)[0]
    best = int(chances.argmax())
    assert len(found.guesses) == 2
    assert (found.guesses[0].index, found.guesses[0].name) == (best, "abc"[best])
    assert found.guesses[0].probability == pytest.approx(float(chances[best]), rel=1e-5)


def test_images_of_all_kinds_and_files_that_are_none(model, tmp_path: Path) -> None:
    paths = []
    for index, mode in enumerate(["L", "RGB", "RGBA", "P", "1", "I;16", "LA", "CMYK"]):
        paths.append(tmp_path / f"{index}.{'tiff' if mode == 'CMYK' else 'png'}")
        Image.new(mode, (17, 9)).save(paths[-1])
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes(paths[1].read_bytes()[:40])
    bad = [tmp_path / "text.png", tmp_path / "cut.png", tmp_path / "missing.png", tmp_path]
    found = predict(model, [*paths, *bad])
    assert [p.path for p in found] == [str(p) for p in (*paths, *bad)]
    assert all(p.error is None and len(p.guesses) == 3 for p in found[: len(paths)])
    assert {p.error.name for p in found[len(paths) :]} == {"unreadable-image"}


def test_a_picture_too_large_to_read(model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (100, 100)).save(tmp_path / "a.png")
    for limit in (9_000, 1_000):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        (found,) = predict(model, [tmp_path / "a.png"])
        assert "more pixels" in found.error.message


def test_a_rewritten_model_names_the_losses_that_it_cannot_read() -> None:
    """Folding leaves outputs as they are, and what lies inside is gone: the number is that of the rest."""
    text = """archlang 1
network N {
  input image: [1, 6, 6]
  inside = image -> conv(3x3, 4) -> batch_norm -> relu
  output logits = inside -> global_avg_pool -> linear(3)
}
train {
  loss = cross_entropy(logits, label) + 100 * minimize(inside)
  optimizer = adam(lr = 0.001)
  phase all { epochs = 1 }
}
"""
    made = compile_network(loads(text)).eval()
    data, folded = bars(test=60), fuse(made)
    whole, rest = evaluate(made, data), evaluate(folded, data)
    assert whole.left_out == () and rest.left_out == ("minimize",)

    images, labels = data.test.batch(range(60))
    with torch.no_grad():
        logits = made(images)
    assert rest.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-4)
    assert whole.loss > rest.loss + 1
