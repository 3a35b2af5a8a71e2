"""3x3 convolutions of small images with a quarter of the multiplications.

Winograd's F(4x4, 3x3), as Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR
2016): tiles of 6x6 numbers and the weights are transformed, multiplied place by place, and
transformed back to tiles of 4x4. Images here are so small that each transform, with the zeros
around the image, is one matrix.
"""

from __future__ import annotations

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

TILE, SPAN = 4, 6
_INPUT = [  # B^T of the paper
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
_WEIGHT = [  # G
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
]
_OUTPUT = [  # A^T
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
]

Images = Float[Tensor, "frame _channel rows columns"]


def pays(channels: int, out: int, rows: int, columns: int) -> bool:
    """Whether images can be cut into tiles and transforms cost less than they save."""
    places = rows * columns
    return (
        not rows % TILE and not columns % TILE and places * (channels + out) < 1.5 * channels * out
    )


def transform_weight(weight: Float[Tensor, "out channel 3 3"]) -> Float[Tensor, "36 channel out"]:
    """Of a 3x3 convolution, for `convolve`; computed in float64."""
    g = weight.new_tensor(_WEIGHT, dtype=torch.float64)
    found = torch.einsum("ai,bj,ocij->abco", g, g, weight.double())
    return found.flatten(0, 1).to(weight.dtype).contiguous()


def convolve(
    x: Images, transformed: Float[Tensor, "36 channel out"], bias: Float[Tensor, " out"] | None
) -> Images:
    """Convolve channels-last images, with one zero around them."""
    frames, channels, rows, columns = x.shape
    into, back = _transforms(rows, columns)
    x = x.permute(2, 3, 0, 1).reshape(rows * columns, frames * channels)
    tiles = (into @ x).view(SPAN**2, -1, channels)  # rows: tile, frame
    products = torch.bmm(tiles, transformed).view(back.shape[1], -1)  # rows: place in tile, tile
    found = (back @ products).view(rows, columns, frames, -1)
    found = found if bias is None else found + bias
    return found.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


@cache
def _transforms(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """From places of an image to (place in tile, tile), and from there to the output's places."""
    (into_rows, from_rows), (into_columns, from_columns) = _along(rows), _along(columns)
    into = torch.einsum("atr,bsc->abtsrc", into_rows, into_columns)
    back = torch.einsum("rat,cbs->rcabts", from_rows, from_columns)
    places = rows * columns
    return into.reshape(-1, places).float(), back.reshape(places, -1).float()


def _along(
    length: int,
) -> tuple[Float[Tensor, "6 tile length"], Float[Tensor, "length 6 tile"]]:
    """The transforms along one axis, tile by tile; what lies outside of the image is zero."""
    tiles = length // TILE
    padded = torch.zeros(SPAN, tiles, length + 2, dtype=torch.float64)
    back = torch.zeros(length, SPAN, tiles, dtype=torch.float64)
    for tile in range(tiles):
        start = tile * TILE
        padded[:, tile, start : start + SPAN] = padded.new_tensor(_INPUT)
        back[start : start + TILE, :, tile] = back.new_tensor(_OUTPUT)
    return padded[:, :, 1:-1], back
