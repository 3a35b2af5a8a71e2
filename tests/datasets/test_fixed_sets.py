"""The manifests of the embedded worlds are what their makers write."""

from __future__ import annotations

from pathlib import Path

import pytest

from smmbench.dataset import load_dataset
from smmbench_datasets.emoji import make as emoji
from smmbench_datasets.emoji.fixed_sets import FixedClip, FixedSet, entry, head
from smmbench_datasets.emoji.selection import choose_clips
from smmbench_datasets.emoji.world import World
from smmbench_datasets.emoji_wan import make as emoji_wan
from smmbench_datasets.emoji_wan.selection import choose_clips as choose_graded_clips


def emoji_clips(fixed: FixedSet) -> list[FixedClip]:
    choices = choose_clips(fixed.split, fixed.clips_per_motion, fixed.seed)
    return [emoji.fixed_clip(World(), choice) for choice in choices]


def emoji_wan_clips(fixed: FixedSet) -> list[FixedClip]:
    choices = choose_graded_clips(fixed.split, fixed.clips_per_motion, fixed.seed)
    return [emoji_wan.fixed_clip(choice) for choice in choices]


@pytest.mark.parametrize("fixed", emoji.SETS, ids=lambda fixed: fixed.name)
def test_the_manifest_of_emoji_is_what_is_written(fixed: FixedSet) -> None:
    lines = head(fixed, emoji.MODULE, emoji.description(fixed), emoji.PROTOCOL)
    text = "\n".join([*lines, *entries(fixed, emoji_clips(fixed), emoji.HERE / "clips")])
    assert text == (emoji.HERE / f"{fixed.name}.toml").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("fixed", emoji_wan.SETS, ids=lambda fixed: fixed.name)
def test_the_manifest_of_emoji_wan_is_what_is_written(fixed: FixedSet) -> None:
    lines = head(fixed, emoji_wan.MODULE, emoji_wan.description(fixed), emoji_wan.PROTOCOL)
    text = "\n".join([*lines, *entries(fixed, emoji_wan_clips(fixed), emoji_wan.HERE / "clips")])
    assert text == (emoji_wan.HERE / f"{fixed.name}.toml").read_text("utf-8")


def entries(fixed: FixedSet, clips: list[FixedClip], folder: Path) -> list[str]:
    """The lines of clips, with the pixels that the manifest states."""
    pixels = {clip.name: clip.pixels_sha256 for clip in load_dataset(fixed.name).manifest.clips}
    place = folder / fixed.name
    return [
        line
        for clip in clips
        for line in entry(clip, f"clips/{fixed.name}", place, pixels[clip.name])
    ]
