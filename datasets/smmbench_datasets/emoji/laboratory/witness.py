"""Measure the outputs of `smmbench run` with the world's witnesses.

python -m smmbench_datasets.emoji.laboratory.witness results/ --dataset emoji --output rows.jsonl
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from smmbench.dataset import clip_named, edit_named, load_dataset
from smmbench.results import VIDEO, RunRecord, find_records
from smmbench.tracking import Tracks
from smmbench.video import Video, read_video
from smmbench_datasets.emoji.laboratory.measures import Measures, figures


def witness(root: Path, measures: Measures) -> Iterator[dict[str, Any]]:
    """Rows of figures, one for each output below `root` of the measures' dataset."""
    name = measures.dataset.manifest.name
    found = [
        (folder, record)
        for folder, record in find_records(root)
        if record.request.dataset == name and record.status == "done"
    ]

    def read(one: tuple[Path, RunRecord]) -> tuple[Video, Tracks]:
        video = read_video(one[0] / VIDEO)
        return video, measures.track(video, one[1].pixels_sha256)

    with ThreadPoolExecutor(max_workers=8) as pool:
        for (_, record), (video, tracks) in zip(found, pool.map(read, found), strict=True):
            asked = record.request
            clip = clip_named(measures.dataset, asked.clip)
            edit = edit_named(clip, asked.edit)
            measured = measures.measure(clip, edit.prompt, video, tracks)
            yield {
                "setting": asked.method,
                "clip": asked.clip,
                "edit": asked.edit,
                "kind": edit.kind,
                "seed": asked.seed,
                "pixels": record.pixels_sha256,
                **figures(measured),
            }


def main() -> None:
    """Write one JSON line an output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--dataset", default="emoji")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    measures = Measures(load_dataset(options.dataset), options.device)
    with options.output.open("w", encoding="utf-8") as file:
        for row in witness(options.results, measures):
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
