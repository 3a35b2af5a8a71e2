"""Measure the outputs of `smmbench run` with the world's witnesses.

python -m smmbench_datasets.emoji.laboratory.witness results/ --dataset emoji --output rows.jsonl
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from smmbench.dataset import clip_named, edit_named, load_dataset
from smmbench.results import VIDEO, RunRecord, find_records
from smmbench.tracking import Tracks
from smmbench.video import Video, read_video
from smmbench_datasets.emoji.laboratory.measures import Measures, figures


def witness(
    root: Path, measures: Measures, seeds: Collection[int] | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of figures, one for each output below `root` of this dataset and these seeds."""
    name = measures.dataset.manifest.name
    found = [
        (folder, record)
        for folder, record in find_records(root)
        if record.request.dataset == name
        and record.status == "done"
        and (not seeds or record.request.seed in seeds)
    ]

    def read(one: tuple[Path, RunRecord]) -> tuple[Video, Tracks, Tracks | None]:
        video, pixels = read_video(one[0] / VIDEO), one[1].pixels_sha256
        return video, measures.track(video, pixels), measures.track_again(video, pixels)

    with ThreadPoolExecutor(max_workers=8) as pool:
        for (_, record), (video, first, second) in zip(found, pool.map(read, found), strict=True):
            asked = record.request
            clip = clip_named(measures.dataset, asked.clip)
            edit = edit_named(clip, asked.edit)
            measured = measures.measure(clip, edit.prompt, video, first, second)
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
    parser.add_argument("--second-tracker", help="such as lucas-kanade, beside the protocol's")
    parser.add_argument("--seed", type=int, nargs="+", help="only outputs of these seeds")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    measures = Measures(
        load_dataset(options.dataset), options.device, second=options.second_tracker
    )
    with options.output.open("w", encoding="utf-8") as file:
        for row in witness(options.results, measures, options.seed):
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
