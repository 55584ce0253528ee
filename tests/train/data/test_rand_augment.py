"""Changes of light and shape beside Pillow's and torchvision's; what is drawn for each image."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from archlang.ops.values import Option
from archlang.train.data.augmentation import colours as c
from archlang.train.data.augmentation.augment import AUGMENTATIONS, augment
from archlang.train.data.augmentation.rand_augment import CHANGES

ROWS = torch.randint(0, 256, (3, 3, 16, 12), generator=torch.Generator().manual_seed(0))
IMAGES = ROWS.float() / 255


def strength(value: float) -> torch.Tensor:
    return torch.full((3, 1, 1, 1), value)


def by_pillow(change: Callable[[Image.Image], Image.Image]) -> torch.Tensor:
    made = [change(Image.fromarray(row.permute(1, 2, 0).to(torch.uint8).numpy())) for row in ROWS]
    return torch.stack([torch.from_numpy(numpy.array(one)).permute(2, 0, 1) for one in made]).float() / 255


@pytest.mark.parametrize(("ours", "theirs", "levels"), [
    (c.autocontrast, ImageOps.autocontrast, 1),
    (c.equalize, ImageOps.equalize, 0),
    (lambda x: c.solarize(x, strength(100 / 255)), lambda image: ImageOps.solarize(image, 100), 0),
    (lambda x: c.posterize(x, strength(3.0)), lambda image: ImageOps.posterize(image, 3), 0),
    (lambda x: c.brightness(x, strength(0.4)), lambda image: ImageEnhance.Brightness(image).enhance(0.4), 1),
    (lambda x: c.contrast(x, strength(1.7)), lambda image: ImageEnhance.Contrast(image).enhance(1.7), 2),
    (lambda x: c.saturation(x, strength(0.3)), lambda image: ImageEnhance.Color(image).enhance(0.3), 2),
    (lambda x: c.sharpness(x, strength(0.2)), lambda image: ImageEnhance.Sharpness(image).enhance(0.2), 2),
    (lambda x: c.moved(x, c.translation(torch.full((3,), 2.0), torch.full((3,), -3.0))),
     lambda image: image.transform(image.size, Image.Transform.AFFINE, (1, 0, -2, 0, 1, 3)), 0),
], ids=["autocontrast", "equalize", "solarize", "posterize", "brightness", "contrast", "saturation", "sharpness",
        "translate"])
def test_as_pillow_does_it(ours: Callable[[torch.Tensor], torch.Tensor],
                           theirs: Callable[[Image.Image], Image.Image], levels: int) -> None:
    assert float((ours(IMAGES) - by_pillow(theirs)).abs().max()) <= (levels + 0.01) / 255


def test_hue_is_turned_as_colorsys_has_it() -> None:
    for turn in (0.1, -0.3, 0.5):
        made = c.hue(IMAGES, strength(turn))
        for row, y, x in ((0, 0, 0), (1, 7, 3), (2, 15, 11)):
            h, s, v = colorsys.rgb_to_hsv(*IMAGES[row, :, y, x].tolist())
            assert made[row, :, y, x].tolist() == pytest.approx(colorsys.hsv_to_rgb((h + turn) % 1, s, v), abs=1e-5)
    assert c.hue(IMAGES, strength(1.0)).allclose(IMAGES, atol=1e-5)
    grey = IMAGES.mean(1, keepdim=True)
    assert c.hue(grey, strength(0.3)) is grey
    assert c.hue(grey.expand(-1, 3, -1, -1), strength(0.3)).allclose(grey.expand(-1, 3, -1, -1))


def test_turns_go_counter_clockwise() -> None:
    square = torch.rand(2, 1, 8, 8)
    for degrees, quarter in ((90.0, 1), (180.0, 2), (-90.0, -1)):
        made = c.moved(square, c.rotation(torch.full((2,), degrees)))
        assert made.allclose(square.rot90(quarter, (2, 3)), atol=1e-6)
    image = Image.fromarray((square[0, 0] * 255).to(torch.uint8).numpy())
    turned = torch.from_numpy(numpy.array(image.rotate(90)))
    assert (c.moved(square, c.rotation(torch.full((2,), 90.0)))[0, 0] * 255).to(torch.uint8).equal(turned)


def test_a_shear_and_a_scale_are_where_they_should_be() -> None:
    point = torch.zeros(1, 1, 9, 9)
    point[0, 0, 6, 4] = 1  # two below the middle
    assert c.moved(point, c.shear(torch.tensor([-0.5]), torch.tensor([0.0])))[0, 0].nonzero().tolist() == [[6, 5]]
    assert c.moved(point, c.scaling(torch.tensor([2.0])))[0, 0, 8, 4] == 1


# Windows are smaller than their images: they have tests of their own.
@pytest.mark.parametrize("name", sorted(AUGMENTATIONS.keys() - {"crop_from"}))
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_augmentation_keeps_form_and_range_and_repeats_by_its_seed(name: str, channels: int) -> None:
    from archlang.ops import CATALOGUE

    setting = CATALOGUE.setting("augmentation", name)
    assert setting is not None
    option = Option(name, "augmentation", {arg.name: arg.default for arg in setting.args})
    images = torch.rand(32, channels, 9, 7)
    first, again, other = (augment(images, [option], torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert first.equal(again) and first.shape == images.shape and first.dtype == images.dtype
    assert float(first.min()) >= 0 and float(first.max()) <= 1
    assert not first.equal(images) or (name == "grayscale" and channels != 3)
    assert not first.equal(other) or (name == "grayscale" and channels != 3)


def test_a_noisy_strength_is_drawn_for_each_image_and_change(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    for name in CHANGES:
        monkeypatch.setitem(CHANGES, name, lambda images, share, sign: seen.append(share.flatten()) or images)
    images = torch.rand(4000, 1, 2, 2)
    for strength, noise, mean, deviation in ((21, 1.5, 0.7, 0.05), (9, 0, 0.3, 0)):
        seen.clear()
        option = Option("rand_augment", "augmentation", {"count": 2, "strength": strength, "noise": noise})
        augment(images, [option], torch.Generator().manual_seed(0))
        shares = torch.cat(seen)
        assert len(shares) == 8000
        assert float(shares.mean()) == pytest.approx(mean, abs=0.003)
        assert float(shares.std()) == pytest.approx(deviation, abs=0.003)

    seen.clear()
    strongest = Option("rand_augment", "augmentation", {"count": 1, "strength": 30, "noise": 3})
    augment(images, [strongest], torch.Generator().manual_seed(0))
    assert 0.4 < float((torch.cat(seen) == 1).double().mean()) < 0.6


def test_rand_augment_draws_all_changes() -> None:
    assert len(CHANGES) == 14
    images = torch.rand(1, 3, 8, 8).expand(400, -1, -1, -1).contiguous()
    made = augment(images, [Option("rand_augment", "augmentation", {"count": 1, "strength": 30, "noise": 0})],
                   torch.Generator().manual_seed(0))
    kinds = {tuple(row.flatten().mul(255).round().int().tolist()) for row in made}
    assert len(kinds) >= 14
