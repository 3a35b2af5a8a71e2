"""Recipes of official code, one TOML file each, provided by the entry point `smmbench.recipes`."""

from __future__ import annotations

from functools import partial
from pathlib import Path


def _recipe(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.toml")


smm = partial(_recipe, "official-smm")
tune_a_video = partial(_recipe, "official-tune-a-video")
tokenflow = partial(_recipe, "official-tokenflow")
control_a_video = partial(_recipe, "official-control-a-video")
motion_director = partial(_recipe, "official-motion-director")
vmc = partial(_recipe, "official-vmc")
motion_clone = partial(_recipe, "official-motion-clone")
moft = partial(_recipe, "official-moft")
ditflow = partial(_recipe, "official-ditflow")
