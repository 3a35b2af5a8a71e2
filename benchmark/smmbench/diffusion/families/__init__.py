"""Families of text-to-video backbones, one per file; models of other families are refused."""

from smmbench.diffusion.families.cogvideox import CogVideoX
from smmbench.diffusion.families.family import Family, Feature, Latent, Text
from smmbench.diffusion.families.unet3d import UNet3D
from smmbench.diffusion.families.wan import Wan

FAMILIES: tuple[Family, ...] = (UNet3D(), Wan(), CogVideoX())
"""All supported families."""

__all__ = [
    "FAMILIES",
    "CogVideoX",
    "Family",
    "Feature",
    "Latent",
    "Text",
    "Tokens",
    "UNet3D",
    "Wan",
]
