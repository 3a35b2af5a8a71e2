"""Datasets and models bundled with the toolkit; each function is an entry point.

No function has the name of a folder next to it: importing that folder's modules would replace it.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def emoji_manifest() -> Path:
    """Manifest of the embedded world: rendered clips with ground-truth tracks."""
    return _HERE / "emoji" / "emoji.toml"


def emoji_val() -> Path:
    """Manifest of the embedded world's validation clips, for tuning."""
    return _HERE / "emoji" / "emoji-val.toml"


def emoji_wan_manifest() -> Path:
    """Manifest of the embedded world with 17 frames and graded edits."""
    return _HERE / "emoji_wan" / "emoji-wan.toml"


def emoji_wan_val() -> Path:
    """Manifest of that world's validation clips, for tuning."""
    return _HERE / "emoji_wan" / "emoji-wan-val.toml"


def dmt_page_manifest() -> Path:
    """Manifest of the real clips of the SMM paper's project page."""
    return _HERE / "dmt_page" / "dmt-page.toml"


def dmt_page_five() -> Path:
    """Manifest of that page's comparison of five methods."""
    return _HERE / "dmt_page" / "dmt-page-five.toml"


def emoji_backbone() -> Path:
    """Folder of the embedded text-to-video model, in diffusers' layout."""
    return _carried("backbone")


def emoji_clip() -> Path:
    """Folder of the embedded image and text model, in open_clip's layout."""
    return _carried("clip")


def emoji_wan_backbone() -> Path:
    """Folder of the embedded text-to-video transformer, in the layout of Wan 2.1."""
    return _carried("backbone", "emoji_wan")


def emoji_wan_clip() -> Path:
    """Folder of that world's image and text model, in open_clip's layout."""
    return _carried("residual", "emoji_wan")


def emoji_wan_clip_held_out() -> Path:
    """Folder of its second image and text model, held out from all tuning."""
    return _carried("patches", "emoji_wan")


def _carried(name: str, world: str = "emoji") -> Path:
    from smmbench_datasets.emoji.carried import carried  # listing datasets does not need it

    return carried(name, _HERE / world / "models")
