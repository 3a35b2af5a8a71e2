"""Write the manifests of the project page from a copy of its files.

    python -m smmbench_datasets.dmt_page.make FOLDER

FOLDER contains `results/<clip>/` and `comparisons/<clip>/`, which the page calls `results` and
`comparisons/figure_6`. Run it again when the normal form of videos changes, because the pixel
hashes change with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from smmbench.storage.atomic import write_text
from smmbench.storage.home import file_sha256
from smmbench.video import NormalForm, normal_form, read_video
from smmbench_datasets.dmt_page.page import (
    ADDRESS,
    COMPARISONS,
    FEWER_FRAMES,
    METHODS,
    RESULTS,
)

FORM = NormalForm(frames=24, width=576, height=320, fps=10)
LICENCE = "CC-BY-SA-4.0"
PAPER = "Space-Time Diffusion Features for Zero-Shot Text-Driven Motion Transfer"
ATTRIBUTION = (
    f'Danah Yatim, Rafail Fridman, Omer Bar-Tal, Yoni Kasten, Tali Dekel: project page of "{PAPER}"'
    " (CVPR 2024), https://diffusion-motion-transfer.github.io/, unchanged"
)

PROTOCOL = """\
[protocol]
version = 2
frames = 24
width = 576
height = 320
fps = 10.0
seeds = [0]
text_model = "ViT-B-32:openai"
tracker = "dis"
grid = 30
still_threshold = 0.5
"""

RESULTS_TEXT = """\
Twelve real clips with two target prompts each, as the paper's authors show them, and their own \
outputs. Clips have 24 frames of 576x320 at 10 a second, but for `dog_jump` (16) and `elephant` \
(14): these, and what is made of them, keep their own number of frames. The page gives no prompts \
for the sources."""

COMPARISONS_TEXT = """\
Three real clips with one target prompt each, and what five methods made of them, as the paper's \
authors show them: a set of its own, so that each of the five covers all of it. Its `airplane` is \
the footage of `dmt-page`, compressed again. The page gives no prompts for the sources."""


def main(folder: Path) -> None:
    """Write both manifests into the folder of this file."""
    here = Path(__file__).parent
    write_text(here / "dmt-page.toml", "\n".join(_results(folder)))
    write_text(here / "dmt-page-five.toml", "\n".join(_comparisons(folder)))


def _results(folder: Path) -> Iterator[str]:
    title = "Clips of the SMM paper's project page"
    yield from _head("dmt-page", title, RESULTS_TEXT, ["smm-published"])
    yield from _clips(folder, "results", RESULTS)
    for clip, edits in RESULTS.items():
        for edit in edits:
            yield from _output(folder, "smm-published", clip, edit, f"results/{clip}/{edit}.mp4")


def _comparisons(folder: Path) -> Iterator[str]:
    title = "Comparison of five methods on the SMM paper's project page"
    yield from _head("dmt-page-five", title, COMPARISONS_TEXT, list(METHODS))
    yield from _clips(folder, "comparisons", COMPARISONS)
    for method, (name, _, _) in METHODS.items():
        for clip, edits in COMPARISONS.items():
            path = f"comparisons/{clip}/{name}.mp4"
            for edit in edits:
                yield from _output(folder, method, clip, edit, path)


def _head(name: str, title: str, description: str, methods: list[str]) -> Iterator[str]:
    yield "# Written by `python -m smmbench_datasets.dmt_page.make`; edit page.py or make.py."
    yield f"name = {_text(name)}"
    yield "version = 1"
    yield f"title = {_text(title)}"
    yield f"description = {_text(description)}"
    yield f"licence = {_text(LICENCE)}"
    yield f"citation = {_text(f'Yatim et al., {PAPER}, CVPR 2024, arXiv:2311.17009')}"
    yield 'home = "https://diffusion-motion-transfer.github.io/"'
    yield f"\n{PROTOCOL}"
    for method in methods:
        _, method_title, paper = METHODS[method]
        yield "[[methods]]"
        yield f"name = {_text(method)}"
        yield f"title = {_text(method_title)}"
        yield f"paper = {_text(paper)}"
        yield f"licence = {_text(LICENCE)}\n"


def _clips(folder: Path, part: str, clips: dict[str, dict[str, str]]) -> Iterator[str]:
    for clip, edits in clips.items():
        path = f"{part}/{clip}/original.mp4"
        frames = FEWER_FRAMES.get(clip, FORM.frames)
        form = NormalForm(frames, FORM.width, FORM.height, FORM.fps)
        yield "[[clips]]"
        yield f"name = {_text(clip)}"
        yield f"video = {_file(folder, path)}"
        yield f"pixels_sha256 = {_text(normal_form(read_video(folder / path), form).pixels_sha256)}"
        if frames != FORM.frames:
            yield f"frames = {frames}"
        yield f"licence = {_text(LICENCE)}"
        yield f"attribution = {_text(ATTRIBUTION)}"
        yield "edits = ["
        for edit, prompt in edits.items():
            yield f"  {{ name = {_text(edit)}, prompt = {_text(prompt)} }},"
        yield "]\n"


def _output(folder: Path, method: str, clip: str, edit: str, path: str) -> Iterator[str]:
    yield "[[outputs]]"
    yield f"method = {_text(method)}"
    yield f"clip = {_text(clip)}"
    yield f"edit = {_text(edit)}"
    yield f"video = {_file(folder, path)}\n"


def _file(folder: Path, path: str) -> str:
    url = f"{ADDRESS}/{path.replace('comparisons/', 'comparisons/figure_6/')}"
    sha256 = file_sha256(folder / path)
    return f"{{ path = {_text(path)}, sha256 = {_text(sha256)}, url = {_text(url)} }}"


def _text(text: str) -> str:
    """Write a TOML string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
