"""Changes of light, colour and shape on batches of images, each image by a strength of its own [batch, 1, 1, 1].

Images [batch, channels, height, width] from 0 to 1. Three channels are red, green and blue; of others each is grey.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)


def grey(images: Tensor) -> Tensor:
    """The grey image, [batch, 1, height, width] for three channels (ITU-R BT.601); others stay as they are."""
    if images.shape[1] != 3:
        return images
    return (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def blend(images: Tensor, other: Tensor, strength: Tensor) -> Tensor:
    """`strength` of the images and the rest of another one, within 0 and 1; more than 1 leads away from the other."""
    return (strength * images + (1 - strength) * other).clamp(0, 1)


def brightness(images: Tensor, strength: Tensor) -> Tensor:
    """Blend towards black."""
    return blend(images, torch.zeros_like(images), strength)


def contrast(images: Tensor, strength: Tensor) -> Tensor:
    """Blend towards the mean of the grey image."""
    return blend(images, grey(images).mean((1, 2, 3), keepdim=True), strength)


def saturation(images: Tensor, strength: Tensor) -> Tensor:
    """Blend towards the grey image."""
    return blend(images, grey(images), strength)


def hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue by a share of the circle, in hue, saturation and value (Smith 1978); grey images stay."""
    if images.shape[1] != 3:
        return images
    highest, which = images.max(1)
    spread = highest - images.amin(1)
    safe = torch.where(spread > 0, spread, 1.0)

    # Sixths of the circle from red, by which channel is largest.
    red, green, blue = images.unbind(1)
    sixths = torch.stack(((green - blue) / safe, 2 + (blue - red) / safe, 4 + (red - green) / safe), 1)
    place = sixths.gather(1, which[:, None]) + 6 * turn

    # Back: each channel falls from the value by what its distance on the circle from its own sixth says.
    own = images.new_tensor([5.0, 3.0, 1.0]).view(1, 3, 1, 1)
    distance = (own + place) % 6
    fall = torch.minimum(distance, 4 - distance).clamp(0, 1)
    return (highest[:, None] - spread[:, None] * fall).clamp(0, 1)


def sharpness(images: Tensor, strength: Tensor) -> Tensor:
    """Blend towards a blurred image (3x3, the middle weighs 5 of 13); the border stays."""
    # Without an inside there is nothing to blur.
    if min(images.shape[-2:]) < 3:
        return images

    kernel = images.new_tensor([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]]) / 13
    channels = images.shape[1]
    soft = images.clone()
    soft[:, :, 1:-1, 1:-1] = functional.conv2d(images, kernel.expand(channels, 1, 3, 3), groups=channels)
    return blend(images, soft, strength)


def solarize(images: Tensor, threshold: Tensor) -> Tensor:

    """Turn numbers that reach the threshold into their opposite."""
    return torch.where(images >= threshold, 1 - images, images)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep so many of the 8 bits of each number."""
    # The lowest bits are cut off, as Pillow does.
    step = 2.0 ** (8 - bits)
    levels = (images * 255).round()
    return (levels / step).floor() * step / 255


def autocontrast(images: Tensor) -> Tensor:
    """Stretch each channel so that its darkest number is 0 and its brightest 1; an even one stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    spread = high - low
    return torch.where(spread > 0, (images - low) / spread.clamp_min(1e-12), images)


def equalize(images: Tensor) -> Tensor:
    """Make each channel's histogram of 256 numbers even, as Pillow does it."""
    batch, channels, height, width = images.shape
    levels = (images * 255).round().clamp(0, 255).long().flatten(2)
    counts = torch.zeros(batch, channels, 256, dtype=torch.int64, device=images.device)
    counts.scatter_add_(2, levels, torch.ones_like(levels))

    # Pillow leaves the brightest level out of the step; where nothing else is there, the channel stays.
    last = counts.gather(2, levels.amax(2, keepdim=True))
    step = (height * width - last) // 255
    table = (counts.cumsum(2) - counts + step // 2) // step.clamp_min(1)

    even = table.clamp(0, 255).gather(2, levels)
    return torch.where(step == 0, levels, even).to(images.dtype).div(255).reshape(images.shape)


def moved(images: Tensor, matrix: Tensor) -> Tensor:
    """Images under maps [batch, 2, 3] from places of the result to places of the image, in pixels from the middle.

    Nearest neighbours; what lies outside is 0.
    """
    height, width = images.shape[-2:]
    size = matrix.new_tensor([width / 2, height / 2])

    # Torch counts from -1 to 1 along each axis, whatever its length.
    scaled = matrix.clone()
    scaled[:, :, :2] = matrix[:, :, :2] * size[None, None, :] / size[None, :, None]
    scaled[:, :, 2] = matrix[:, :, 2] / size

    grid = functional.affine_grid(scaled.to(images), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="nearest", padding_mode="zeros", align_corners=False)


def rotation(degrees: Tensor) -> Tensor:
    """Counter-clockwise around the middle, [batch] to maps [batch, 2, 3]."""
    angle = degrees * (math.pi / 180)
    cos, sin, none = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return torch.stack((torch.stack((cos, -sin, none), 1), torch.stack((sin, cos, none), 1)), 1)


def scaling(factor: Tensor) -> Tensor:
    """Larger by a factor, from the middle, [batch] to maps [batch, 2, 3]."""
    none = torch.zeros_like(factor)
    return torch.stack((torch.stack((1 / factor, none, none), 1), torch.stack((none, 1 / factor, none), 1)), 1)


def shear(across: Tensor, down: Tensor) -> Tensor:
    """A result's place reads `x + across y`, `y + down x`, [batch] to maps [batch, 2, 3]."""
    one, none = torch.ones_like(across), torch.zeros_like(across)
    return torch.stack((torch.stack((one, across, none), 1), torch.stack((down, one, none), 1)), 1)


def translation(right: Tensor, down: Tensor) -> Tensor:
    """So many pixels to the right and down, [batch] to maps [batch, 2, 3]."""
    one, none = torch.ones_like(right), torch.zeros_like(right)
    return torch.stack((torch.stack((one, none, -right), 1), torch.stack((none, one, -down), 1)), 1)
