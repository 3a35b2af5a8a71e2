"""Autoencoders, one class of diffusers per file; a model's folder states which one it uses."""

from smmbench.diffusion.codecs.codec import ClipCodec, Codec, Frames
from smmbench.diffusion.codecs.cogvideox import CogVideoXCodec
from smmbench.diffusion.codecs.image import ImageCodec
from smmbench.diffusion.codecs.wan import WanCodec

CODECS: tuple[type[Codec], ...] = (ImageCodec, WanCodec, CogVideoXCodec)
"""All supported autoencoders."""

__all__ = [
    "CODECS",
    "ClipCodec",
    "Codec",
    "CogVideoXCodec",
    "Frames",
    "ImageCodec",
    "WanCodec",
]
