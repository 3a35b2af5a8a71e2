"""Cards of methods whose videos are only imported: closed, unavailable, or published outputs."""

from __future__ import annotations

from functools import partial
from pathlib import Path


def _card(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.toml")


gen_1 = partial(_card, "gen-1")
sa_nla = partial(_card, "sa-nla")
smm_published = partial(_card, "smm-published")
tune_a_video = partial(_card, "tune-a-video-published")
tokenflow = partial(_card, "tokenflow-published")
control_a_video = partial(_card, "control-a-video-published")
