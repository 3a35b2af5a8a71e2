"""Autoencoders, one class of diffusers a file; a model's folder says which is its own."""

from smmbench.diffusion.codecs.codec import ClipCodec, Codec, Frames
from smmbench.diffusion.codecs.cogvideox import CogVideoXCodec
from smmbench.diffusion.codecs.image import ImageCodec
from smmbench.diffusion.codecs.wan import WanCodec

CODECS: tuple[type[Codec], ...] = (ImageCodec, WanCodec, CogVideoXCodec)
"""All that there are."""

__all__ = [
    "CODECS",
    "ClipCodec",
    "Codec",
    "CogVideoXCodec",
    "Frames",
    "ImageCodec",
    "WanCodec",
]
