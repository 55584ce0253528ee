"""Image files give the same pixels to training, evaluation and prediction, and the right ones: turned, cut, scaled."""

from __future__ import annotations

import json
import math
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from torch.nn import functional

from archlang.cli.main import run
from archlang.compiler import compile
from archlang.elaborate.network import loads
from archlang.emit import ImagePreparation
from archlang.train import evaluate, fit, predict
from archlang.train.data import image_files, pixels
from archlang.train.data.image_files import NoImage, common_preparation, read_pixels, strict_about_size
from archlang.train.data.sources import find
from archlang.train.loop.evaluation import data_of

NET = """archlang 1
network Small {
  input image: [%s]
  logits = image -> conv(3x3, 4) -> relu -> %s -> linear(2)
  output logits
}
train {
  loss = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch = 4
  phase main { epochs = 1 }
}
"""
SIZES = {"3, 12, 12": "flatten", "1, 12, 12": "flatten", "3, 8, 20": "flatten", "3, H, W": "global_avg_pool"}


def ramp(rows: int, columns: int, seed: int = 0) -> numpy.ndarray:
    """Bytes [rows, columns, 3] that tell every place and every turn apart."""
    y, x = numpy.mgrid[:rows, :columns]
    noise = numpy.random.default_rng(seed).integers(0, 60, (rows, columns))
    planes = (x * 190 // max(columns - 1, 1) + noise, y * 190 // max(rows - 1, 1) + noise, (x + y) % 7 * 20 + noise)
    return numpy.stack(planes, 2).clip(0, 255).astype(numpy.uint8)


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """What a camera would store of an upright image that it held in another way (EXIF 2.3, tag 274)."""
    method = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
              5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
              8: Image.Transpose.ROTATE_270}.get(orientation)
    return image if method is None else image.transpose(method)


def write_kinds(folder: Path, rows: int, columns: int) -> list[Path]:
    """Files of every mode, format and turn that is read."""
    folder.mkdir(parents=True, exist_ok=True)
    colour = Image.fromarray(ramp(rows, columns))
    grey = colour.convert("L")
    deep = (numpy.asarray(grey).astype(numpy.uint16) * 256 + 17)
    alpha = Image.fromarray((ramp(rows, columns, 1)[:, :, 0] > 90).astype(numpy.uint8) * 255)
    palette = colour.quantize(32)

    files: list[Path] = []

    def save(name: str, image: Image.Image, **more: object) -> None:
        files.append(folder / name)
        image.save(files[-1], **more)

    for end in ("png", "bmp", "gif", "webp", "tif", "tga", "jp2", "ppm"):
        save(f"colour.{end}", colour)
    save("colour.jpg", colour, quality=95)
    save("grey.png", grey)
    save("grey.jpg", grey)
    save("grey.pgm", grey)
    save("one.png", grey.convert("1"))
    save("palette.png", palette)
    save("palette_transparent.png", palette, transparency=bytes(range(0, 256, 8)))
    save("palette_one_clear.png", palette, transparency=3)
    save("palette.gif", palette)
    save("alpha.png", Image.merge("RGBA", (*colour.split(), alpha)))
    save("alpha.webp", Image.merge("RGBA", (*colour.split(), alpha)), lossless=True)
    save("grey_alpha.png", Image.merge("LA", (grey, alpha)))
    save("deep.png", Image.fromarray(deep))
    save("deep.tif", Image.fromarray(deep))
    save("float.tif", Image.fromarray(deep.astype(numpy.float32) / 65535))
    save("ink.tif", colour.convert("CMYK"))
    save("ink.jpg", colour.convert("CMYK"))
    save("luma.jpg", colour.convert("YCbCr"))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(f"turned{orientation}.png", turned(colour, orientation), exif=exif)
        save(f"turned{orientation}.jpg", turned(colour, orientation), exif=exif, quality=95)
        save(f"turned{orientation}.webp", turned(colour, orientation), exif=exif.tobytes(), lossless=True)
        save(f"turned{orientation}.tif", turned(colour, orientation), exif=exif)
    return files


def two_classes(folder: Path) -> Path:
    """A folder with two classes in `train`, and one in `test`, where images of a test may be put."""
    for kind, seed in (("a", 1), ("b", 2)):
        (folder / "train" / kind).mkdir(parents=True)
        for n in range(2):
            Image.fromarray(ramp(10 + n, 14, seed)).save(folder / "train" / kind / f"{n}.png")
    (folder / "test" / "b").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("dims", list(SIZES))
@pytest.mark.parametrize("size", [(12, 12), (9, 31), (40, 17)])
def test_predict_and_evaluate_agree_on_every_kind(dims: str, size: tuple[int, int], tmp_path: Path) -> None:
    root = two_classes(tmp_path)
    net = loads(NET % (dims, SIZES[dims]))
    (root / "test" / "b" / "first.png").write_bytes((root / "train" / "b" / "0.png").read_bytes())
    model = fit(net, f"folder:{root}", device="cpu").model
    files = write_kinds(tmp_path / "kinds", *size)
    guesses = predict(model, files, device="cpu")

    place = root / "test" / "b" / "first.png"
    for file, prediction in zip(files, guesses, strict=True):
        assert prediction.error is None, file
        place.unlink()
        place = place.with_name(f"only{file.suffix}")
        place.write_bytes(file.read_bytes())
        chance = next(g.probability for g in prediction.guesses if g.name == "b")
        assert evaluate(model, f"folder:{root}", device="cpu").loss == pytest.approx(-math.log(chance), rel=1e-5), file


def test_the_command_line_agrees_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = two_classes(tmp_path)
    files = write_kinds(root / "test" / "b", 9, 31)
    (tmp_path / "net.arch").write_text(NET % ("3, 12, 12", "flatten"))
    words = ["--data", f"folder:{root}", "--device", "cpu"]
    assert run(["train", f"{tmp_path}/net.arch", *words, "--run", f"{tmp_path}/run"]) == 0
    model = f"{tmp_path}/run/last.safetensors"
    capsys.readouterr()
    assert run(["eval", model, *words, "--format", "json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert run(["predict", model, *map(str, files), "--device", "cpu", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    first = [next(c for c in p["classes"] if c["name"] == "b")["probability"] for p in found]
    assert judged["loss"] == pytest.approx(-sum(map(math.log, first)) / len(first), rel=1e-4)
    hits = sum(p["classes"][0]["name"] == "b" for p in found)
    assert judged["accuracy"] == hits / len(files)


def test_modes_hold_the_numbers_that_they_say(tmp_path: Path) -> None:
    files = {f.name: f for f in write_kinds(tmp_path, 6, 10)}
    colour = torch.from_numpy(ramp(6, 10)).permute(2, 0, 1) / 255
    grey = torch.from_numpy(numpy.array(Image.fromarray(ramp(6, 10)).convert("L"))) / 255

    def read(name: str) -> torch.Tensor:
        with strict_about_size():
            return read_pixels(files[name], None)

    for name in ("colour.png", "colour.bmp", "colour.tif", "colour.tga", "colour.ppm", "alpha.png"):
        assert torch.allclose(read(name), colour, atol=1e-6), name
    for name in ("grey.png", "grey.pgm", "grey_alpha.png"):
        assert torch.allclose(read(name), grey[None], atol=1e-6), name
    deep = (grey * 255).round() * 256 + 17
    for name in ("deep.png", "deep.tif", "float.tif"):
        assert torch.allclose(read(name), deep[None] / 65535, atol=1e-6), name
    assert set(read("one.png").unique().tolist()) == {0.0, 1.0}
    for name in ("palette.png", "palette_transparent.png", "palette_one_clear.png"):
        assert torch.equal(read(name), read("palette.png")), name
    assert float((read("palette.png") - colour).abs().mean()) < 0.1
    assert float((read("ink.tif") - colour).abs().max()) < 0.02
    assert float((read("colour.jpg") - colour).abs().mean()) < 0.1


@pytest.mark.parametrize("end", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_stand_upright(orientation: int, end: str, tmp_path: Path) -> None:
    files = {f.name: f for f in write_kinds(tmp_path, 6, 10)}
    upright = torch.from_numpy(ramp(6, 10)).permute(2, 0, 1) / 255
    assert torch.allclose(read_pixels(files[f"turned{orientation}.{end}"], None), upright, atol=1e-6)


@pytest.mark.parametrize("end", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_a_folder_is_that_of_its_upright_images(orientation: int, end: str, tmp_path: Path) -> None:
    write_kinds(tmp_path, 6, 10)
    name = f"turned{orientation}.{end}"
    assert common_preparation(tmp_path, [name]) == ImagePreparation(3, *read_pixels(tmp_path / name, None).shape[1:])
    assert common_preparation(tmp_path, [name]) == ImagePreparation(3, 6, 10)


@pytest.mark.parametrize("size", [(12, 12), (9, 31), (40, 17), (100, 64)])
@pytest.mark.parametrize("crop", [1.0, 0.875])
def test_the_middle_is_cut_and_scaled_as_torch_scales(size: tuple[int, int], crop: float, tmp_path: Path) -> None:
    rows, columns = size
    Image.fromarray(ramp(rows, columns)).save(tmp_path / "a.png")
    image = torch.from_numpy(ramp(rows, columns)).permute(2, 0, 1) / 255
    side = round(min(rows, columns) * crop)
    top, left = (rows - side) // 2, (columns - side) // 2
    window = image[None, :, top : top + side, left : left + side]
    expected = functional.interpolate(window, (16, 16), mode="bilinear", antialias=True, align_corners=False)[0]
    assert torch.allclose(read_pixels(tmp_path / "a.png", ImagePreparation(3, 16, 16, crop)), expected, atol=1e-6)
    luma = (expected * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0)
    assert torch.allclose(read_pixels(tmp_path / "a.png", ImagePreparation(1, 16, 16, crop))[0], luma, atol=1e-5)


def test_large_images_are_reduced_without_a_visible_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smooth = Image.fromarray(ramp(12, 16)).resize((400, 300), Image.Resampling.BICUBIC)
    for name in ("a.png", "a.jpg", "a.tif"):
        (smooth if name != "a.tif" else Image.fromarray(numpy.asarray(smooth.convert("L"), numpy.float32) / 255)).save(
            tmp_path / name)
    wanted = ImagePreparation(3, 24, 24)
    exact = [read_pixels(tmp_path / name, wanted) for name in ("a.png", "a.jpg", "a.tif")]
    monkeypatch.setattr(pixels, "LARGE", 1000)
    for name, image in zip(("a.png", "a.jpg", "a.tif"), exact, strict=True):
        reduced = read_pixels(tmp_path / name, wanted)
        assert reduced.shape == image.shape and float((reduced - image).abs().max()) < 0.06, name


def test_a_tensor_and_its_picture_are_the_same_to_a_network(tmp_path: Path) -> None:
    raw = numpy.stack([ramp(10, 10, seed) for seed in range(8)])
    labels = numpy.arange(8) % 2
    net = loads(NET % ("3, 20, 20", "flatten"))
    tensors = torch.from_numpy(raw).permute(0, 3, 1, 2)
    model = fit(net, (tensors, torch.from_numpy(labels)), device="cpu").model
    for number in range(8):
        Image.fromarray(raw[number]).save(tmp_path / f"{number}.png")
    guesses = predict(model, [tmp_path / f"{n}.png" for n in range(8)], device="cpu")
    chances = [next(g.probability for g in p.guesses if g.index == n % 2) for n, p in enumerate(guesses)]
    both = ((tensors, torch.from_numpy(labels)), (tensors, torch.from_numpy(labels)))
    assert evaluate(model, both, device="cpu").loss == pytest.approx(-sum(map(math.log, chances)) / 8, rel=1e-6)


def test_sizes_that_the_network_leaves_open_stay_those_of_the_training(tmp_path: Path) -> None:
    root = two_classes(tmp_path)
    Image.fromarray(ramp(30, 30)).save(root / "test" / "b" / "0.png")
    model = fit(loads(NET % ("3, H, W", "global_avg_pool")), f"folder:{root}", device="cpu").model
    assert model.archlang.image == ImagePreparation(3, 224, 224)
    other = tmp_path / "other"
    for kind in ("a", "b"):
        (other / kind).mkdir(parents=True)
        for n in range(5):
            Image.fromarray(ramp(30, 30)).save(other / kind / f"{n}.png")
    assert find(f"folder:{other}").train.batch([0])[0].shape == (1, 3, 30, 30)
    assert data_of(model, f"folder:{other}").train.batch([0])[0].shape == (1, 3, 224, 224)

    small = fit(loads(NET % ("3, H, W", "global_avg_pool")), f"folder:{other}", device="cpu").model
    assert small.archlang.image == ImagePreparation(3, 30, 30)
    assert data_of(small, f"folder:{root}").train.batch([0])[0].shape == (1, 3, 30, 30)


def test_the_crop_of_imagenet_travels_with_the_model(tmp_path: Path) -> None:
    root = two_classes(tmp_path)
    (root / "test").rename(root / "val")
    Image.fromarray(ramp(64, 64)).save(root / "val" / "b" / "0.png")
    model = fit(loads(NET % ("3, 12, 12", "flatten")), f"imagenet:{root}", device="cpu").model
    assert model.archlang.image == ImagePreparation(3, 12, 12, 0.875)
    middle = read_pixels(root / "val" / "b" / "0.png", ImagePreparation(3, 12, 12, 0.875))
    assert torch.equal(data_of(model, f"imagenet:{root}").test.batch([0])[0][0], middle)
    assert torch.equal(data_of(model, f"folder:{root}").test.batch([0])[0][0], middle)
    (seen,) = predict(model, [root / "val" / "b" / "0.png"], device="cpu")
    chance = next(g.probability for g in seen.guesses if g.name == "b")
    assert evaluate(model, f"imagenet:{root}", device="cpu").loss == pytest.approx(-math.log(chance), rel=1e-5)


def test_a_model_without_a_training_reads_files_in_one_way_too(tmp_path: Path) -> None:
    root = two_classes(tmp_path)
    Image.fromarray(ramp(30, 50)).save(root / "test" / "b" / "0.png")
    for dims, head in SIZES.items():
        model = compile(loads(NET % (dims, head)), seed=0)
        model.archlang = replace(model.archlang, labels=("a", "b"))
        (seen,) = predict(model, [root / "test" / "b" / "0.png"], device="cpu")
        chance = next(g.probability for g in seen.guesses if g.name == "b")
        assert evaluate(model, f"folder:{root}", device="cpu").loss == pytest.approx(-math.log(chance), rel=1e-5)


# --- what is no image ------------------------------------------------------------------------------------------------


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name, told in ((tmp_path / "pipe.png", "no regular file"), (Path("/dev/zero"), "no regular file"),
                       (tmp_path / "folder.png", "is a folder"), (tmp_path / "none.png", "does not exist"),
                       ("a\0b", "no image")):
        with pytest.raises(NoImage, match=told):
            read_pixels(name, None)


def test_a_file_that_becomes_a_pipe_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    regular = Path(__file__).stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **more: regular)
    with pytest.raises(NoImage, match="no regular file"):
        read_pixels(tmp_path / "pipe.png", None)


def test_numbers_whose_range_is_not_known(tmp_path: Path) -> None:
    wide = ((200.0, numpy.float32), (-0.5, numpy.float32), (numpy.nan, numpy.float32), (70000, numpy.int32))
    for number, kind in wide:
        Image.fromarray(numpy.full((4, 4), number, kind)).save(tmp_path / "a.tif")
        with pytest.raises(NoImage, match="range is not known"):
            read_pixels(tmp_path / "a.tif", None)


def test_pixels_are_counted_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (200, 200)).save(tmp_path / "a.png")
    monkeypatch.setattr(pixels, "MOST_PIXELS", 39_999)
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
    with pytest.raises(NoImage, match="more pixels"):
        read_pixels(tmp_path / "a.png", ImagePreparation(1, 8, 8))


def test_programs_are_never_started_for_an_image(tmp_path: Path) -> None:
    assert "EPS" not in image_files.FORMATS
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n")
    with pytest.raises(NoImage, match="no image that can be read"):
        read_pixels(tmp_path / "a.png", None)


def test_broken_files_are_refused_whatever_pillow_raises(tmp_path: Path) -> None:
    files = write_kinds(tmp_path / "good", 9, 11)
    random = numpy.random.default_rng(0)
    tried = refused = 0
    with strict_about_size(), warnings.catch_warnings():
        for file in files:
            raw = bytearray(file.read_bytes())
            for _ in range(12):
                spoiled = bytearray(raw)
                for place in random.integers(0, len(spoiled), 4):
                    spoiled[place] = random.integers(0, 256)
                (tmp_path / "bad").write_bytes(spoiled[: random.integers(1, len(spoiled) + 1)])
                tried += 1
                try:
                    read_pixels(tmp_path / "bad", ImagePreparation(3, 8, 8))
                except NoImage:
                    refused += 1
    assert tried // 3 < refused <= tried
