"""Videos: frames and a rate; reading, writing, pixel hash, and the normal form that is scored."""

from smmbench.video.normal import NormalForm, normal_form
from smmbench.video.reading import ENDINGS, Limits, read_video
from smmbench.video.types import Video, VideoError
from smmbench.video.writing import write_lossless, write_preview

__all__ = [
    "ENDINGS",
    "Limits",
    "NormalForm",
    "Video",
    "VideoError",
    "normal_form",
    "read_video",
    "write_lossless",
    "write_preview",
]
