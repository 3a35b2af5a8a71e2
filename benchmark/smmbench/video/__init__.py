"""Videos: frames with a frame rate; reading, writing, pixel hashes, and the normal form.

Names are imported on first use, so that mathematical code, which needs only the class `Video`,
loads no video codec.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smmbench.errors import VideoError
from smmbench.video.references import Reference, backwards, held
from smmbench.video.types import Video

if TYPE_CHECKING:
    from smmbench.video.limits import Limits
    from smmbench.video.listing import ENDINGS, find_videos, is_video
    from smmbench.video.normal import NormalForm, normal_form
    from smmbench.video.reading import read_normal_form, read_video
    from smmbench.video.writing import write_lossless, write_preview

__all__ = [
    "ENDINGS",
    "Limits",
    "NormalForm",
    "Reference",
    "Video",
    "VideoError",
    "backwards",
    "find_videos",
    "held",
    "is_video",
    "normal_form",
    "read_normal_form",
    "read_video",
    "write_lossless",
    "write_preview",
]

_HOMES = {
    "NormalForm": "normal",
    "normal_form": "normal",
    "ENDINGS": "listing",
    "find_videos": "listing",
    "is_video": "listing",
    "Limits": "limits",
    "read_video": "reading",
    "read_normal_form": "reading",
    "write_lossless": "writing",
    "write_preview": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
